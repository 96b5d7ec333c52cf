import type { Database } from './database.ts';

/**
 * `open`: written down, its outcome not known (not sent yet, or no answer came). `accepted`: the agent has it as a
 * task. `refused`: the agent said no. `lost`: given up, the agent never had it; the person was told.
 */
export type CommandState = 'open' | 'accepted' | 'refused' | 'lost';

/** An order to an agent, as it is journalled before it is sent. Holds no secrets. */
export interface CommandRecord {
  requestId: string;
  hostId: string;
  method: string;
  params: unknown;
  /** For sentences: "Protect web". */
  subject: string;
  state: CommandState;
  orderedAt: number;
  taskId: string | null;
}

interface CommandRow {
  request_id: string;
  host_id: string;
  method: string;
  params: string;
  subject: string;
  state: CommandState;
  ordered_at: number;
  task_id: string | null;
}

export class CommandTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  get(requestId: string): CommandRecord | null {
    const row = this.#db
      .prepare<[string], CommandRow>('SELECT * FROM command WHERE request_id = ?')
      .get(requestId);
    return row ? fromRow(row) : null;
  }

  openFor(hostId: string): CommandRecord[] {
    return this.#db
      .prepare<[string], CommandRow>(
        "SELECT * FROM command WHERE state = 'open' AND host_id = ? ORDER BY ordered_at",
      )
      .all(hostId)
      .map(fromRow);
  }

  /** Durable when it returns (`synchronous = FULL`). */
  add(command: Omit<CommandRecord, 'state' | 'taskId'>): void {
    this.#db
      .prepare(
        `INSERT INTO command VALUES (@requestId, @hostId, @method, @params, @subject, 'open', @orderedAt, NULL)`,
      )
      .run({ ...command, params: JSON.stringify(command.params) });
  }

  settle(requestId: string, state: CommandState, taskId: string | null): void {
    this.#db
      .prepare('UPDATE command SET state = ?, task_id = ? WHERE request_id = ?')
      .run(state, taskId, requestId);
  }
}

function fromRow(row: CommandRow): CommandRecord {
  return {
    requestId: row.request_id,
    hostId: row.host_id,
    method: row.method,
    params: JSON.parse(row.params),
    subject: row.subject,
    state: row.state,
    orderedAt: row.ordered_at,
    taskId: row.task_id,
  };
}
