import {
  type ConsoleApi,
  isCoordinated,
  modeOf,
  type ParamsOf,
  ProblemError,
  type Task,
} from '../protocol/index.ts';
import {
  firstRecord,
  refuseForeign,
  setAutomation,
  setDrillSettings,
  setObjectives,
  setVerifySettings,
  setWitnessOf,
} from './automation.ts';
import type { Changes } from './changes/changes.ts';
import { trustCopy } from './changes/images.ts';
import { copiedDisks, planProtection } from './checks.ts';
import { must, type PairContext } from './context.ts';
import { refuseCommands } from './coordinated/checks.ts';
import { noDemote } from './coordinated/external.ts';
import { coordinatedModeOf } from './coordinated/mode.ts';
import type { Guarded } from './guarded.ts';
import { isDefault, modeInWords, onlyPatience, pointModeOf, refuseMode, refuseOtherKeeper } from './modes.ts';
import { liveHindrances } from './moving/sender.ts';
import { alreadyGiven, copyData, giveOrder } from './ordering.ts';
import { unusable } from './orders/failover.ts';
import { refuseMirror } from './orders/mirror-to-move.ts';
import { checkStandby, replaceStandby } from './replacing.ts';
import type { PairsService } from './service.ts';
import { pairDisks } from './standby.ts';
import type { StoredPair } from './store.ts';

type Handlers = PairsService['consoleHandlers'];

async function protectStart(
  context: PairContext,
  params: Parameters<Handlers['protect.start']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, params.requestId);
  if (repeated) return { task: repeated };
  const { hypervisor } = context.deps;
  refuseMode(params.replication, params.policy, [], params.drill);
  const plan = await planProtection(context, params.vmUuid, params.standby, false, params.replication);
  const failed = plan.checks.find((check) => check.state === 'failed');
  if (failed) {
    throw new ProblemError({
      kind: `check-${failed.id}`,
      message: `${failed.host}: ${failed.message}`,
      next: failed.next,
    });
  }
  const { definition } = plan;
  refuseMode(params.replication, params.policy, copiedDisks(definition));
  const standbyPaths = plan.paths;
  const text = isCoordinated(params.replication)
    ? definition.text
    : hypervisor.withDisks(definition.text, standbyPaths);
  const vm = hypervisor.list().find((candidate) => candidate.uuid === params.vmUuid);
  const standbyName = context.nameOf(params.standby);
  const { record, name: witnessName } = firstRecord(context, params);
  const task = must(
    await context.tasks.order('protect', {
      id: params.requestId,
      pairId: params.pairId,
      subject: definition.name,
      by: params.actor,
      data: {
        pairId: params.pairId,
        subject: definition.name,
        standbyName,
        overQuarantine: false,
        remote: null,
        spec: {
          pairId: params.pairId,
          revision: 1,
          workload: { kind: 'vm', uuid: params.vmUuid, name: definition.name },
          members: [context.self, params.standby],
          disks: pairDisks(copiedDisks(definition), context.self, params.standby, standbyPaths),
          definitions: { [context.self]: definition.text, [params.standby]: text },
          autostartBefore: vm?.autostart ?? false,
          createdAt: context.now(),
          ...(isDefault(params.replication) ? {} : { replication: params.replication }),
        },
        record,
      },
    }),
  );
  context.audit(
    'protect-ordered',
    // Its pair is not in the store yet.
    { spec: { pairId: params.pairId } },
    `${params.actor} protects ${definition.name} with a copy on ${standbyName}${witnessName ? `, with ${witnessName} as witness` : ''} (${params.policy}).`,
    undefined,
    params.actor,
  );
  return { task };
}

async function failover(
  context: PairContext,
  params: Parameters<Handlers['pair.failover']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, params.requestId);
  if (repeated) return { task: repeated };
  const pair = context.pair(params.pairId);
  const problem = context.isOwner(pair) ? null : unusable(context, pair);
  if (problem) throw new ProblemError(problem);
  const subject = pair.spec.workload.name;
  context.audit(
    'failover-ordered',
    pair,
    `${params.actor} orders ${subject} to start on ${context.deps.selfName()}${params.forced ? ', vouching that the old copy is stopped' : ''}.`,
    params.evidence,
    params.actor,
  );
  const { pairId, expected, forced, point } = params;
  const data = { pairId, expected, forced, point, subject, here: context.deps.selfName() };
  const order = { id: params.requestId, pairId, subject, by: params.actor, data };
  return { task: must(await context.tasks.order('failover', order)) };
}

/** Given to the host that has the old copy, whoever owns the machine. */
async function revert(
  context: PairContext,
  { requestId, actor, pairId, expected }: Parameters<Handlers['pair.revert']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, requestId);
  if (repeated) return { task: repeated };
  const pair = context.pair(pairId);
  const subject = pair.spec.workload.name;
  const here = context.deps.selfName();
  const other = context.nameOf(context.other(pair.spec));
  const data = { pairId, subject, here, other, expected };
  const task = must(await context.tasks.order('revert', { id: requestId, pairId, subject, by: actor, data }));
  const text = `${actor} takes the failover of ${subject} back: to the old copy on ${here}.`;
  context.audit('revert-ordered', pair, text, undefined, actor);
  return { task };
}

async function discard(
  context: PairContext,
  { requestId, actor, pairId }: Parameters<Handlers['pair.discard']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, requestId);
  if (repeated) return { task: repeated };
  const pair = context.pair(pairId);
  const subject = pair.spec.workload.name;
  const here = context.deps.selfName();
  const paths = pair.notes.aside.filter(({ keep }) => keep).map(({ path }) => path);
  if (paths.length === 0) {
    throw new ProblemError({
      kind: 'nothing-aside',
      message: `Nothing of ${subject} is kept aside on ${here}.`,
      next: 'Nothing needs to be done.',
    });
  }
  const data = { pairId, subject, here, paths };
  const task = must(
    await context.tasks.order('discard', { id: requestId, pairId, subject, by: actor, data }),
  );
  const text = `${actor} discards what is kept aside of ${subject} on ${here}.`;
  context.audit('discard-ordered', pair, text, { paths: paths.join(' ') }, actor);
  return { task };
}

async function setReplication(
  context: PairContext,
  { requestId, actor, pairId, replication }: Parameters<Handlers['pair.mode']>[0],
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, requestId);
  if (repeated) return { task: repeated };
  const pair = context.pair(pairId);
  refuseForeign(context, pair);
  refuseMode(replication, pair.record.policy, pair.spec.disks);
  refuseOtherKeeper(modeOf(pair), replication);
  if (isCoordinated(replication)) await refuseCommands(context, replication, pair.spec.members);
  const subject = pair.spec.workload.name;
  const asItIs = onlyPatience(modeOf(pair), replication) && context.deps.source.status(pairId) !== null;
  const data = { ...copyData(context, pair, false), replication, asItIs };
  const task = await giveOrder(context, 'mode', { id: requestId, pairId, subject, by: actor, data });
  const text = `${actor} has the copy of ${subject} ${modeInWords(replication)} from now on.`;
  context.audit('mode-ordered', pair, text, undefined, actor);
  return { task };
}

/** An armed pair counts on its mirror: nothing takes that away but what disarms first. */
function refuseArmed(context: PairContext, pair: StoredPair): void {
  if (!pair.record.armed) return;
  throw new ProblemError({
    kind: 'armed',
    message: `The copy of ${pair.spec.workload.name} on ${context.nameOf(context.other(pair.spec))} is in sync, and the pair is armed.`,
    next: 'Nothing needs to be copied. Pause its automation first to copy it all the same.',
  });
}

async function ordered(
  context: PairContext,
  params: { requestId: string; actor: string; pairId: string },
  kind: 'unprotect' | 'resync' | 'switchover',
  text: (pair: StoredPair, other: string) => string,
  moves: object = {},
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, params.requestId);
  if (repeated) return { task: repeated };
  const pair = context.pair(params.pairId);
  refuseForeign(context, pair);
  if (kind === 'resync') refuseArmed(context, pair);
  const other = context.nameOf(context.other(pair.spec));
  const subject = pair.spec.workload.name;
  const data =
    kind === 'switchover' ? { ...moves, subject, other } : copyData(context, pair, kind === 'resync');
  const { requestId: id, pairId, actor: by } = params;
  const order = { id, pairId, subject, by, data };
  const task = await giveOrder(context, kind, order);
  context.audit(`${kind}-ordered`, pair, `${params.actor} ${text(pair, other)}`, undefined, params.actor);
  return { task };
}

/** A copy that is kept by points has to be mirrored to move. Throws why it cannot be. */
function mirrorsFirst(context: PairContext, pairId: string): boolean {
  if (pointModeOf(context.pair(pairId)) === null) return false;
  const refused = refuseMirror(context, pairId);
  if (refused) throw new ProblemError(refused);
  return true;
}

function refuseWithoutDemote(context: PairContext, pairId: string): void {
  const pair = context.pair(pairId);
  const mode = coordinatedModeOf(pair);
  if (mode?.kind !== 'external' || mode.commands[context.self]?.demote != null) return;
  throw new ProblemError(noDemote(pair));
}

async function switchover(
  context: PairContext,
  params: ParamsOf<ConsoleApi, 'pair.switchover'>,
): Promise<{ task: Task }> {
  const repeated = alreadyGiven(context, params.requestId);
  if (repeated) return { task: repeated };
  const { pairId, way, switchOff } = params;
  const hindrances = way === 'cold' ? [] : await liveHindrances(context, pairId);
  const [hindrance] = hindrances;
  if (way === 'live' && hindrance !== undefined) {
    throw new ProblemError({
      kind: 'not-movable',
      message: `${context.pair(pairId).spec.workload.name} cannot be moved while it runs: ${hindrance}`,
      next: 'Mend that, or order the move with a shutdown.',
      details: Object.fromEntries(hindrances.map((text, index) => [`hindrance${index + 1}`, text])),
    });
  }
  const live = way !== 'cold' && hindrance === undefined;
  refuseWithoutDemote(context, pairId);
  const mirrors = mirrorsFirst(context, pairId);
  const how = live ? 'while it runs' : 'with a shutdown';
  const text = (pair: StoredPair, other: string): string =>
    `moves ${pair.spec.workload.name} to ${other}, ${how}.`;
  return ordered(context, params, 'switchover', text, {
    ...copyData(context, context.pair(pairId), false),
    ...{ epoch: null, live, token: null, switchOff, mirrors },
  });
}

/** What this member answers to consoles. */
export function consoleHandlers(context: PairContext, guarded: Guarded, changes: Changes): Handlers {
  const { deps } = context;
  return {
    'protect.check': async ({ vmUuid, standby, replication }) => {
      const { checks, bytesToCopy } = await planProtection(context, vmUuid, standby, false, replication);
      return { checks, bytesToCopy };
    },
    'protect.fix': async ({ hostId, vmUuid, fix, actor }) => {
      if (hostId === context.self) must(await deps.hypervisor.fix(vmUuid, fix));
      else must(await deps.peers.to(hostId).call('standby.fix', { vmUuid, fix }));
      context.audit(
        'fixed',
        null,
        `${actor} had "${fix}" put right on ${context.nameOf(hostId)}.`,
        undefined,
        actor,
      );
      return {};
    },
    'protect.start': (params) => protectStart(context, params),
    'protect.end': (params) =>
      ordered(
        context,
        params,
        'unprotect',
        (pair, other) => `ends the protection of ${pair.spec.workload.name} by ${other}.`,
      ),
    'pair.failover': (params) => failover(context, params),
    'pair.switchover.check': async ({ pairId }) => {
      const hindrances = await liveHindrances(context, pairId);
      return { live: hindrances.length === 0, hindrances };
    },
    'pair.switchover': async (params) => {
      // The definition here goes with the move: what was changed of it a moment ago goes along.
      const { replica } = context.pair(params.pairId).record;
      if (replica.state === 'in-sync') await changes.look(params.pairId);
      return switchover(context, params);
    },
    'pair.resync': (params) =>
      ordered(
        context,
        params,
        'resync',
        (pair, other) => `makes ${other} the standby of ${pair.spec.workload.name} again.`,
      ),
    'pair.revert': (params) => revert(context, params),
    'pair.discard': (params) => discard(context, params),
    'pair.checkStandby': (params) => checkStandby(context, params),
    'pair.replaceStandby': (params) => replaceStandby(context, params),
    'pair.mode': (params) => setReplication(context, params),
    'pair.settings': (params) => setAutomation(context, params),
    'pair.witness': (params) => setWitnessOf(context, params),
    'pair.drill': async ({ pairId, requestId, actor, standS, point }) => ({
      task: await context.drills.order(pairId, { id: requestId, by: actor, standS, point }),
    }),
    'pair.drillSettings': (params) => setDrillSettings(context, params),
    'pair.verify': async ({ pairId, requestId, actor }) => ({
      task: await context.verifies.order(pairId, { id: requestId, by: actor }),
    }),
    'pair.lookAgain': async ({ pairId }) => {
      await changes.look(pairId);
      return {};
    },
    'pair.trustCopy': async ({ pairId, actor }) => {
      await trustCopy(context, pairId, actor);
      return {};
    },
    'pair.verifySettings': (params) => setVerifySettings(context, params),
    'pair.objectives': (params) => setObjectives(context, params),
    'pair.riskHistory': async ({ pairId }) => context.risks.history(context.pair(pairId).spec.pairId),
    'guard.letGo': async (params) => {
      await guarded.letGo(params);
      return {};
    },
    'task.cancel': async ({ taskId, actor }) => {
      const beside = [context.drills.tasks, context.verifies.tasks];
      const runner = beside.find((tasks) => tasks.list().some(({ id }) => id === taskId)) ?? context.tasks;
      must(runner.cancel(taskId));
      context.audit('cancel-ordered', null, `${actor} cancels task ${taskId}.`, undefined, actor);
      return {};
    },
  };
}
