interface Event {
  at: number;
  order: number;
  run: () => void;
}

/** Two nodes chase each other without end. */
export class Livelock extends Error {}

/** Simulated time: one queue, events at one instant in the order they were made. Milliseconds of true time. */
export class Kernel {
  now = 0;
  #heap: Event[] = [];
  #orders = 0;
  /** Events run; beyond `LIMIT` it is a livelock. */
  events = 0;

  after(ms: number, run: () => void): void {
    this.#orders += 1;
    const event = { at: this.now + Math.max(0, ms), order: this.#orders, run };
    const heap = this.#heap;
    let i = heap.length;
    heap.push(event);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const above = heap[up];
      if (above === undefined || !before(event, above)) break;
      heap[i] = above;
      i = up;
    }
    heap[i] = event;
  }

  runUntil(end: number): void {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.at > end) break;
      this.#removeFirst();
      this.now = first.at;
      this.events += 1;
      if (this.events > LIMIT) throw new Livelock(`livelock: ${LIMIT} events by ${Math.round(this.now)} ms`);
      first.run();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const a = heap[left];
      const b = heap[left + 1];
      if (a === undefined) break;
      const smaller = b !== undefined && before(b, a) ? b : a;
      if (!before(smaller, last)) break;
      heap[i] = smaller;
      i = smaller === a ? left : left + 1;
    }
    heap[i] = last;
  }
}

/** A schedule of a hundred simulated seconds takes about twenty thousand. */
const LIMIT = 400_000;

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
