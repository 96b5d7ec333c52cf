import type { Problem } from '../../agent/protocol/index.ts';
import type { AppInfo } from '../contract/index.ts';

/** What the page shows of the console itself. */
export class App {
  #info: AppInfo;
  readonly #emit: (info: AppInfo) => void;

  constructor(info: AppInfo, emit: (info: AppInfo) => void) {
    this.#info = info;
    this.#emit = emit;
  }

  get info(): AppInfo {
    return this.#info;
  }

  setPractice(practice: boolean): void {
    this.#change({ practice });
  }

  /** The same words are shown once. */
  notify(problem: Problem): void {
    if (this.#info.notices.some((notice) => notice.message === problem.message)) return;
    this.#change({ notices: [...this.#info.notices, problem] });
  }

  /** What the notice said is no longer so. */
  retract(message: string): void {
    const notices = this.#info.notices.filter((notice) => notice.message !== message);
    if (notices.length < this.#info.notices.length) this.#change({ notices });
  }

  /** The host at this address was offered, and is here now. */
  settle(address: string): void {
    const isOffer = ({ kind, details }: Problem): boolean =>
      kind === 'fleet-member-unknown' && details?.address === address;
    const notices = this.#info.notices.filter((notice) => !isOffer(notice));
    if (notices.length < this.#info.notices.length) this.#change({ notices });
  }

  dismiss(index: number): void {
    this.#change({ notices: this.#info.notices.filter((_, at) => at !== index) });
  }

  #change(change: Partial<AppInfo>): void {
    this.#info = { ...this.#info, ...change };
    this.#emit(this.#info);
  }
}
