import { ProblemError } from '../../agent/protocol/index.ts';
import type { PracticeChange } from '../contract/index.ts';
import type { App } from './app.ts';
import type { Emit } from './page/dispatch.ts';
import type { Session } from './session.ts';

/** A practice fleet that runs, with the session that looks at it. */
export interface PracticeSession {
  session: Session;
  /** `on` false: as if the host's plug were pulled. */
  power(name: string, on: boolean): Promise<void>;
  /** Something is done to a machine of that host behind the console's back. */
  change(name: string, vmUuid: string, what: PracticeChange): void;
  close(): Promise<void>;
}

export interface StageDeps {
  openReal: () => Promise<Session>;
  openPractice: () => Promise<PracticeSession>;
  app: App;
  emit: Emit;
}

/** Which fleet is shown: the real one, or the practice one. Only one is connected at a time. */
export class Stage {
  readonly #deps: StageDeps;
  #real: Session | null = null;
  #practice: PracticeSession | null = null;
  #change: Promise<void> = Promise.resolve();

  constructor(deps: StageDeps) {
    this.#deps = deps;
  }

  get session(): Session {
    const session = this.#practice?.session ?? this.#real;
    if (session === null) throw new ProblemError(switching());
    return session;
  }

  open(practice: boolean): Promise<void> {
    return practice ? this.startPractice() : this.stopPractice();
  }

  startPractice(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#practice !== null) return;
      await this.#leaveReal();
      try {
        this.#practice = await this.#deps.openPractice();
      } catch (error) {
        this.#real = await this.#deps.openReal();
        throw error;
      }
      this.#deps.app.setPractice(true);
    });
  }

  stopPractice(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#leavePractice();
      this.#real ??= await this.#deps.openReal();
      this.#deps.app.setPractice(false);
    });
  }

  async power(hostId: string, on: boolean): Promise<void> {
    const practice = this.#practice;
    const host = practice?.session.fleet.get(hostId);
    if (!practice || !host) throw new ProblemError(noPractice());
    await practice.power(host.record.name, on);
    // Whoever switched it on watches it come back: no waiting for the next try of the back-off.
    if (on) await host.link.retry();
  }

  change(hostId: string, vmUuid: string, what: PracticeChange): void {
    const practice = this.#practice;
    const host = practice?.session.fleet.get(hostId);
    if (!practice || !host) throw new ProblemError(noPractice());
    practice.change(host.record.name, vmUuid, what);
  }

  /** The workstation's own vote says goodbye, or that it is back. Between two fleets there is none. */
  async sleep(asleep: boolean): Promise<void> {
    const session = this.#practice?.session ?? this.#real;
    if (asleep) return session?.witness.goodbye();
    session?.witness.stay();
    session?.fleet.hurry();
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#leaveReal();
      await this.#leavePractice();
    });
  }

  async #leaveReal(): Promise<void> {
    const session = this.#real;
    this.#real = null;
    if (session) await this.#clear(session);
  }

  async #leavePractice(): Promise<void> {
    const practice = this.#practice;
    this.#practice = null;
    if (!practice) return;
    await this.#clear(practice.session);
    await practice.close();
  }

  /** Takes everything of the fleet off the pages, then closes it. */
  async #clear(session: Session): Promise<void> {
    const { hosts, vms, pairs, tasks } = session.fleet.snapshot();
    const gone = (views: object) => Object.fromEntries(Object.keys(views).map((key) => [key, null]));
    this.#deps.emit('fleet', { hosts: gone(hosts), vms: gone(vms), pairs: gone(pairs), tasks: gone(tasks) });
    await session.close();
  }

  /** One change after the other, also when one failed. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#change.then(run);
    this.#change = turn.catch(() => undefined);
    return turn;
  }
}

function switching() {
  return {
    kind: 'switching',
    message: 'The console is just switching between the practice fleet and yours.',
    next: 'Try again in a moment.',
  };
}

function noPractice() {
  return {
    kind: 'no-practice-host',
    message: 'Only practice hosts can be switched on and off from here.',
    next: 'Start the practice fleet first.',
  };
}
