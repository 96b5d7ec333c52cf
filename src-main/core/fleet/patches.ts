import { isDeepStrictEqual } from 'node:util';
import type {
  FleetPatch,
  FleetSnapshot,
  HostView,
  PairView,
  TaskView,
  VmView,
} from '../../contract/index.ts';

export interface Views {
  hosts: HostView;
  vms: VmView;
  pairs: PairView;
  tasks: TaskView;
}
export type FleetKind = keyof Views;
type Told = { [K in FleetKind]: Record<string, Views[K]> };
type Changed = { [K in FleetKind]: Record<string, Views[K] | null> };

/** Gives the present view of one entity; null when it is gone. */
export type ViewOf = { [K in FleetKind]: (key: string) => Views[K] | null };

/** How long changes are gathered before the pages hear of them. */
export const BATCH_MS = 50;

const KINDS: readonly FleetKind[] = ['hosts', 'vms', 'pairs', 'tasks'];

/** Gathers what changed and tells only what is really different from what was told before. */
export class Patches {
  readonly #told: Told = { hosts: {}, vms: {}, pairs: {}, tasks: {} };
  readonly #marked: Record<FleetKind, Set<string>> = {
    hosts: new Set(),
    vms: new Set(),
    pairs: new Set(),
    tasks: new Set(),
  };
  readonly #viewOf: ViewOf;
  readonly #emit: (patch: FleetPatch) => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(viewOf: ViewOf, emit: (patch: FleetPatch) => void) {
    this.#viewOf = viewOf;
    this.#emit = emit;
  }

  mark(kind: FleetKind, key: string): void {
    this.#marked[kind].add(key);
    this.#timer ??= setTimeout(() => this.flush(), BATCH_MS);
  }

  /** Everything as told so far, changes still waiting included. */
  snapshot(): FleetSnapshot {
    this.flush();
    return this.#told;
  }

  keys(kind: FleetKind): string[] {
    return Object.keys(this.#told[kind]);
  }

  flush(): void {
    this.stop();
    const changed: Changed = { hosts: {}, vms: {}, pairs: {}, tasks: {} };
    for (const kind of KINDS) this.#collect(kind, changed);
    const filled = Object.entries(changed).filter(([, views]) => Object.keys(views).length > 0);
    if (filled.length > 0) this.#emit(Object.fromEntries(filled));
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #collect<K extends FleetKind>(kind: K, changed: Changed): void {
    const told: Record<string, Views[K]> = this.#told[kind];
    const different: Record<string, Views[K] | null> = changed[kind];
    for (const key of this.#marked[kind]) {
      const view = this.#viewOf[kind](key);
      if (isDeepStrictEqual(view, told[key] ?? null)) continue;
      different[key] = view;
      if (view === null) delete told[key];
      else told[key] = view;
    }
    this.#marked[kind].clear();
  }
}
