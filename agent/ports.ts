/** Time as the agent's rooms see it; injected so that they run under simulated time. */
export interface Clock {
  /** Wall clock, ms since the epoch: for people only, never for decisions. */
  now(): number;
  /** Milliseconds since the host's boot, suspend included. */
  bootMs(): number;
  setTimeout(run: () => void, ms: number): { cancel(): void };
}

/** One line of diagnostics; never secrets. */
export type Log = (level: 'debug' | 'info' | 'warn', text: string) => void;
