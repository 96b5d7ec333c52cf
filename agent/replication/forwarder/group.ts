import type { Server, Socket } from 'node:net';
import type { Log } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { GroupOrder, GroupStatus, HoldReason, LinkState, SavedGroup } from './control-protocol.ts';
import { DiskRelay } from './disk-relay.ts';
import type { Lifeline, LifelineListener } from './lifeline.ts';
import { listenUnix } from './listener.ts';
import { Patience } from './patience.ts';
import type { RemoteExport } from './remote.ts';
import { serveHandshake } from './server-handshake.ts';

/** What a group needs of the process around it. */
export interface GroupPorts {
  open(order: GroupOrder, exportName: string): Promise<Result<RemoteExport>>;
  lifeline(order: GroupOrder): Promise<Result<Lifeline>>;
  save(saved: SavedGroup): void;
  changed(status: GroupStatus): void;
  log: Log;
}

/** How often the oldest unanswered write is looked at, and how many looks are too many: 15 to 20 s. */
const LOOK_MS = 5_000;
const MAX_LOOKS = 4;

interface Disk {
  name: string;
  socket: string;
  exportName: string;
  relay: DiskRelay;
  server: Server | null;
}

/** All disks of one guest on their way to one standby. They are held, released and resumed together. */
export class Group implements LifelineListener {
  readonly order: GroupOrder;
  readonly #ports: GroupPorts;
  readonly #disks: Disk[];
  readonly #looks: NodeJS.Timeout;
  #lifeline: Lifeline | null = null;
  #reason: HoldReason | null = null;
  #deadlineMs: number;
  readonly #patience: Patience;
  #last = '';

  /** Connects every disk and the heartbeat, then listens for QEMU. */
  static async open(order: GroupOrder, ports: GroupPorts): Promise<Result<Group>> {
    const links = await connectAll(order, ports);
    if (!links.ok) return links;
    const { remotes, lifeline } = links.value;
    const saved: SavedGroup = {
      order,
      released: false,
      disks: order.disks.map((disk, index) => ({
        name: disk.name,
        ended: false,
        clean: false,
        info: (remotes[index] as RemoteExport).info,
      })),
    };
    const group = new Group(saved, ports, null);
    group.#join(remotes, lifeline);
    const listening = await group.#listen();
    if (!listening.ok) {
      await group.close();
      return listening;
    }
    group.#publish();
    return ok(group);
  }

  /** Serves QEMU again after a restart: held, unless it had been released. */
  static async restore(saved: SavedGroup, ports: GroupPorts): Promise<Result<Group>> {
    const reason: HoldReason = {
      kind: 'restarted',
      disk: '',
      detail: 'the forwarder started anew',
      errno: 0,
    };
    const group = new Group(saved, ports, reason);
    const listening = await group.#listen();
    if (!listening.ok) return listening;
    group.#publish();
    return ok(group);
  }

  private constructor(saved: SavedGroup, ports: GroupPorts, reason: HoldReason | null) {
    this.order = saved.order;
    this.#ports = ports;
    this.#reason = reason;
    this.#deadlineMs = saved.order.deadlineMs;
    this.#disks = saved.order.disks.map((disk) => {
      const known = saved.disks.find((one) => one.name === disk.name);
      if (!known) throw new Error(`saved state lacks disk ${disk.name}`);
      const state: LinkState = known.ended ? 'ended' : saved.released ? 'released' : 'held';
      const relay = new DiskRelay(known.info, state, known.clean, {
        alive: () => this.#lifeline?.alive(),
        lost: (kind, detail, errno) => this.hold({ kind, disk: disk.name, detail, errno }),
        ended: () => this.#publish(),
      });
      return { ...disk, relay, server: null };
    });
    this.#looks = setInterval(() => this.#look(), LOOK_MS);
    const waiting = this.#disks.map(({ name, relay }) => ({
      name,
      get oldest() {
        return relay.oldest;
      },
    }));
    this.#patience = new Patience(waiting, (disk, ms) =>
      this.hold({ kind: 'too-slow', disk, detail: `a write had no answer for ${ms} ms`, errno: 0 }),
    );
    this.#patience.set(saved.order.patienceMs ?? null);
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  /** @param patienceMs null: writes wait as long as it takes; left out: as before */
  setDeadline(ms: number, patienceMs?: number | null): void {
    this.#deadlineMs = ms;
    if (patienceMs !== undefined) this.#patience.set(patienceMs);
    this.#publish();
    this.#lifeline?.changed();
  }

  status(): GroupStatus {
    const state = this.#state();
    return {
      group: this.order.group,
      state,
      reason: this.#reason,
      clean: state === 'ended' && this.#disks.every((disk) => disk.relay.clean),
      disks: this.#disks.map(({ name, relay }) => ({
        name,
        state: relay.state,
        attached: relay.attached,
        outstanding: relay.outstanding,
      })),
    };
  }

  lost(kind: 'heartbeat-late' | 'heartbeat-error' | 'connection-lost', detail: string): void {
    this.hold({ kind, disk: '', detail, errno: 0 });
  }

  hold(reason: HoldReason): void {
    if (this.#state() !== 'up') return;
    for (const disk of this.#disks) disk.relay.hold();
    this.#leaveLifeline();
    this.#reason = reason;
    this.#ports.log('warn', `${this.order.group}: held, ${reason.kind} ${reason.disk} (${reason.detail})`);
    this.#publish();
  }

  release(): void {
    for (const disk of this.#disks) disk.relay.release();
    this.#leaveLifeline();
    this.#publish();
  }

  /** From `held` back to `up`, if the standby answers. Never from `released`. */
  async resume(): Promise<Result<void>> {
    const state = this.#state();
    if (state === 'up') return ok(undefined);
    if (state !== 'held' || this.#disks.some((disk) => disk.relay.state === 'ended')) {
      return fail({
        kind: 'not-held',
        message: 'The replication stream is not held, so it cannot be resumed.',
        next: 'Start a new copy.',
      });
    }
    const links = await connectAll(this.order, this.#ports);
    if (!links.ok) return links;
    const { remotes, lifeline } = links.value;
    const fits = remotes.every(
      (remote, index) => this.#disks[index]?.relay.info.sizeBytes === remote.info.sizeBytes,
    );
    if (!fits || this.#state() !== 'held') {
      discard(remotes);
      lifeline.remove(this);
      return fail({
        kind: 'export-refused',
        message: 'The standby offers images of another size than before.',
        next: 'Start a new copy.',
      });
    }
    this.#join(remotes, lifeline);
    this.#publish();
    return ok(undefined);
  }

  async close(): Promise<void> {
    clearInterval(this.#looks);
    this.#patience.stop();
    this.#leaveLifeline();
    for (const disk of this.#disks) disk.relay.close();
    await Promise.all(this.#disks.map(({ server }) => server && new Promise((done) => server.close(done))));
  }

  #join(remotes: RemoteExport[], lifeline: Lifeline): void {
    this.#lifeline = lifeline;
    lifeline.add(this);
    this.#disks.forEach((disk, index) => {
      const remote = remotes[index];
      if (remote) disk.relay.connect(remote.socket);
    });
    if (lifeline.over) this.lost('connection-lost', 'the heartbeat was lost at once');
  }

  async #listen(): Promise<Result<void>> {
    for (const disk of this.#disks) {
      if (disk.relay.state === 'ended') continue;
      try {
        disk.server = await listenUnix(disk.socket, (socket) => void this.#greet(disk, socket));
      } catch (error) {
        return fail({
          kind: 'forwarder-socket',
          message: `The socket ${disk.socket} could not be made (${String(error)}).`,
          next: 'See that the machine runs and that the directory of its monitor socket exists, then try again.',
        });
      }
    }
    return ok(undefined);
  }

  async #greet(disk: Disk, socket: Socket): Promise<void> {
    socket.on('error', () => socket.destroy());
    try {
      const first = await serveHandshake(socket, disk.name, disk.relay.info);
      if (disk.relay.state === 'ended') socket.destroy();
      else disk.relay.attach(socket, first);
    } catch (error) {
      this.#ports.log('debug', `${this.order.group}/${disk.name}: ${String(error)}`);
      socket.destroy();
    }
  }

  #look(): void {
    for (const { name, relay } of this.#disks) {
      if (relay.lookAtOldest() < MAX_LOOKS) continue;
      this.hold({ kind: 'request-late', disk: name, detail: 'a write had no answer for 15 s', errno: 0 });
    }
  }

  #state(): LinkState {
    const live = this.#disks.map(({ relay }) => relay.state).filter((state) => state !== 'ended');
    return live[0] ?? 'ended';
  }

  #leaveLifeline(): void {
    this.#lifeline?.remove(this);
    this.#lifeline = null;
  }

  #publish(): void {
    const state = this.#state();
    if (state === 'ended') this.#leaveLifeline();
    this.#ports.save({
      order: { ...this.order, deadlineMs: this.#deadlineMs, patienceMs: this.#patience.ms },
      released: state === 'released',
      disks: this.#disks.map(({ name, relay }) => ({
        name,
        ended: relay.state === 'ended',
        clean: relay.clean,
        info: relay.info,
      })),
    });
    const status = this.status();
    const text = JSON.stringify(status);
    if (text !== this.#last) this.#ports.changed(status);
    this.#last = text;
  }
}

type Links = { remotes: RemoteExport[]; lifeline: Lifeline };

async function connectAll(order: GroupOrder, ports: GroupPorts): Promise<Result<Links>> {
  const remotes: RemoteExport[] = [];
  for (const disk of order.disks) {
    const remote = await ports.open(order, disk.exportName);
    if (!remote.ok) {
      discard(remotes);
      return remote;
    }
    // Until the relay takes it over, a loss must not be an unhandled event.
    remote.value.socket.on('error', () => undefined);
    remotes.push(remote.value);
  }
  const lifeline = await ports.lifeline(order);
  if (!lifeline.ok) discard(remotes);
  return lifeline.ok ? ok({ remotes, lifeline: lifeline.value }) : lifeline;
}

function discard(remotes: RemoteExport[]): void {
  for (const remote of remotes) remote.socket.destroy();
}
