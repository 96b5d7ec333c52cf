import type { GroupBy } from './groups.ts';
import { SIZES, type Zoom } from './lanes.ts';
import type { Filter } from './search.ts';

const KEPT_UNDER = 'understudy-map';
const ZOOMS = Object.keys(SIZES) as Zoom[];
const GROUPS: readonly GroupBy[] = ['none', 'host', 'site'];

/** How this window looks at the map. Outlives the page; zoom and groups also outlive the window. */
class MapView {
  text = $state('');
  filter = $state<Filter>('all');
  group = $state<GroupBy>('none');
  zoom = $state<Zoom>('near');
  /** The host that was chosen; null: nobody has chosen. */
  focus = $state<string | null>(null);
  /** Groups that are not as they would be by themselves. Replaced as a whole. */
  toggled = $state.raw<ReadonlySet<string>>(new Set());

  constructor() {
    const kept = read();
    if (ZOOMS.includes(kept.zoom as Zoom)) this.zoom = kept.zoom as Zoom;
    if (GROUPS.includes(kept.group as GroupBy)) this.group = kept.group as GroupBy;
  }

  get searching(): boolean {
    return this.text.trim() !== '' || this.filter !== 'all';
  }

  /** `by` 1: closer, -1: farther. */
  step(by: 1 | -1): void {
    const to = ZOOMS[ZOOMS.indexOf(this.zoom) - by];
    if (to === undefined) return;
    this.zoom = to;
    this.#keep();
  }

  canStep(by: 1 | -1): boolean {
    return ZOOMS[ZOOMS.indexOf(this.zoom) - by] !== undefined;
  }

  groupBy(group: GroupBy): void {
    this.group = group;
    this.toggled = new Set();
    this.#keep();
  }

  toggle(key: string): void {
    const next = new Set(this.toggled);
    if (!next.delete(key)) next.add(key);
    this.toggled = next;
  }

  /** What was folded or open by hand was so for another stage. */
  bringForward(hostId: string): void {
    this.focus = hostId;
    this.toggled = new Set();
  }

  showAll(): void {
    this.text = '';
    this.filter = 'all';
  }

  #keep(): void {
    try {
      localStorage.setItem(KEPT_UNDER, JSON.stringify({ zoom: this.zoom, group: this.group }));
    } catch {
      // No storage here: it is only remembered until the window closes.
    }
  }
}

function read(): Record<string, unknown> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_UNDER) ?? '{}');
    return typeof kept === 'object' && kept !== null ? { ...kept } : {};
  } catch {
    return {};
  }
}

export const mapView = new MapView();
