import { StateStore, type Widths } from './store.ts';

/** Given to `successors`: reports one step. `who` and `whom` only make the story readable. */
export type Emit = (next: Uint8Array, action: string, who: number, whom: number, fault: boolean) => void;

/** What is checked: a state machine whose states are a byte a field. */
export interface Model {
  widths: Widths;
  initial: Uint8Array;
  /** Emits every step from `state`; the array given to `emit` may be reused at once. */
  successors(state: Uint8Array, emit: Emit): void;
  /** What is wrong with this state, or with the step into it; null when nothing is. */
  violation(state: Uint8Array): string | null;
  /** Where everything must always be able to get to without a further fault; true too where that is excused. */
  settled(state: Uint8Array): boolean;
  tell(action: string, who: number, whom: number, after: Uint8Array): string;
}

export interface Options {
  /** Stops after so many states, and says so. */
  maxStates: number;
  /** Look for states that can never settle. Needs 4 bytes for every step without a fault. */
  liveness: boolean;
}

export interface Finding {
  kind: 'safety' | 'liveness';
  what: string;
  story: string[];
}

export interface Report {
  states: number;
  steps: number;
  /** False when `maxStates` ended the search; then nothing is proved. */
  complete: boolean;
  finding: Finding | null;
  /** States that can never settle (liveness only). */
  stuck: number;
}

/** Numbers, appended to; grows by half. */
class List {
  data = new Uint32Array(1 << 16);
  length = 0;
  push(value: number): void {
    if (this.length === this.data.length) {
      const data = new Uint32Array(Math.ceil(this.length * 1.5));
      data.set(this.data);
      this.data = data;
    }
    this.data[this.length] = value;
    this.length += 1;
  }
}

/**
 * Breadth-first search of every reachable state, so the first counterexample is a shortest one. Safety first; when it
 * holds and liveness is asked for, the states from which no sequence of steps without a fault leads to a settled one
 * are found by going backwards over the graph (AG EF settled).
 */
export function check(model: Model, options: Options): Report {
  const store = new StateStore(model.widths);
  const edges = new List();
  const offsets = new List();
  const state = new Uint8Array(model.widths.length);
  let steps = 0;
  let from = 0;
  const emit: Emit = (next, _action, _who, _whom, fault) => {
    steps += 1;
    const to = store.add(next, from);
    if (options.liveness && !fault && to !== from) edges.push(to);
  };
  store.add(model.initial, null);
  for (; from < store.size && from < options.maxStates; from += 1) {
    store.read(from, state);
    const what = model.violation(state);
    if (what !== null) {
      const finding: Finding = { kind: 'safety', what, story: story(model, store, from) };
      return { states: store.size, steps, complete: false, finding, stuck: 0 };
    }
    offsets.push(edges.length);
    model.successors(state, emit);
  }
  const complete = from >= store.size;
  const report: Report = { states: store.size, steps, complete, finding: null, stuck: 0 };
  if (!complete || !options.liveness) return report;
  offsets.push(edges.length);
  return { ...report, ...unsettled(model, store, edges, offsets) };
}

function unsettled(
  model: Model,
  store: StateStore,
  edges: List,
  offsets: List,
): { finding: Finding | null; stuck: number } {
  const can = new Uint8Array(store.size);
  const state = new Uint8Array(model.widths.length);
  for (let i = 0; i < store.size; i += 1) {
    store.read(i, state);
    can[i] = model.settled(state) ? 1 : 0;
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = store.size - 1; i >= 0; i -= 1) {
      if (can[i] === 1 || !leadsOn(i, can, edges.data, offsets.data)) continue;
      can[i] = 1;
      changed = true;
    }
  }
  let stuck = 0;
  for (const one of can) stuck += 1 - one;
  const first = can.indexOf(0);
  if (first < 0) return { finding: null, stuck };
  const what = 'from here no sequence of steps makes the guest run again, whatever is repaired';
  return { finding: { kind: 'liveness', what, story: story(model, store, first) }, stuck };
}

function leadsOn(index: number, can: Uint8Array, edges: Uint32Array, offsets: Uint32Array): boolean {
  const end = offsets[index + 1] ?? 0;
  for (let at = offsets[index] ?? 0; at < end; at += 1) if (can[edges[at] ?? 0] === 1) return true;
  return false;
}

/** The steps from the start to this state, told one a line. */
function story(model: Model, store: StateStore, index: number): string[] {
  const path: number[] = [];
  for (let at: number | null = index; at !== null; at = store.parent(at)) path.unshift(at);
  const told: string[] = [];
  const state = new Uint8Array(model.widths.length);
  for (let i = 0; i + 1 < path.length; i += 1) {
    store.read(path[i] ?? 0, state);
    let line: string | null = null;
    model.successors(state, (next, action, who, whom) => {
      if (line === null && store.add(next, null) === path[i + 1]) line = model.tell(action, who, whom, next);
    });
    told.push(line ?? 'an untold step');
  }
  return told;
}
