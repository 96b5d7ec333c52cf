import type { Evidence } from '../../contract/index.ts';
import type { StandbyWord, VerdictInputs } from './inputs.ts';

/**
 * Has the old host's right to run the machine run out? While a pair is armed, its machine runs only under a lease from
 * a majority; the standby knows when its own vote became free, and whether a majority still says so. The takeover itself
 * asks for the votes again: without them nothing starts.
 */
export function leaseEvidence(inputs: VerdictInputs): Evidence[] {
  const word = inputs.standbyWord;
  if (!word?.record.armed || word.record.owner !== inputs.oldId) return [];
  const piece = (text: string, says: Evidence['says']): Evidence[] => [
    { source: `lease at ${inputs.standby.name}`, text, says, at: inputs.now },
  ];
  const old = inputs.old.name;
  const { heldMs, known } = word.lease;
  if (heldMs !== null && heldMs > 0) {
    return piece(`still honours ${old}'s lease, for ${seconds(heldMs)} at most`, 'nothing');
  }
  if (!known || !word.record.begun)
    return piece('cannot read the record from a majority of the votes', 'nothing');
  const ago = heardAgo(word, inputs.oldId);
  if (ago !== null && ago <= word.lease.holdMs) {
    return piece(`heard ${old} ${seconds(ago)} ago`, 'nothing');
  }
  return piece(`has run out for ${old}, by the word of ${majority(word, inputs)}`, 'stopped');
}

function heardAgo({ lease }: StandbyWord, hostId: string): number | null {
  return lease.voters.find((voter) => voter.hostId === hostId)?.heardMsAgo ?? null;
}

function majority({ lease }: StandbyWord, inputs: VerdictInputs): string {
  const others = lease.voters.filter((voter) => voter.hostId !== inputs.oldId && voter.current);
  return others.map((voter) => voter.name).join(' and ') || inputs.standby.name;
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
