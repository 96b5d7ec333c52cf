/** Samples kept for the rate: about five seconds of them. */
const SAMPLES = 6;

/** Bytes copied over all disks, and how fast. QEMU's `len` grows while the guest writes. */
export class Progress {
  #samples: { atMs: number; bytes: number }[] = [];
  doneBytes = 0;
  totalBytes = 0;

  add(doneBytes: number, totalBytes: number, atMs: number): void {
    this.doneBytes = Math.min(doneBytes, totalBytes);
    this.totalBytes = totalBytes;
    this.#samples.push({ atMs, bytes: doneBytes });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** Bytes per second over the last seconds; 0 while unknown. */
  get rateBps(): number {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.atMs <= first.atMs) return 0;
    return Math.max(0, Math.round(((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)));
  }
}
