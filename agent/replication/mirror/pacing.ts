import type { CopyPace } from '../pace.ts';

export interface PacingPorts {
  /** Without: as fast as they go. */
  pace: CopyPace | undefined;
  disks: number;
  /** Of each job, bytes/s; 0 for no limit. */
  setSpeed(bytesPerS: number): void;
}

/** QEMU copies everything by jobs of its own: each gets its part of what this copy may take. */
export class Pacing {
  readonly #ports: PacingPorts;
  #leave: (() => void) | undefined;

  constructor(ports: PacingPorts) {
    this.#ports = ports;
  }

  join(): void {
    this.#leave = this.#ports.pace?.join((bytesPerS) => this.#share(bytesPerS));
  }

  /** What the guest writes is never limited, and the jobs go on with nothing else. */
  leave(): void {
    const leave = this.#leave;
    if (!leave) return;
    this.#leave = undefined;
    leave();
    this.#share(null);
  }

  #share(bytesPerS: number | null): void {
    const { disks, setSpeed } = this.#ports;
    setSpeed(bytesPerS === null ? 0 : Math.max(1, Math.floor(bytesPerS / disks)));
  }
}
