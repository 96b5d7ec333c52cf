/**
 * The database's history, oldest first. SQLite's `user_version` counts how many were applied.
 * Only ever append: a migration that was released is never edited.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE host (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    site TEXT NOT NULL,
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    user TEXT NOT NULL,
    role TEXT NOT NULL,
    -- How to log in, without secrets: {"method":"key","path":"..."}
    login TEXT NOT NULL,
    -- /etc/machine-id, '' when unknown: tells the same machine under another address.
    machine_id TEXT NOT NULL,
    -- How agents on other hosts reach its agent and its replicas.
    peer_address TEXT NOT NULL,
    peer_port INTEGER NOT NULL,
    replication_port INTEGER NOT NULL,
    added_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE host_key (
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    algorithm TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    trusted_at INTEGER NOT NULL,
    PRIMARY KEY (address, port)
  ) STRICT;

  -- Encrypted by the operating system's keychain; never plaintext.
  CREATE TABLE secret (key TEXT PRIMARY KEY, ciphertext BLOB NOT NULL) STRICT;

  -- What each host said last, so that a silent host is shown with its age.
  CREATE TABLE host_state (
    host_id TEXT PRIMARY KEY REFERENCES host (id) ON DELETE CASCADE,
    heard_at INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT;

  -- This console's own history (source 'console') and copies of the agents' (source = host id).
  CREATE TABLE audit (
    source TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    pair_id TEXT,
    text TEXT NOT NULL,
    evidence TEXT,
    PRIMARY KEY (source, seq)
  ) STRICT;
  CREATE INDEX audit_by_time ON audit (at);

  -- Every order is written here before it is sent.
  CREATE TABLE command (
    request_id TEXT PRIMARY KEY,
    host_id TEXT NOT NULL,
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    -- For sentences: "Protect web".
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'refused', 'lost')),
    ordered_at INTEGER NOT NULL,
    task_id TEXT
  ) STRICT;
  `,
];
