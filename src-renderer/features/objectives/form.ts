import { type Objectives, objectivesProblem } from '../../../agent/protocol/objectives.ts';
import { m } from '../../lib/messages.ts';
import { secondsOf } from '../replication/mode-form.ts';

interface Read {
  /** Null while something is wrong. */
  objectives: Objectives | null;
  rpoProblem: string | null;
  rtoProblem: string | null;
}

/** What was entered, with what is wrong with it said at its field. Empty: no target. */
export function objectivesFrom({ rpo, rto }: { rpo: string; rto: string }): Read {
  const [rpoS, rtoS] = [rpo, rto].map((text) => (text.trim() === '' ? null : (secondsOf(text) ?? 'wrong')));
  const words = m.objectives.dialog;
  const rpoProblem = rpoS === 'wrong' ? words.wrong : problemOf({ rpoS: rpoS ?? null, rtoS: null });
  const rtoProblem = rtoS === 'wrong' ? words.wrong : problemOf({ rpoS: null, rtoS: rtoS ?? null });
  if (rpoS === 'wrong' || rtoS === 'wrong' || rpoProblem || rtoProblem)
    return { objectives: null, rpoProblem, rtoProblem };
  return { objectives: { rpoS: rpoS ?? null, rtoS: rtoS ?? null }, rpoProblem, rtoProblem };
}

function problemOf(objectives: Objectives): string | null {
  const problem = objectivesProblem(objectives);
  return problem && `${problem.message} ${problem.next}`;
}
