import { compareEpoch, ProblemError } from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import { ownsFiles } from './coordinated/mode.ts';
import { isLive, type KeptPair, type StoredPair } from './store.ts';

/** The replica and what was set aside for its sake. The images closed first. */
async function dropReplica(context: PairContext, pair: StoredPair): Promise<void> {
  const { target } = context.deps;
  const { pairId } = pair.spec;
  // What both hosts reach is the machine's only disk; what others replicate is theirs.
  if (!ownsFiles(pair)) return;
  const disks = context.disks(pair.spec, context.self);
  must(await target.close(pairId));
  must(await target.points.undo(pairId, 'seal', disks));
  must(await target.remove(pairId, disks));
  const spare = pair.notes.aside.filter((aside) => !aside.keep).map((aside) => aside.path);
  must(await target.discard(spare));
}

/** The pair itself: what was written down of it, the guard's part in it, and its votes. */
async function forgetHere(context: PairContext, pair: StoredPair, text: string): Promise<void> {
  const { pairId } = pair.spec;
  await context.letGo(pair.spec);
  await context.store.remove(pairId);
  context.audit('replica-removed', pair, text);
  await context.nodes.bury(pairId);
}

/** The owner says that the pair has ended, or that another host stands by for it. Throws ProblemError. */
export async function forget(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (pair === null) {
    await context.store.remove(pairId);
    await context.nodes.bury(pairId);
    return;
  }
  const { name } = pair.spec.workload;
  const here = context.deps.selfName();
  if (context.isOwner(pair)) {
    throw new ProblemError({
      kind: 'owner-here',
      message: `${name} belongs to ${here}; its disks are not deleted from afar.`,
      next: 'End the protection on the host where the machine runs.',
    });
  }
  await context.drills.end(pairId);
  // A quarantined copy is the person's: its disks and definition stay, only the pair is forgotten.
  if (!pair.notes.quarantine) await dropReplica(context, pair);
  await forgetHere(context, pair, `${here} no longer stands by for ${name}.`);
}

/**
 * What lies here is worth less than what the record counts on: it came of the same history, which has gone on without
 * this host. A history that a person has forced meanwhile may have left out the better copy: it decides nothing here.
 */
function isWorthless(context: PairContext, { spec, notes }: StoredPair): boolean {
  const chosen = context.nodes.chosen(spec.pairId);
  if (notes.quarantine || notes.history === undefined || chosen === null) return false;
  return compareEpoch(notes.history, chosen.ballot.force) === 0;
}

async function leaveNow(context: PairContext, pairId: string): Promise<boolean> {
  const pair = context.store.get(pairId);
  if (pair === null) return true;
  const { record, spec, notes } = pair;
  const { hypervisor, target, source, selfName } = context.deps;
  // Counted again since, or about to tell the others that the pair has ended.
  if (notes.ended || [...record.members, ...record.voters].includes(context.self)) return false;
  const { uuid, name } = spec.workload;
  // A process of a former ownership is the guard's until it is gone; whether there is one, somebody has to say first.
  if (!hypervisor.reachable || isLive(context.vmState(uuid))) return false;
  await context.drills.end(pairId);
  await source.end(pairId);
  must(await target.close(pairId));
  const drops = isWorthless(context, pair);
  // Nothing was ever put here by this agent: what lies at the replica's place is somebody else's.
  if (drops && notes.image !== 'none') await dropReplica(context, pair);
  if (drops && context.vmState(uuid) !== null) must(await hypervisor.undefine(uuid));
  const standby = record.members.filter((hostId) => hostId !== record.owner).map((id) => context.nameOf(id));
  const fate = drops
    ? 'its copy is deleted'
    : `its copy is kept for a person to decide about: ${spec.disks.map((disk) => disk.paths[context.self]).join(', ')}`;
  await forgetHere(
    context,
    pair,
    `${selfName()} no longer stands by for ${name}: ${standby.join()} does since. It starts nothing, and ${fate}.`,
  );
  return true;
}

/**
 * Another host was made the standby while this one could not be told. Null: nothing but votes is kept here; false: not
 * yet. Never what runs, stands frozen or is quarantined here.
 */
export function leave(context: PairContext, pairId: string): Promise<boolean> | null {
  if (context.store.kept(pairId) === null) return null;
  return context.inTurn(pairId, () => leaveNow(context, pairId));
}

/** Another host is there again: the other member is offered the description, a former one hears that it is none any more. */
export async function tellReturned(context: PairContext, hostId: string, kept: KeptPair): Promise<void> {
  const { nodes, store, tasks, self } = context;
  const { pairId } = kept.spec;
  const spec = store.get(pairId)?.spec ?? kept.spec;
  const chosen = nodes.chosen(pairId);
  const peer = context.deps.peers.to(hostId);
  if (!spec.members.includes(self)) return;
  if (context.other(spec) === hostId) await peer.call('spec.offer', { spec, chosen });
  // An order that is changing the standby tells the old one itself.
  else if (tasks.running(pairId) === null && chosen?.record.owner === self)
    if (context.formerMembers(kept).includes(hostId)) {
      // Not ordered to forget anything: it judges by the record itself, and this host's may be an older one.
      const told = await peer.call('record.keep', { chosen, brandNew: true, spec: null });
      if (told.ok && told.value.current) await context.forgetFormer(pairId, hostId);
    }
}
