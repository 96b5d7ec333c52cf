import { spawn } from 'node:child_process';

/** How long storage may take to answer before it counts as hanging, ms. */
const LIMIT_MS = 4_000;

export interface ToolResult {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Looks at files of storage that may hang (a hard-mounted NFS server that is away), always in a process of its own: a read or
 * fsync of the agent's own would keep one of its few threads for as long as that lasts, and the votes of every other machine
 * need them. A process that hangs is left behind, and nothing else is begun on that image until it is gone.
 */
export class StorageTools {
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #hanging = new Map<string, number>();

  /** Null: the storage does not answer. */
  async run(image: string, argv: [string, ...string[]], input = ''): Promise<ToolResult | null> {
    const before = this.#turns.get(image);
    const turn = (before ?? Promise.resolve()).then(() =>
      this.#hanging.has(image) ? null : this.#spawn(image, argv, input),
    );
    this.#turns.set(image, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(image) === turn) this.#turns.delete(image);
    }
  }

  #spawn(image: string, [file, ...args]: [string, ...string[]], input: string): Promise<ToolResult | null> {
    return new Promise((resolve) => {
      const child = spawn(file, args, {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      const said = { stdout: '', stderr: '' };
      const timer = setTimeout(() => {
        const pid = child.pid ?? 0;
        this.#hanging.set(image, pid);
        child.kill('SIGKILL');
        resolve(null);
      }, LIMIT_MS);
      const over = (code: number): void => {
        clearTimeout(timer);
        this.#hanging.delete(image);
        resolve({ code, ...said });
      };
      for (const name of ['stdout', 'stderr'] as const)
        child[name].setEncoding('utf8').on('data', (text: string) => {
          said[name] += text;
        });
      child.on('error', () => over(-1));
      child.on('close', (code) => over(code ?? -1));
      // One that has ended already takes nothing.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  }
}
