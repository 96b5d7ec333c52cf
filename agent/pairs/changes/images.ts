import { type MachineChange, ProblemError } from '../../protocol/index.ts';
import type { PairContext } from '../context.ts';
import { coordinatedModeOf } from '../coordinated/mode.ts';
import { pointModeOf } from '../modes.ts';
import { isLive, type StoredPair } from '../store.ts';
import { type Prints, touchedOf } from './prints.ts';

/** Images of this host as they are now. */
async function printsNow(context: PairContext, pair: StoredPair, closed: boolean): Promise<Prints> {
  const disks = context.disks(pair.spec, context.self);
  const seen = await context.deps.target.prints(disks.map(({ path }) => path));
  return Object.fromEntries(
    Object.entries(seen).map(([path, print]) => [path, print && { ...print, closed }]),
  );
}

const busy = (context: PairContext, pairId: string): boolean =>
  context.tasks.running(pairId) !== null || context.drills.tasks.running(pairId) !== null;

/**
 * The standby's look at its own copy. One that somebody else has been at is not believed: nobody takes it over by himself, its
 * owner hears of it, and everything is compared.
 */
export async function lookAtCopy(context: PairContext, pair: StoredPair): Promise<void> {
  const { pairId } = pair.spec;
  // Whoever keeps it writes to it.
  if (coordinatedModeOf(pair)) return;
  const whole = pair.notes.image === 'complete' && !pointModeOf(pair);
  if (!whole || busy(context, pairId)) return context.forgetPrints(pairId);
  if (!pair.notes.touched) await context.lookInTurn(pairId, () => judge(context, pairId));
  await tellOwner(context, pairId);
}

async function judge(context: PairContext, pairId: string): Promise<void> {
  const seen = await seenImages(context, pairId);
  if (seen === null) return;
  if (seen.text === null) await context.setNotes(pairId, (notes) => ({ ...notes, prints: seen.now }));
  else await notBelieved(context, pairId, seen.text);
}

/** Null where that says nothing: half a copy, or one that was opened or closed just now. */
async function seenImages(
  context: PairContext,
  pairId: string,
): Promise<{ now: Prints; text: string | null } | null> {
  const pair = context.store.get(pairId);
  if (pair?.notes.image !== 'complete') return null;
  const closed = !context.deps.target.isOpen(pairId);
  const now = await printsNow(context, pair, closed);
  if (closed !== !context.deps.target.isOpen(pairId)) return null;
  const lost = Object.values(now).includes(null) ? gone(now) : null;
  return { now, text: touchedOf(pair.notes.prints ?? {}, now) ?? lost };
}

async function notBelieved(context: PairContext, pairId: string, text: string): Promise<void> {
  const touched = { since: context.now(), text };
  await context.setNotes(pairId, (notes) => ({ ...notes, prints: null, generation: null, touched }));
  const pair = context.pair(pairId);
  context.audit(
    'copy-touched',
    pair,
    `Somebody else has been at the copy of ${pair.spec.workload.name} on ${context.deps.selfName()}: ${text} It is not believed until it has been compared.`,
  );
}

const gone = (now: Prints): string => `${Object.keys(now).find((path) => now[path] === null)} is gone.`;

/** Repeated as long as the record says that the copy is whole. */
async function tellOwner(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  const { touched } = pair?.notes ?? {};
  if (!pair || !touched || pair.record.replica.state !== 'in-sync') return;
  await context.deps.peers.to(pair.record.owner).call('copy.touched', { pairId, text: touched.text });
}

/** The owner hears it: as with a copy that was found to differ, it is recorded stale and everything is compared. */
export async function ownerHears(context: PairContext, pairId: string, text: string): Promise<void> {
  const pair = context.pair(pairId);
  if (!context.isOwner(pair)) return;
  const { epoch } = pair.record;
  if (pair.notes.distrusts?.n !== epoch.n)
    context.audit(
      'copy-touched',
      pair,
      `Somebody else has been at the copy of ${pair.spec.workload.name} on ${context.nameOf(context.other(pair.spec))}: ${text} Everything is compared.`,
    );
  await context.setNotes(pairId, (notes) => ({ ...notes, distrusts: epoch }));
  context.nodes.look(pairId);
}

/**
 * The last look before a copy that was taken over is started: what lies at its places is what was written to. Throws
 * ProblemError. Of a machine that has begun here, or was taken back, its disks are its own.
 */
export async function refuseTouched(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  if (!pair || pair.record.begun || pair.record.change === 'take-back') return;
  // The guest waits: what is as it was is not written down anew.
  const seen = pair.notes.touched || !pair.notes.prints ? null : await seenImages(context, pairId);
  if (seen?.text) await notBelieved(context, pairId, seen.text);
  const { touched } = context.pair(pairId).notes;
  if (!touched) return;
  const { name } = pair.spec.workload;
  throw new ProblemError({
    kind: 'copy-touched',
    message: `Somebody else has been at the copy of ${name} on ${context.deps.selfName()}: ${touched.text}`,
    next: 'Bring its former host back, which goes on then. Or vouch for this copy on the page of the machine.',
  });
}

/** A person vouches for it. */
export async function trustCopy(context: PairContext, pairId: string, actor: string): Promise<void> {
  const pair = context.pair(pairId);
  if (!pair.notes.touched) return;
  await context.setNotes(pairId, (notes) => ({ ...notes, touched: null, prints: null }));
  context.audit(
    'copy-trusted',
    pair,
    `${actor} vouches for the copy of ${pair.spec.workload.name} on ${context.deps.selfName()}, though somebody else has been at it: ${pair.notes.touched.text}`,
    undefined,
    actor,
  );
  context.nodes.look(pairId);
}

/** While its machine is off, its owner looks at its disks: whatever changes there, nobody of ours did. */
export async function lookAtStoppedDisks(context: PairContext, pair: StoredPair): Promise<void> {
  const { pairId, workload, disks } = pair.spec;
  if (coordinatedModeOf(pair)) return;
  const off = !isLive(context.vmState(workload.uuid)) && !pair.notes.wantRunning;
  if (!off || busy(context, pairId)) return context.forgetPrints(pairId);
  const now = await printsNow(context, pair, true);
  const before = pair.notes.prints ?? {};
  const replaced = disks.flatMap((disk): MachineChange[] => {
    const path = disk.paths[context.self] ?? '';
    const text = touchedOf({ [path]: before[path] ?? null }, { [path]: now[path] ?? null });
    const target = disk.target;
    return text ? [{ kind: 'disk-replaced', target, text: `Disk ${target}: ${text}` }] : [];
  });
  await context.setNotes(pairId, (notes) => ({ ...notes, prints: now }));
  if (replaced.length === 0) return;
  const known = pair.notes.changed ?? { since: context.now(), changes: [], ask: null };
  const others = known.changes.filter(
    ({ target, kind }) => kind !== 'disk-replaced' || !replaced.some((one) => one.target === target),
  );
  await context.setNotes(pairId, (notes) => ({
    ...notes,
    changed: { ...known, lacks: true, changes: [...others, ...replaced] },
  }));
  context.audit(
    'change-noticed',
    pair,
    `The disks of ${workload.name} were changed on ${context.deps.selfName()} while it was off. ${replaced.map(({ text }) => text).join(' ')} Everything is compared once it runs.`,
  );
}
