import type { CopyKept, VmDefinition } from '../../hypervisor/hypervisor.ts';
import { type Check, isOfDisks, type MachineChange, type Problem } from '../../protocol/index.ts';
import { copiedDisks } from '../checks.ts';
import { must, type PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import { pointModeOf } from '../modes.ts';
import { isLive, type StoredPair } from '../store.ts';
import { changesOf, disksOn, type Machine } from './changes-of.ts';

/** An owner's machine as its host shows it, and what of it its pair does not have. */
export interface Seen {
  definition: VmDefinition;
  machine: Machine;
  changes: MachineChange[];
}

/** Null when what is kept, or is there, cannot be read as a definition. Throws ProblemError when its host does not answer. */
export async function lookAt(context: PairContext, pair: StoredPair): Promise<Seen | null> {
  const { hypervisor } = context.deps;
  const { spec, notes } = pair;
  const definition = must(await hypervisor.definition(spec.workload.uuid));
  const outline = hypervisor.outline(definition.text);
  const kept = hypervisor.outline(spec.definitions[context.self] ?? '');
  if (outline === null || kept === null) return null;
  const machine = { outline, disks: copiedDisks(definition) };
  const before = { outline: { ...kept, name: spec.workload.name }, disks: disksOn(spec.disks, context.self) };
  // Nothing tells of it afterwards: it was noticed when it happened. Back here, it is not away any more.
  const back = isLive(context.vmState(spec.workload.uuid));
  const noticed = (notes.changed?.changes ?? []).filter(
    ({ kind }) => kind === 'disk-replaced' || (kind === 'moved-away' && !back),
  );
  return { definition, machine, changes: [...changesOf(before, machine), ...noticed] };
}

/** What stands in the way of following; `paths`: where new disks would lie on the standby. */
export type Way = { problem: Problem } | { problem: null; paths: Record<string, string> };

/** Whether the standby could have the machine as it is now. Null when it does not answer. Changes nothing. */
export async function wayFor(context: PairContext, pair: StoredPair, seen: Seen): Promise<Way | null> {
  const own =
    (await ownProblem(context, pair, seen)) ?? byPoints(pair, seen.changes) ?? byOthers(pair, seen.changes);
  if (own) return { problem: own };
  const { spec } = pair;
  const known = new Set(spec.disks.map(({ target }) => target));
  const fresh = seen.machine.disks.filter(({ target }) => !known.has(target));
  const peer = context.deps.peers.to(context.other(spec));
  const needs = { vmUuid: spec.workload.uuid, name: seen.definition.name, copy: copyOf(pair) };
  const now = await peer.call('standby.check', {
    ...needs,
    definition: seen.definition.text,
    disks: fresh.map(({ target, path, sizeBytes, format }) => ({ target, path, sizeBytes, format })),
  });
  const before = await peer.call('standby.check', {
    ...needs,
    name: spec.workload.name,
    definition: spec.definitions[context.self] ?? '',
    disks: [],
  });
  if (!now.ok || !before.ok) return null;
  const failed = newFailure(before.value.checks, now.value.checks);
  return failed ? { problem: asProblem(failed) } : { problem: null, paths: now.value.paths };
}

/** What failed already as the machine was has nothing to do with its change. */
const newFailure = (before: Check[], now: Check[]): Check | undefined =>
  now.find(
    (check) =>
      check.state === 'failed' &&
      !before.some((one) => one.state === 'failed' && one.id === check.id && one.message === check.message),
  );

const asProblem = ({ id, host, message, next }: Check): Problem => ({
  kind: `check-${id}`,
  message: `${host}: ${message}`,
  next,
});

/** Devices and disks that no standby could have, wherever it is. */
async function ownProblem(
  context: PairContext,
  pair: StoredPair,
  { changes }: Seen,
): Promise<Problem | null> {
  if (changes.every(({ kind }) => kind === 'name')) return null;
  const checks = await context.deps.hypervisor.checkSource(pair.spec.workload.uuid, copyOf(pair));
  const failed = checks.find(
    ({ id, state }) =>
      state === 'failed' && (id === 'host-devices' || id === 'disks' || id.startsWith('disk-')),
  );
  return failed ? asProblem(failed) : null;
}

const copyOf = (pair: StoredPair): CopyKept => (coordinatedModeOf(pair) ? 'elsewhere' : 'ours');

/** Whoever keeps the copy has to keep the new disks too, and that is not ours to see to. */
function byOthers(pair: StoredPair, changes: MachineChange[]): Problem | null {
  const change = changes.find(isOfDisks);
  if (!change || !coordinatedModeOf(pair)) return null;
  return {
    kind: 'others-other-disks',
    message: `${change.text} Its copy is kept by others: whether they have that too cannot be seen from here.`,
    next: 'See that the other host has the same disks, then end its protection and protect it anew.',
  };
}

/** Points are layers of the same disks: a disk that comes, goes or has another size begins a new copy. */
function byPoints(pair: StoredPair, changes: MachineChange[]): Problem | null {
  const change = changes.find(
    (one) => isOfDisks(one) && one.kind !== 'disk-moved' && one.kind !== 'disk-replaced',
  );
  if (!change || !pointModeOf(pair)) return null;
  return {
    kind: 'points-other-disks',
    message: `${change.text} A copy that is kept by points cannot take that in as it is.`,
    next: 'Have it mirrored synchronously for once (Change how it is kept): the copy then takes the disks in, and can be kept by points again afterwards.',
  };
}
