import type { Database } from './database.ts';

/** Small values by name, as JSON. */
export class SettingTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(key: string): unknown {
    const text = this.#db.prepare('SELECT value FROM setting WHERE key = ?').pluck().get(key);
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  }

  put(key: string, value: unknown): void {
    this.#db
      .prepare('INSERT INTO setting VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
      .run(key, JSON.stringify(value));
  }
}

interface HostKeyRow {
  algorithm: string;
  fingerprint: string;
}

/** Host keys a person confirmed, by the address they were seen at. */
export class HostKeyTable {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  get(address: string, port: number): HostKeyRow | null {
    const row = this.#db
      .prepare<[string, number], HostKeyRow>(
        'SELECT algorithm, fingerprint FROM host_key WHERE address = ? AND port = ?',
      )
      .get(address, port);
    return row ?? null;
  }

  put(address: string, port: number, key: HostKeyRow): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO host_key VALUES (?, ?, ?, ?, ?)')
      .run(address, port, key.algorithm, key.fingerprint, this.#now());
  }
}

/** Ciphertext of the system's keychain, by name. */
export class SecretTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(name: string): Uint8Array | null {
    const blob = this.#db.prepare('SELECT ciphertext FROM secret WHERE key = ?').pluck().get(name);
    return blob instanceof Uint8Array ? blob : null;
  }

  put(name: string, blob: Uint8Array): void {
    this.#db.prepare('INSERT OR REPLACE INTO secret VALUES (?, ?)').run(name, Buffer.from(blob));
  }

  delete(name: string): void {
    this.#db.prepare('DELETE FROM secret WHERE key = ?').run(name);
  }
}
