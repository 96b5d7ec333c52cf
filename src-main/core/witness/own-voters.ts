import type { Envelope } from '../../../agent/lease/messages.ts';
import type { VoteStore } from '../../../agent/lease/vote-store.ts';
import { Voters } from '../../../agent/lease/voters.ts';

/** How long a goodbye may take: then the owners notice by themselves that this voter is gone. */
const GOODBYE_MS = 3_000;

export interface OwnVotersDeps {
  self: string;
  store: VoteStore;
  send(envelope: Envelope): void;
  /** Whether anything sent to this host arrives now. */
  reaches(hostId: string): boolean;
  audit(pairId: string, event: string, text: string, evidence?: Record<string, string>): void;
}

/**
 * Monotonic clock of this process, in the place of the host's boot-time clock: where it stands still while the
 * workstation sleeps, a grant is honoured for longer, never shorter. No timer keeps the console alive.
 */
const PROCESS_CLOCK = {
  bootMs: () => performance.now(),
  setTimeout(run: () => void, ms: number) {
    const timer = setTimeout(run, ms).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The votes of this workstation: of each pair that chose it as its witness. It is a member of none. */
export class OwnVoters extends Voters {
  readonly #reaches: (hostId: string) => boolean;

  constructor({ self, store, send, reaches, audit }: OwnVotersDeps) {
    super({
      self: () => self,
      store,
      clock: PROCESS_CLOCK,
      send,
      site: () => null,
      audit,
      // A disk that fails makes the voter refuse its votes, and it says so in the audit log itself.
      warn: () => undefined,
      changed: () => undefined,
    });
    this.#reaches = reaches;
  }

  /** Before sleep or quit: owners disarm at once, so that nothing freezes later. Resolves when they have, or in a while. */
  async goodbye(): Promise<void> {
    const heard = this.all().filter((node) => node.record?.members.some(this.#reaches));
    const said = heard.map((node) => new Promise<void>((resolve) => node.goodbye(true, resolve)));
    const limit = new Promise<void>((resolve) => void PROCESS_CLOCK.setTimeout(resolve, GOODBYE_MS));
    if (said.length > 0) await Promise.race([Promise.all(said), limit]);
  }

  /** It stays after all, or is awake again. */
  stay(): void {
    for (const node of this.all()) node.goodbye(false);
  }
}
