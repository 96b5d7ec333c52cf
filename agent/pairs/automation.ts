import { CONTRACT } from '../lease/rules.ts';
import { createRecord, settings, setWitness, waiveDrill } from '../lease/transitions.ts';
import {
  objectivesProblem,
  type PairRecord,
  type PairSpec,
  type Problem,
  ProblemError,
  recordMode,
} from '../protocol/index.ts';
import { must, type PairContext } from './context.ts';
import type { PairsService } from './service.ts';
import type { StoredPair } from './store.ts';

type Handlers = PairsService['consoleHandlers'];

/** Throws unless the machine is this host's. */
export function refuseForeign(context: PairContext, pair: StoredPair): void {
  if (context.isOwner(pair)) return;
  throw new ProblemError({
    kind: 'not-owner',
    message: `${pair.spec.workload.name} does not run on ${context.deps.selfName()}.`,
    next: `Give this order to ${context.nameOf(pair.record.owner)}.`,
  });
}

/** The record a pair begins with; who votes is the operator's choice. */
export function firstRecord(
  context: PairContext,
  {
    pairId,
    standby,
    witness,
    policy,
    profile,
    drill,
    actor,
    replication,
  }: Parameters<Handlers['protect.start']>[0],
): { record: PairRecord; name: string | null } {
  if (witness !== null && [context.self, standby].includes(witness)) throw new ProblemError(notAWitness);
  const members: [string, string] = [context.self, standby];
  const voters = witness === null ? [context.self] : [...members, witness];
  const created = createRecord({
    pairId,
    members,
    voters,
    owner: context.self,
    wall: context.now(),
    profile,
    mode: recordMode(replication),
    drill: { passed: null, waived: drill === 'waived' ? { at: context.now(), by: actor } : null },
  });
  return { record: { ...created, policy }, name: witness === null ? null : context.nameOf(witness) };
}

const notAWitness: Problem = {
  kind: 'witness-is-member',
  message: 'The witness must be a third machine: it decides between the two hosts.',
  next: 'Choose another host, a small box or this workstation as the witness.',
  field: 'witness',
};

/** In words, for the audit log. */
function describe(
  { policy, paused, maintenance, profile, drill }: Parameters<Handlers['pair.settings']>[0]['change'],
  context: PairContext,
): string {
  const said: string[] = [];
  if (policy !== undefined) said.push(`failover ${policy}`);
  if (paused !== undefined) said.push(paused ? 'automation paused' : 'automation goes on');
  if (maintenance === null) said.push('maintenance ends');
  else if (maintenance !== undefined)
    said.push(
      `maintenance until ${new Date(maintenance.until).toISOString()}${maintenance.until <= context.now() ? ' (over)' : ''}: ${maintenance.reason}`,
    );
  if (profile !== undefined) said.push(`lease ${profile}`);
  if (drill !== undefined) said.push('armed without a passed drill');
  return said.join(', ');
}

/** Disarmed first, the new voter prepared, then one swap; the owner arms again by itself (docs/safety.md). */
export async function setWitnessOf(
  context: PairContext,
  { pairId, witness, actor }: Parameters<Handlers['pair.witness']>[0],
): Promise<{ record: PairRecord }> {
  const pair = context.pair(pairId);
  refuseForeign(context, pair);
  if (witness !== null && pair.spec.members.includes(witness)) throw new ProblemError(notAWitness);
  const before = pair.record;
  const leaving = before.voters.filter((voter) => !pair.spec.members.includes(voter) && voter !== witness);
  await context.swap(pairId, settings({ paused: true }));
  try {
    if (witness !== null) await prepareVoters(context, pairId, witness);
    await context.swap(pairId, setWitness(witness, true, CONTRACT));
  } finally {
    if (!before.paused) await context.swap(pairId, settings({ paused: false }));
  }
  // Whoever left votes no more: the others refuse its configuration. Told so that it keeps nothing.
  for (const hostId of leaving) void context.deps.peers.to(hostId).call('pair.forget', { pairId });
  const name = witness === null ? 'nobody' : context.nameOf(witness);
  context.audit(
    'witness',
    pair,
    `${actor} makes ${name} the witness of ${pair.spec.workload.name}.`,
    undefined,
    actor,
  );
  return { record: context.pair(pairId).record };
}

/** Whoever votes from now on and did not before holds the record, fsynced, and has kept its silence. */
export async function prepareVoters(context: PairContext, pairId: string, witness: string): Promise<void> {
  const chosen = context.nodes.chosen(pairId);
  if (chosen === null) return;
  const { voters, members } = chosen.record;
  const newcomers = [...members, witness].filter(
    (hostId) => hostId !== context.self && !voters.includes(hostId),
  );
  await Promise.all(
    newcomers.map(async (hostId) =>
      must(await context.deps.peers.to(hostId).call('record.keep', { chosen, brandNew: false, spec: null })),
    ),
  );
}

/** What the pair may do by itself, as an operator wants it. */
export async function setAutomation(
  context: PairContext,
  { pairId, change, actor }: Parameters<Handlers['pair.settings']>[0],
): Promise<{ record: PairRecord }> {
  const pair = context.pair(pairId);
  const { drill, ...given } = change;
  // The decision is on record before what it permits.
  if (drill === 'waived') await context.swap(pairId, waiveDrill(actor, context.now()));
  const record = await context.swap(pairId, settings(given));
  context.audit(
    'settings',
    pair,
    `${actor} changes what ${pair.spec.workload.name} may do by itself: ${describe(change, context)}.`,
    undefined,
    actor,
  );
  return { record };
}

/** One more change of the pair's description, carried by both members. Null: the pair has ended meanwhile. */
async function describeAnew(
  context: PairContext,
  pairId: string,
  change: Pick<PairSpec, 'drill'> | Pick<PairSpec, 'verify'> | Pick<PairSpec, 'objectives'>,
): Promise<PairSpec | null> {
  refuseForeign(context, context.pair(pairId));
  const kept = await context.store.change(
    pairId,
    (known) => known && { ...known, spec: { ...known.spec, ...change, revision: known.spec.revision + 1 } },
  );
  if (!kept) return null;
  const { spec } = kept;
  // One that cannot be told now is told when it is seen again.
  await context.deps.peers
    .to(context.other(spec))
    .call('spec.offer', { spec, chosen: context.nodes.chosen(pairId) });
  return spec;
}

const inWords = (every: 'never' | 'weekly' | 'monthly'): string =>
  every === 'never' ? 'by order only' : every;

/** How the copy is tried out. */
export async function setDrillSettings(
  context: PairContext,
  { pairId, settings: given, actor }: Parameters<Handlers['pair.drillSettings']>[0],
): Promise<Record<never, never>> {
  const spec = await describeAnew(context, pairId, { drill: given });
  if (!spec) return {};
  const text = `${actor} has the copy of ${spec.workload.name} tried out ${inWords(given.every)} (check: ${given.check.kind}).`;
  context.audit('drill-settings', { spec }, text, undefined, actor);
  return {};
}

/** When the copy is compared with the machine. */
export async function setVerifySettings(
  context: PairContext,
  { pairId, settings: given, actor }: Parameters<Handlers['pair.verifySettings']>[0],
): Promise<Record<never, never>> {
  const spec = await describeAnew(context, pairId, { verify: given });
  if (!spec) return {};
  const text = `${actor} has the copy of ${spec.workload.name} compared with it ${inWords(given.every)}.`;
  context.audit('verify-settings', { spec }, text, undefined, actor);
  return {};
}

/** What a failure may cost at most. */
export async function setObjectives(
  context: PairContext,
  { pairId, objectives, actor }: Parameters<Handlers['pair.objectives']>[0],
): Promise<Record<never, never>> {
  const problem = objectivesProblem(objectives);
  if (problem) throw new ProblemError(problem);
  const spec = await describeAnew(context, pairId, { objectives });
  if (!spec) return {};
  const said = (seconds: number | null): string => (seconds === null ? 'no target' : `at most ${seconds} s`);
  const text = `${actor} sets what a failure may cost ${spec.workload.name}: writes ${said(objectives.rpoS)}, time to answer ${said(objectives.rtoS)}.`;
  context.audit('objectives', { spec }, text, undefined, actor);
  return {};
}
