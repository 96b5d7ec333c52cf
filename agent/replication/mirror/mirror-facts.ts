import type { GroupStatus } from '../forwarder/control-protocol.ts';
import type { MirrorOrder } from '../replication.ts';
import type { BringUp } from './bring-up.ts';
import type { DeviceDisk } from './build.ts';
import type { Device } from './change-layer.ts';
import type { SavedMirror } from './saved.ts';

/** Where one mirror stands, shared by what makes it, brings it back and ends it; and what of that a later agent must know. */
export class MirrorFacts {
  order: MirrorOrder;
  /** The forwarder's last word on its stream; null while there is none. */
  group: GroupStatus | null = null;
  /** Each write is on both copies before the guest hears of it. */
  inSync = false;
  endedInSync = false;
  /** Set once the mirror is being taken apart, on whoever's order. */
  leaving = false;
  /** The mirror cannot be made good again: it waits, held, for its release. */
  lost = false;
  over = false;
  /** Where QEMU's mirrors meet the forwarder, and QEMU's nodes under the disks; by target. */
  sockets: Record<string, string> = {};
  devices: Record<string, string> = {};
  /** What the replica holds has this name; null when nobody remembers. */
  readonly generation: string | null;
  /** QEMU's bitmaps tell how far the replica is behind that generation. */
  tracked: boolean;
  /** At work while no mirror stands yet. */
  bringUp: BringUp | null = null;
  /** The guest is stopped for the last changes. */
  pausing = false;

  constructor(order: MirrorOrder, saved: SavedMirror | null) {
    this.order = order;
    this.generation = order.how?.generation ?? saved?.generation ?? null;
    // What is being sent stays known until the mirror stands.
    this.tracked = order.how?.way === 'changes' || saved?.tracked === true;
  }

  /** What an earlier agent knew of it. */
  remember(saved: SavedMirror): void {
    this.inSync = saved.inSync;
    this.sockets = saved.sockets;
    this.devices = saved.devices ?? {};
  }

  use(disks: readonly DeviceDisk[]): void {
    this.sockets = Object.fromEntries(disks.map(({ target, socket }) => [target, socket]));
    this.devices = Object.fromEntries(disks.map(({ target, device }) => [target, device]));
  }

  /** Nothing more is to be done for it but to end it. */
  get ends(): boolean {
    return this.leaving || this.lost || this.over;
  }

  get deviceList(): Device[] {
    return this.order.disks.map(({ target, sizeBytes }) => ({
      target,
      sizeBytes,
      device: this.devices[target] ?? '',
    }));
  }

  get saved(): Omit<SavedMirror, 'order'> {
    const { inSync, sockets, devices, generation, tracked, pausing } = this;
    return {
      ...{ live: !this.over, inSync, endedInSync: this.over && this.endedInSync },
      ...{ sockets, devices, generation, tracked, pausing },
      catchingUp: this.bringUp !== null,
    };
  }
}
