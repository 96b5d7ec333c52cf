/** How wide each field of a state is, in bits; a state is one `Uint8Array` with a byte for every field. */
export type Widths = readonly number[];

const EMPTY = 0;
const NO_PARENT = 0xffffffff;

/**
 * Every state seen, packed into 32-bit words, in the order it was first seen (which is breadth-first order), with the
 * state it was reached from. Open addressing over the index, so a state costs its words, 4 bytes for the parent and
 * about 8 for its place in the table.
 */
export class StateStore {
  readonly #words: number;
  readonly #word: Uint8Array;
  readonly #shift: Uint8Array;
  readonly #mask: Uint8Array;
  readonly #packed: Int32Array;
  #data: Int32Array;
  #parents: Uint32Array;
  #table: Uint32Array;
  #size = 0;

  constructor(widths: Widths) {
    this.#word = new Uint8Array(widths.length);
    this.#shift = new Uint8Array(widths.length);
    this.#mask = new Uint8Array(widths.length);
    let word = 0;
    let shift = 0;
    widths.forEach((width, field) => {
      if (shift + width > 32) {
        word += 1;
        shift = 0;
      }
      this.#word[field] = word;
      this.#shift[field] = shift;
      this.#mask[field] = 2 ** width - 1;
      shift += width;
    });
    this.#words = word + 1;
    this.#packed = new Int32Array(this.#words);
    this.#data = new Int32Array(this.#words << 16);
    this.#parents = new Uint32Array(1 << 16);
    this.#table = new Uint32Array(1 << 17);
  }

  get size(): number {
    return this.#size;
  }

  /** The state's index; new ones get the next number. A value too wide for its field is a bug and throws. */
  add(state: Uint8Array, parent: number | null): number {
    this.#pack(state);
    const place = this.#find(this.#table);
    const found = this.#table[place] ?? EMPTY;
    if (found !== EMPTY) return found - 1;
    if (this.#size === this.#parents.length) this.#grow();
    this.#data.set(this.#packed, this.#size * this.#words);
    this.#parents[this.#size] = parent ?? NO_PARENT;
    this.#table[place] = this.#size + 1;
    this.#size += 1;
    if (this.#size * 10 > this.#table.length * 6) this.#rehash();
    return this.#size - 1;
  }

  read(index: number, into: Uint8Array): void {
    const base = index * this.#words;
    const [words, shifts, masks] = [this.#word, this.#shift, this.#mask];
    for (let i = 0; i < words.length; i += 1) {
      const word = this.#data[base + (words[i] ?? 0)] ?? 0;
      into[i] = (word >>> (shifts[i] ?? 0)) & (masks[i] ?? 0);
    }
  }

  parent(index: number): number | null {
    const parent = this.#parents[index] ?? NO_PARENT;
    return parent === NO_PARENT ? null : parent;
  }

  #pack(state: Uint8Array): void {
    const [packed, words, shifts, masks] = [this.#packed, this.#word, this.#shift, this.#mask];
    let word = 0;
    let bits = 0;
    for (let i = 0; i < words.length; i += 1) {
      const value = state[i] ?? 0;
      if (value > (masks[i] ?? 0)) throw new RangeError(`field ${i} holds ${value}, its mask is ${masks[i]}`);
      if (words[i] !== word) {
        packed[word] = bits;
        word += 1;
        bits = 0;
      }
      bits |= value << (shifts[i] ?? 0);
    }
    packed[word] = bits;
  }

  /** Where the packed state is in `table`, or the free place it belongs in. */
  #find(table: Uint32Array): number {
    let hash = 0x1e3779b9;
    for (let i = 0; i < this.#words; i += 1) {
      hash = Math.imul(hash ^ (this.#packed[i] ?? 0), 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    hash ^= hash >>> 16;
    const mask = table.length - 1;
    let place = hash & mask;
    for (;;) {
      const found = table[place] ?? EMPTY;
      if (found === EMPTY || this.#same(found - 1)) return place;
      place = (place + 1) & mask;
    }
  }

  #same(index: number): boolean {
    const base = index * this.#words;
    for (let i = 0; i < this.#words; i += 1) if (this.#data[base + i] !== this.#packed[i]) return false;
    return true;
  }

  #grow(): void {
    const length = this.#parents.length + Math.min(this.#parents.length, 1 << 22);
    const data = new Int32Array(length * this.#words);
    data.set(this.#data);
    const parents = new Uint32Array(length);
    parents.set(this.#parents);
    this.#data = data;
    this.#parents = parents;
  }

  #rehash(): void {
    const table = new Uint32Array(this.#table.length * 2);
    for (let index = 0; index < this.#size; index += 1) {
      this.#packed.set(this.#data.subarray(index * this.#words, (index + 1) * this.#words));
      table[this.#find(table)] = index + 1;
    }
    this.#table = table;
  }
}
