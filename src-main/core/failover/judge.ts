import { canBeStarted, type Problem } from '../../../agent/protocol/index.ts';
import type { Evidence, Verdict } from '../../contract/index.ts';
import type { OldHostWord, Onlooker, VerdictInputs } from './inputs.ts';
import { leaseEvidence } from './lapsed.ts';
import * as say from './sentences.ts';

type Finding = Verdict['result'];

/**
 * May the copy be started without a second one running? Pure: the same evidence, the same verdict.
 * Two things prove that the machine stands still: its own host's agent says so, or its host's lease has run out.
 * Silence proves nothing (docs/safety.md).
 */
export function judge(inputs: VerdictInputs): Verdict {
  const evidence = gather(inputs);
  const result = weigh(evidence);
  const refusal = refuse(inputs, result);
  const unproven = result === 'unproven';
  return {
    pairId: inputs.pairId,
    result,
    sentence: say.verdict(inputs, result),
    evidence,
    standby: inputs.standbyId,
    replica: { text: say.replica(inputs), usable: isUsable(inputs) },
    loss: say.loss(inputs),
    warnings: say.warnings(inputs),
    risks: [...(inputs.unclean ? [say.uncleanRisk(inputs)] : []), ...(unproven ? say.risks(inputs) : [])],
    steps: say.steps(inputs),
    typedName: unproven || inputs.unclean ? inputs.machine : null,
    refusal,
  };
}

/** Higher is less certain that the old copy is down. */
const SEVERITY: Record<Finding, number> = { proven: 0, unproven: 1, running: 2 };

/** True when `now` is worse than what the person saw. */
export function isWorse(now: Finding, seen: Finding): boolean {
  return SEVERITY[now] > SEVERITY[seen];
}

function weigh(evidence: Evidence[]): Finding {
  if (evidence.some((piece) => piece.says === 'running')) return 'running';
  return evidence.some((piece) => piece.says === 'stopped') ? 'proven' : 'unproven';
}

function gather(inputs: VerdictInputs): Evidence[] {
  const own = inputs.oldWord ? oldHostSays(inputs, inputs.oldWord) : [];
  const others = inputs.onlookers.map((onlooker) => onlookerSays(inputs, onlooker));
  return [...own, ...leaseEvidence(inputs), consoleSees(inputs), ...others];
}

function oldHostSays(inputs: VerdictInputs, word: OldHostWord): Evidence[] {
  const piece = (text: string, says: Evidence['says']): Evidence[] => [
    { source: `${inputs.old.name}'s agent`, text, says, at: inputs.now },
  ];
  if (word.frozen)
    return piece(`says its guard froze ${inputs.machine} there: it may go on again`, 'nothing');
  if (!word.hypervisorReachable) return piece('answers, but its hypervisor does not', 'nothing');
  switch (word.vm) {
    case 'running':
    case 'paused':
    case 'shutting-down':
      return piece(`says ${inputs.machine} is ${say.vmState[word.vm]} there`, 'running');
    case 'stopped':
    case 'crashed':
      return piece(`says ${inputs.machine} is ${say.vmState[word.vm]} there`, 'stopped');
    case null:
      return piece(`says ${inputs.machine} does not exist there any more`, 'stopped');
    default:
      return piece(`does not know the state of ${inputs.machine}`, 'nothing');
  }
}

function consoleSees(inputs: VerdictInputs): Evidence {
  const { old, now } = inputs;
  const text =
    old.reach === 'answers' ? `reaches ${old.name}` : say.notReached(old.name, old.silentSince, now);
  return { source: 'this console', text, says: 'nothing', at: old.silentSince ?? now };
}

/**
 * An onlooker that hears the old host's agent right now, while nobody can ask that agent about the machine: the host is
 * up, so the machine must be taken to run.
 */
function onlookerSays(inputs: VerdictInputs, { name, as, sight }: Onlooker): Evidence {
  const source = as === 'standby' ? `${name}'s agent` : `${as} ${name}`;
  const old = inputs.old.name;
  if (sight === null)
    return { source, text: `could not be asked about ${old}`, says: 'nothing', at: inputs.now };
  if (!sight.reachable) {
    const at = sight.lastHeardAt ?? sight.since;
    return { source, text: say.notHeard(old, sight.lastHeardAt, inputs.now), says: 'nothing', at };
  }
  const says = inputs.oldWord === null ? 'running' : 'nothing';
  return { source, text: `hears ${old} right now`, says, at: inputs.now };
}

/** By the same rule as what a failure would come to (contract/what-if.ts). */
function isUsable({ record, newest, point, points = [] }: VerdictInputs): boolean {
  return canBeStarted({ record, newest, hasPoint: Boolean(point), restorePoints: points.length });
}

function refuse(inputs: VerdictInputs, result: Finding): Problem | null {
  if (inputs.standby.reach !== 'answers') return say.standbySilent(inputs);
  if (!isUsable(inputs)) return say.noUsableReplica(inputs);
  if (result === 'running') return say.stillRuns(inputs);
  if (inputs.old.reach === 'trying') return say.stillConnecting(inputs);
  return null;
}
