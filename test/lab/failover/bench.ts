import { Observer } from '../../chaos/observer.ts';
import type { Change } from '../../chaos/watch.ts';
import { auditOfAll, type HostEntry } from '../audit-file.ts';
import { startedAt } from '../proc.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { Recorder } from '../recorder.ts';
import { waitFor } from '../run.ts';

export const MINUTE = 60_000;
export const MACHINE = 'erp';
/** The same guest, unprotected. */
export const TWIN = 'shop';

/** What every measurement stands on: an armed pair, the observer, and who is who at the moment. */
export class Bench {
  readonly fleet: ProtectedFleet;
  readonly observer: Observer;
  readonly uuid: string;

  private constructor(fleet: ProtectedFleet, observer: Observer) {
    this.fleet = fleet;
    this.observer = observer;
    this.uuid = fleet.lab.guest(MACHINE).uuid;
  }

  static async open(fleet: ProtectedFleet): Promise<Bench> {
    const uuids = [MACHINE, TWIN].map((name) => fleet.lab.guest(name).uuid);
    return new Bench(fleet, await Observer.start(fleet.lab, uuids));
  }

  /** A client that has written for a while: mostly old records anew, or only new ones. */
  async record(intervalMs = 20, fresh?: number): Promise<Recorder> {
    const recorder = await Recorder.start(this.fleet.lab, MACHINE, intervalMs, fresh);
    await recorder.waitForMore(50, MINUTE);
    return recorder;
  }

  audit(since: number): HostEntry[] {
    return auditOfAll(this.fleet.lab, since);
  }

  /** Waits until a QEMU of the machine that began after `since` runs there; gives its start, Unix ms. */
  async startOn(host: string, since: number): Promise<number> {
    const began = await waitFor(
      `${MACHINE} to start on ${host}`,
      3 * MINUTE,
      () => this.#began(host, since),
      20,
    );
    return startedAt(began.start);
  }

  #began(host: string, since: number): Change | null {
    return this.observer.starts(this.uuid, since).find((change) => change.host === host) ?? null;
  }

  /** How often the machine was stopped or paused, and started, since then. */
  disturbances(since: number): { pauses: number; restarts: number } {
    const changes = this.observer.changes.filter(({ uuid, at }) => uuid === this.uuid && at >= since);
    const pauses = changes.filter(({ from, to }) => from === 'runs' && to !== 'runs' && to !== 'none').length;
    return { pauses, restarts: changes.filter(({ from }) => from === 'none').length };
  }

  get violations(): number {
    return this.observer.violations.length + this.observer.late.length;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
