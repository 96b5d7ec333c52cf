import {
  type FollowedChange,
  isOfDisks,
  type MachineChange,
  type Problem,
  ProblemError,
} from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import type { KeptPair, LocalNotes } from '../store.ts';
import { followedSpec } from './followed-spec.ts';
import { lookAt, type Seen, wayFor } from './seen.ts';

/** Followed changes kept for each pair. */
const KEPT = 8;

export const inWords = (changes: MachineChange[]): string => changes.map(({ text }) => text).join(' ');

/**
 * What is about to be copied is the machine as it is now: called before an order prepares the standby, when nothing counts on
 * the copy. Throws the problem that stands in the way; nothing is copied then, since a copy that lacks a disk is none.
 */
export async function takeInDisks(context: PairContext, pairId: string): Promise<void> {
  const pair = context.pair(pairId);
  const seen = await lookAt(context, pair);
  if (!seen?.changes.some(isOfDisks)) return;
  const way = await wayFor(context, pair, seen);
  if (way === null) throw new ProblemError(context.unreachable(context.other(pair.spec)));
  if (way.problem) {
    await asks(context, pairId, seen.changes, way.problem);
    throw new ProblemError(way.problem);
  }
  await follow(context, pairId, seen, way.paths);
}

/**
 * The pair's description becomes that of the machine as it is now, on this host at once and for good, on the other as soon as
 * it hears of it. After a change of disks everything is compared: what bitmaps know is not all that may differ.
 */
export async function follow(
  context: PairContext,
  pairId: string,
  { definition, machine, changes }: Seen,
  paths: Record<string, string>,
): Promise<void> {
  const { hypervisor } = context.deps;
  const { record, spec } = context.pair(pairId);
  const lacks = changes.some(isOfDisks);
  const elsewhere = coordinatedModeOf({ record, spec }) !== null;
  const how = {
    self: context.self,
    text: definition.text,
    machine,
    standby: context.other(spec),
    paths,
    // Disks of others lie at the same places on both hosts, and need not be files.
    withDisks: (text: string, places: Record<string, string>) =>
      elsewhere ? text : hypervisor.withDisks(text, places),
  };
  const followed = { at: context.now(), changes };
  const taken = (kept: KeptPair): KeptPair => ({
    spec: { ...followedSpec(kept.spec, how), members: kept.spec.members },
    notes: {
      ...kept.notes,
      changed: null,
      followed: withFollowed(kept.notes, followed),
      ...(lacks ? { distrusts: record.epoch } : {}),
    },
  });
  await context.store.change(pairId, (kept) => kept && taken(kept));
  const pair = context.pair(pairId);
  const standby = context.nameOf(how.standby);
  const name = pair.spec.workload.name;
  context.audit(
    'change-followed',
    pair,
    lacks
      ? `${name} is protected on ${standby} as it is now. ${inWords(changes)}`
      : `The definition of ${name} for ${standby} follows. ${inWords(changes)}`,
  );
  const chosen = context.nodes.chosen(pairId);
  await context.deps.peers.to(how.standby).call('spec.offer', { spec: pair.spec, chosen });
}

const withFollowed = (notes: LocalNotes, followed: FollowedChange): FollowedChange[] =>
  [followed, ...(notes.followed ?? [])].slice(0, KEPT);

/** One clear request: said once for each problem, and shown as long as it stands. */
export async function asks(
  context: PairContext,
  pairId: string,
  changes: MachineChange[],
  problem: Problem,
): Promise<void> {
  const pair = context.pair(pairId);
  const before = pair.notes.changed?.ask ?? null;
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    changed: {
      since: notes.changed?.since ?? context.now(),
      changes,
      lacks: changes.some(isOfDisks),
      ask: problem,
    },
  }));
  if (before?.message === problem.message) return;
  const standby = context.nameOf(context.other(pair.spec));
  context.audit(
    'change-asks',
    pair,
    `${inWords(changes)} ${standby} cannot follow: ${problem.message} ${problem.next}`,
  );
}
