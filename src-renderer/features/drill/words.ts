import type { DrillResult } from '../../../agent/protocol/drill.ts';
import type { DrillView, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import type { Mark } from '../../lib/pair-state.ts';
import { duration } from '../../lib/time.ts';

export function drillMark({ state }: DrillView): Mark {
  const word = m.drill.state[state];
  switch (state) {
    case 'passed':
      return { tone: 'ok', icon: 'check', word };
    case 'failed':
      return { tone: 'danger', icon: 'cross', word };
    case 'stale':
      return { tone: 'attention', icon: 'clock', word };
    case 'never':
      return { tone: 'neutral', icon: 'ring', word };
  }
}

/** `when`: of the last result. */
export function drillSentence(view: DrillView, host: string, when: string): string {
  const words = m.drill;
  switch (view.state) {
    case 'never':
      return words.says.never(host);
    case 'passed':
      return words.says.passed(host, when);
    case 'failed':
      return words.says.failed(host, when);
    case 'stale':
      return view.stale === 'age'
        ? words.stale.age(view.settings.maxAgeDays)
        : words.stale[view.stale ?? 'changed'];
  }
}

/** The stages of one drill with how long each took; those it did not come to are left out. */
export function stagesOf(result: DrillResult): { name: string; value: string }[] {
  const words = m.drill.stages;
  const rows: [string, number | null, (ms: number) => string][] = [
    // A restore point is there already: nothing waits for it.
    [words.point, result.restorePoint ? null : result.pointMs, m.drill.milliseconds],
    [words.start, result.startMs, duration],
    [words.answer, result.answerMs, duration],
    [words.undo, result.undoMs, m.drill.milliseconds],
  ];
  return rows.flatMap(([name, ms, say]) => (ms === null ? [] : [{ name, value: say(ms) }]));
}

/** No drill of it was ever passed, and nobody has decided yet to arm it all the same. */
export function isUndecided({ drill }: PairView): boolean {
  return (
    drill !== null && drill.waived === null && !drill.results.some(({ outcome }) => outcome === 'passed')
  );
}
