import type { HostEntry } from '../lab/audit-file.ts';
import { startedAt } from '../lab/proc.ts';
import type { Change, Late, Overlap } from './watch.ts';

/** What was wrong, judged afterwards from what the observer, the histories and the clients say. Pure. */

export interface Violation {
  invariant: string;
  at: number;
  text: string;
}

/** An agent writes its entry about a start within this, before or after. */
const AUDIT_MS = 15_000;

/** `alone`: machines on shared disks, whose image locks let no second process begin before the first has ended: no thaw is an excuse. */
export function twoCopies(overlaps: Overlap[], alone: ReadonlySet<string> = new Set()): Violation[] {
  return overlaps
    .filter(({ thawed, uuid }) => thawed === null || alone.has(uuid))
    .map(({ first, last, before, hosts, uuid }) => ({
      invariant: 'I1',
      at: first,
      text: `${uuid} ran on ${hosts.join(' and ')} for ${Math.round(last - first)} to ${Math.round(before - first)} ms`,
    }));
}

export function beyondPermission(late: Late[]): Violation[] {
  return late.map(({ at, host, uuid, lateMs }) => ({
    invariant: 'I3',
    at,
    text: `${uuid} ran on ${host} ${Math.round(lateMs)} ms after its permission had run out`,
  }));
}

/** Of machines nobody protects: nothing happens to them but what happened to their host. */
export function touched(
  changes: Change[],
  bystanders: ReadonlyMap<string, string>,
  wasDown: (host: string, at: number) => boolean,
): Violation[] {
  const mine = changes.filter(({ host, uuid }) => bystanders.get(host) === uuid);
  const suspicious = mine.filter(
    ({ from, to }) => from === 'runs' && (to === 'stopped' || to === 'paused' || to === 'none'),
  );
  const strangers = changes.filter(
    ({ host, uuid }) => [...bystanders.values()].includes(uuid) && bystanders.get(host) !== uuid,
  );
  return [...suspicious.filter(({ host, at }) => !wasDown(host, at)), ...strangers].map(
    ({ host, at, from, to }) => ({
      invariant: 'I5',
      at,
      text: `the unprotected machine on ${host} went from ${from} to ${to}`,
    }),
  );
}

/** Every process of a protected machine that ran was told of in its host's history. */
export function untold(
  changes: Change[],
  entries: HostEntry[],
  pairOf: ReadonlyMap<string, string>,
  wasDown: (host: string, at: number) => boolean,
): Violation[] {
  const ran = new Set(
    changes.filter(({ to }) => to === 'runs').map(({ host, pid, start }) => `${host} ${pid} ${start}`),
  );
  const starts = changes.filter(
    (change) =>
      change.from === 'none' &&
      pairOf.has(change.uuid) &&
      ran.has(`${change.host} ${change.pid} ${change.start}`),
  );
  const isTold = (change: Change): boolean => {
    const began = startedAt(change.start);
    return entries.some(
      ({ host, pairId, at }) =>
        host === change.host && pairId === pairOf.get(change.uuid) && Math.abs(at - began) <= AUDIT_MS,
    );
  };
  return starts
    .filter((change) => !isTold(change) && !wasDown(change.host, change.at + 2_000))
    .map(({ host, at, uuid }) => ({
      invariant: 'I6',
      at,
      text: `${uuid} was started on ${host}, and the history there says nothing about its pair`,
    }));
}

/** From the moment a copy was shown to be whole to the loss of its machine's host, Unix ms. */
export interface Window {
  from: number;
  to: number;
}

/** Of lost records, those that were not acknowledged in such a time: numbers. */
export function unforgiven(
  lost: readonly number[],
  acknowledged: readonly { number: number; at: number }[],
  windows: readonly Window[],
): number[] {
  const at = new Map(acknowledged.map((one) => [one.number, one.at]));
  const inOne = (time: number): boolean => windows.some(({ from, to }) => time > from && time <= to);
  return lost.filter((number) => !inOne(at.get(number) ?? Number.NEGATIVE_INFINITY));
}

/** Epochs only rise, whoever tells of them and however often. */
export class Epochs {
  readonly #highest = new Map<string, number>();
  readonly violations: Violation[] = [];

  saw(host: string, pairId: string, epoch: number, at: number): void {
    const key = `${host} ${pairId}`;
    const highest = this.#highest.get(key) ?? 0;
    if (epoch < highest)
      this.violations.push({
        invariant: 'I2',
        at,
        text: `${host} showed epoch ${epoch} of ${pairId} after ${highest}`,
      });
    this.#highest.set(key, Math.max(highest, epoch));
  }
}
