import type { CoordinatedMode } from '../../../agent/protocol/coordinated.ts';
import {
  isCoordinated,
  type PointMode,
  type ReplicationMode,
  retentionOf,
} from '../../../agent/protocol/mode.ts';
import { bytes, rate } from '../../lib/format.ts';
import { m } from '../../lib/messages.ts';
import { span } from '../../lib/time.ts';

/** What is known of a machine beforehand. */
export interface Writer {
  /** Sum of its disks' sizes, bytes. */
  diskBytes: number;
  /** What it writes now, bytes/s; null while not measured. */
  writeBps: number | null;
}

/** From one point to the next, s; an asynchronous copy makes several within what may be lost. */
const periodS = (mode: PointMode): number =>
  mode.kind === 'interval' ? mode.everyS : Math.min(mode.rpoS / 4, 5);

/** What a mode costs, a sentence for each kind of cost. Upper bounds: a block that is written twice travels once. */
export function costOf(mode: ReplicationMode, { diskBytes, writeBps }: Writer): string[] {
  const words = m.replication;
  if (isCoordinated(mode)) return coordinatedCost(mode);
  if (mode.kind === 'sync')
    return [
      mode.memory ? words.atRisk.memory : words.atRisk.sync,
      ...(mode.goOnMs === undefined ? [] : [words.atRisk.goOn(mode.goOnMs)]),
      mode.memory ? words.waits.memory : words.waits.sync,
      ...(mode.goOnMs === undefined ? [] : [words.waits.goOn(mode.goOnMs)]),
      writeBps === null ? words.line.unknown : words.line.sync(rate(writeBps)),
      words.disk.sync(bytes(diskBytes)),
    ];
  const kept = Object.values(retentionOf(mode)).reduce((sum, count) => sum + count, 0);
  const risk =
    mode.kind === 'async'
      ? words.atRisk.async(span(mode.rpoS * 1_000))
      : words.atRisk.interval(span(mode.everyS * 1_000));
  const shared = [risk, words.waits.points];
  if (writeBps === null)
    return [...shared, words.line.unknown, words.disk.pointsUnknown(bytes(diskBytes), kept), words.byPerson];
  const each = bytes(Math.min(diskBytes, writeBps * periodS(mode)));
  return [
    ...shared,
    words.line.points(rate(writeBps), each),
    words.disk.points(bytes(diskBytes), kept, each),
    words.byPerson,
  ];
}

/** What others do is theirs to cost; here is what it means for a failover. */
function coordinatedCost(mode: CoordinatedMode): string[] {
  const { shared, external } = m.replication;
  if (mode.kind === 'shared') return [shared.atRisk, shared.single, shared.locks];
  return mode.synchronous
    ? [external.atRiskSync, external.word, external.asked(span(mode.everyS * 1_000))]
    : [external.atRiskAsync, external.asked(span(mode.everyS * 1_000)), m.replication.byPerson];
}

export function modeSummary(mode: ReplicationMode): string {
  const words = m.replication.summary;
  if (mode.kind === 'sync') {
    const kept = mode.memory ? words.memory : words.sync;
    return mode.goOnMs === undefined ? kept : `${kept} ${words.goOn(mode.goOnMs)}`;
  }
  if (mode.kind === 'shared') return m.replication.shared.summary;
  if (mode.kind === 'external') return m.replication.external.summary(mode.synchronous);
  return mode.kind === 'async'
    ? words.async(span(mode.rpoS * 1_000))
    : words.interval(span(mode.everyS * 1_000));
}

/** What was chosen beside a plain mirror, a sentence each. */
export function syncOptions(mode: ReplicationMode): string[] {
  if (mode.kind !== 'sync') return [];
  const { atRisk } = m.replication;
  return [
    ...(mode.memory ? [atRisk.memory] : []),
    ...(mode.goOnMs === undefined ? [] : [atRisk.goOn(mode.goOnMs)]),
  ];
}
