import * as v from 'valibot';
import { AgentState, HostRole } from '../../../agent/protocol/index.ts';
import type { Database } from './database.ts';

/** How to log in, without the secret that may belong to it. */
export const LoginMethod = v.variant('method', [
  v.object({ method: v.literal('agent') }),
  v.object({ method: v.literal('key'), path: v.string() }),
  v.object({ method: v.literal('password') }),
]);
export type LoginMethod = v.InferOutput<typeof LoginMethod>;

/** A host this console looks after, as it is kept. */
export interface HostRecord {
  id: string;
  name: string;
  site: string;
  address: string;
  port: number;
  user: string;
  role: HostRole;
  login: LoginMethod;
  /** /etc/machine-id; '' when unknown. */
  machineId: string;
  /** How agents on other hosts reach its agent and its replicas. */
  peer: { address: string; port: number; replicationPort: number };
  addedAt: number;
}

interface HostRow {
  id: string;
  name: string;
  site: string;
  address: string;
  port: number;
  user: string;
  role: string;
  login: string;
  machine_id: string;
  peer_address: string;
  peer_port: number;
  replication_port: number;
  added_at: number;
}

export interface LastState {
  heardAt: number;
  state: AgentState;
}

/** Hosts in the order they were added, with what each said last. */
export class HostTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  list(): HostRecord[] {
    return this.#db.prepare<[], HostRow>('SELECT * FROM host ORDER BY added_at, id').all().map(fromRow);
  }

  put(host: HostRecord): void {
    const { login, peer, ...flat } = host;
    this.#db
      .prepare(
        `INSERT INTO host VALUES (@id, @name, @site, @address, @port, @user, @role, @login,
           @machineId, @peerAddress, @peerPort, @replicationPort, @addedAt)
         ON CONFLICT (id) DO UPDATE SET name = @name, site = @site, address = @address, port = @port, user = @user,
           role = @role, login = @login, machine_id = @machineId,
           peer_address = @peerAddress, peer_port = @peerPort, replication_port = @replicationPort`,
      )
      .run({
        ...flat,
        login: JSON.stringify(login),
        peerAddress: peer.address,
        peerPort: peer.port,
        replicationPort: peer.replicationPort,
      });
  }

  delete(id: string): void {
    this.#db.prepare('DELETE FROM host WHERE id = ?').run(id);
  }

  keepState(id: string, last: LastState): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO host_state VALUES (?, ?, ?)')
      .run(id, last.heardAt, JSON.stringify(last.state));
  }

  /** Null when nothing was kept, or a former version kept it in a shape no longer understood. */
  lastState(id: string): LastState | null {
    const row = this.#db
      .prepare<[string], { heard_at: number; state: string }>(
        'SELECT heard_at, state FROM host_state WHERE host_id = ?',
      )
      .get(id);
    if (row === undefined) return null;
    const state = v.safeParse(AgentState, JSON.parse(row.state));
    return state.success ? { heardAt: row.heard_at, state: state.output } : null;
  }
}

function fromRow(row: HostRow): HostRecord {
  return {
    id: row.id,
    name: row.name,
    site: row.site,
    address: row.address,
    port: row.port,
    user: row.user,
    role: v.parse(HostRole, row.role),
    login: v.parse(LoginMethod, JSON.parse(row.login)),
    machineId: row.machine_id,
    peer: { address: row.peer_address, port: row.peer_port, replicationPort: row.replication_port },
    addedAt: row.added_at,
  };
}
