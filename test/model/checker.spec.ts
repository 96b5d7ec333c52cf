import { describe, expect, it } from 'vitest';
import { check, type Model } from './checker.ts';

/** Two processes that take a lock: `careful` ones look and take in one step, careless ones look first and take later. */
function lock(careful: boolean, release: boolean): Model {
  return {
    widths: [2, 2],
    initial: Uint8Array.of(0, 0),
    successors(state, emit) {
      for (const who of [0, 1]) {
        const next = Uint8Array.from(state);
        const own = state[who];
        const free = state[1 - who] !== 2;
        if (own === 0 && (free || !careful)) next[who] = 1;
        else if (own === 1 && (!careful || free)) next[who] = 2;
        else if (own === 2 && release) next[who] = 0;
        else continue;
        emit(next, ['leaves', 'looks', 'takes'][next[who] ?? 0] ?? '', who, 0, false);
      }
    },
    violation: (state) => (state[0] === 2 && state[1] === 2 ? 'both hold the lock' : null),
    settled: (state) => state[1] === 2,
    tell: (action, who) => `p${who} ${action}`,
  };
}

const all = { maxStates: 1000, liveness: true };

describe('explicit-state checker', () => {
  it('passes a good model, with every state counted once', () => {
    const report = check(lock(true, true), all);
    expect(report).toMatchObject({ complete: true, finding: null, states: 8, stuck: 0 });
  });

  it('finds a shortest story of a bad one', () => {
    const { finding } = check(lock(false, true), all);
    expect(finding?.kind).toBe('safety');
    expect(finding?.what).toBe('both hold the lock');
    expect(finding?.story).toHaveLength(4);
    expect(finding?.story.filter((line) => line.endsWith('takes'))).toHaveLength(2);
  });

  it('finds the state that never settles, and nothing when the search was cut short', () => {
    const report = check(lock(true, false), all);
    expect(report.finding?.kind).toBe('liveness');
    expect(report.finding?.story.at(-1)).toBe('p0 takes');
    expect(check(lock(true, false), { maxStates: 3, liveness: true })).toMatchObject({ complete: false });
  });

  it('does not count a step that is a fault as a way out', () => {
    const model = lock(true, false);
    const faulty: Model = {
      ...model,
      successors(state, emit) {
        model.successors(state, emit);
        if (state[0] === 2) emit(Uint8Array.of(0, 0), 'is broken into', 0, 0, true);
      },
    };
    expect(check(faulty, all).finding?.kind).toBe('liveness');
  });

  it('refuses a value that does not fit its field', () => {
    const model: Model = { ...lock(true, true), initial: Uint8Array.of(4, 0) };
    expect(() => check(model, all)).toThrow(RangeError);
  });
});
