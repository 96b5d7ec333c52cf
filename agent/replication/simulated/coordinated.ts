import { randomUUID } from 'node:crypto';
import { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { hostOff } from '../../hypervisor/simulated/problems.ts';
import type { SimulatedImage } from '../../hypervisor/simulated/types.ts';
import { fail, ok } from '../../protocol/index.ts';
import type { CoordinatedHost, Ran } from '../coordinated/host.ts';

/** Names an image as an inode number does: the same for everybody who reaches it. */
const ids = new WeakMap<SimulatedImage, string>();
const idOf = (image: SimulatedImage): string => {
  const id = ids.get(image) ?? randomUUID();
  ids.set(image, id);
  return id;
};

/** A simulated host's part in copies that somebody else keeps: the files it reaches, and programs somebody put on it. */
export function createSimulatedCoordinated(host: SimulatedHost): CoordinatedHost {
  const missing = (program: string) => ({
    kind: 'command-missing',
    message: `There is no ${program} on ${host.name}.`,
    next: `Put the program there on ${host.name}, or correct its path.`,
  });
  return {
    async writeToken(path, token) {
      const image = host.images.get(path);
      if (!host.powered) return fail(hostOff(host.name));
      if (image) image.token = token;
      return ok(undefined);
    },

    async removeToken(path) {
      delete host.images.get(path)?.token;
    },

    async see(path, locks) {
      const image = host.powered ? host.images.get(path) : undefined;
      if (!image) return { id: null, token: null, writable: false, lock: 'not-asked' };
      const lock = locks ? (openSomewhere(host, image) ? 'locked' : 'free') : 'not-asked';
      return { id: idOf(image), token: image.token ?? null, writable: image.readOnly !== true, lock };
    },

    check: async ([program = '']) => (host.programs.has(program) ? ok(undefined) : fail(missing(program))),

    async run([program = '', ...args], limitMs) {
      const run = host.programs.get(program);
      if (!host.powered) return fail(hostOff(host.name));
      if (!run) return fail(missing(program));
      const ended = await Promise.race([run(args), host.after(limitMs).then(() => null)]);
      if (!host.powered) return fail(hostOff(host.name));
      if (ended !== null) return ok(ended);
      return fail({
        kind: 'command-late',
        message: `${program} on ${host.name} did not come to its end within ${limitMs / 1_000} s, and was ended.`,
        next: `Run it by hand on ${host.name} and look what it waits for.`,
      });
    },
  };
}

/** QEMU's image lock, which every host that reaches the file sees: whoever runs, or stands still, keeps it. */
function openSomewhere(host: SimulatedHost, image: SimulatedImage): boolean {
  return host.world.hosts.some((each) => each instanceof SimulatedHost && each.hasOpen(image));
}

/** Storage that both hosts reach: the images of one appear on the other, the very same. */
export function mountShared(of: SimulatedHost, on: SimulatedHost, paths: string[]): void {
  for (const path of paths) {
    const image = of.images.get(path);
    if (!image) throw new Error(`${of.name} has no ${path}`);
    on.images.set(path, image);
  }
}

export interface SimulatedReplicationOptions {
  synchronous: boolean;
  /** Until a write is on the other side, ms; of an asynchronous one. */
  lagMs?: number;
}

/**
 * A replication of somebody else's between two simulated hosts, and the program that stands for its commands on both:
 * `PROGRAM state|promote|demote`. The host that has the machine's disks now begins as the one that is written to.
 */
export class SimulatedReplication {
  static readonly PROGRAM = '/usr/local/sbin/replica';
  /** It has given up: its state is `broken` until somebody mends it. */
  broken = false;
  /** What the programs answer instead of the truth; null: the truth. */
  says: Ran | null = null;
  readonly did: string[] = [];
  readonly #hosts: [SimulatedHost, SimulatedHost];
  readonly #paths: string[];
  readonly #options: SimulatedReplicationOptions;
  #primary: SimulatedHost;
  /** Promoted while its partner was away: it goes on by itself until they meet again. */
  #alone: SimulatedHost | null = null;

  constructor(hosts: [SimulatedHost, SimulatedHost], paths: string[], options: SimulatedReplicationOptions) {
    const [from, to] = hosts;
    this.#hosts = hosts;
    this.#paths = paths;
    this.#options = options;
    this.#primary = from;
    for (const path of paths) {
      const image = from.images.get(path);
      if (!image) throw new Error(`${from.name} has no ${path}`);
      to.images.set(path, { ...image });
    }
    this.#settle();
    for (const host of hosts)
      host.programs.set(SimulatedReplication.PROGRAM, ([verb = '']) => this.#run(host, verb));
  }

  get #linked(): boolean {
    const [a, b] = this.#hosts;
    return a.world.linked(a, b) && !this.broken;
  }

  #other(host: SimulatedHost): SimulatedHost {
    const [a, b] = this.#hosts;
    return host === a ? b : a;
  }

  /** Who is written to, and where his writes go. */
  #settle(): void {
    for (const host of this.#hosts)
      for (const path of this.#paths) {
        const image = host.images.get(path);
        if (!image) continue;
        image.readOnly = host !== this.#primary;
        delete image.replicate;
        if (host === this.#primary) image.replicate = (version) => this.#pass(host, path, version);
      }
  }

  /** False: the write waits. */
  #pass(host: SimulatedHost, path: string, version: number): boolean {
    const arrive = (): void => {
      const image = this.#other(host).images.get(path);
      if (image && this.#primary === host) image.version = Math.max(image.version, version);
    };
    if (this.#options.synchronous) {
      if (!this.#linked) return this.#alone === host;
      arrive();
      return true;
    }
    host.world.clock.setTimeout(() => {
      if (this.#linked) arrive();
    }, this.#options.lagMs ?? 2_000);
    return true;
  }

  async #run(host: SimulatedHost, verb: string): Promise<Ran> {
    this.did.push(`${host.name} ${verb}`);
    if (verb === 'state') return this.says ?? this.#state(host);
    if (verb === 'demote') {
      for (const path of this.#paths) {
        const image = host.images.get(path);
        if (image) image.readOnly = true;
      }
      return said(0, '');
    }
    if (verb !== 'promote') return said(64, '', `unknown verb ${verb}`);
    const other = this.#other(host);
    if (this.#linked && this.#primary === other && this.#hasRunning(other))
      return said(1, '', `${other.name} is written to`);
    if (!this.#linked) this.#alone = host;
    this.#primary = host;
    this.#settle();
    return said(0, '');
  }

  #hasRunning(host: SimulatedHost): boolean {
    return this.#paths.some((path) => {
      const image = host.images.get(path);
      return image !== undefined && host.hasOpen(image);
    });
  }

  #state(host: SimulatedHost): Ran {
    if (this.broken) return said(0, 'broken: the link was given up');
    if (!this.#linked) return said(0, `broken: ${this.#other(host).name} does not answer`);
    this.#alone = null;
    const behind = Math.max(...this.#paths.map((path) => this.#behind(path)));
    if (behind === 0) return said(0, 'in-sync');
    if (this.#options.synchronous) this.#catchUp();
    return said(0, JSON.stringify({ state: 'behind', bytes: behind * 4_096 }));
  }

  #behind(path: string): number {
    const [a, b] = this.#hosts.map((host) => host.images.get(path)?.version ?? 0);
    return Math.abs((a ?? 0) - (b ?? 0));
  }

  /** What the other side missed while it was away. */
  #catchUp(): void {
    for (const path of this.#paths) {
      const version = this.#primary.images.get(path)?.version ?? 0;
      const image = this.#other(this.#primary).images.get(path);
      if (image) image.version = version;
    }
  }
}

const said = (code: number, stdout: string, stderr = ''): Ran => ({ code, stdout, stderr });
