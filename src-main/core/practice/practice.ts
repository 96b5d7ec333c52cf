import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Pace, SimulatedWorld } from '../../../agent/hypervisor/simulated/world.ts';
import type { Log } from '../../../agent/ports.ts';
import { systemClock } from '../../../agent/system-clock.ts';
import type { PracticeChange } from '../../contract/index.ts';
import { changeBehind } from './behind.ts';
import { type FleetPlan, largeFleet, smallBusiness } from './fleet-plan.ts';
import { type PracticeAccess, PracticeHost } from './practice-host.ts';
import { setUpStorage } from './storage.ts';

export interface PracticeOptions {
  /** A fleet for scale runs instead of the small business. */
  scale?: { hosts: number; vmsPerHost: number };
  pace?: Partial<Pace>;
  bootDelayMs?: number;
  log?: Log;
}

export interface Practice {
  readonly plan: FleetPlan;
  readonly world: SimulatedWorld;
  /** How to log in to each host, in the plan's order. */
  readonly hosts: PracticeAccess[];
  /** Pulls the plug of a host, or switches it on; on: resolves once it answers again. */
  power(name: string, on: boolean): Promise<void>;
  /** An admin's own tools on a machine of that host: nobody tells its agent. */
  change(name: string, vmUuid: string, what: PracticeChange): void;
  /** Ends every host and deletes what they kept. */
  close(): Promise<void>;
}

/** How often every running guest writes something, ms. */
const WRITE_EVERY_MS = 500;
const BOOT_DELAY_MS = 4_000;
const FOLDER_PREFIX = 'understudy-practice-';

/** Simulated hosts behind real SSH servers on loopback, ready to be added like any others. */
export async function createPractice(options: PracticeOptions = {}): Promise<Practice> {
  const log: Log = options.log ?? (() => undefined);
  const { scale } = options;
  const plan = scale ? largeFleet(scale.hosts, scale.vmsPerHost) : smallBusiness();
  await sweep();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`));
  const world = new SimulatedWorld({
    clock: systemClock,
    pace: options.pace ?? {},
    onViolation: (text) => log('warn', `practice: ${text}`),
  });
  const hosts: PracticeHost[] = [];
  for (const planned of plan.hosts)
    hosts.push(
      await PracticeHost.open({
        world,
        plan: planned,
        stateDir: join(folder, planned.name),
        bootDelayMs: options.bootDelayMs ?? BOOT_DELAY_MS,
        log,
      }),
    );
  setUpStorage(
    plan,
    hosts.map(({ simulated }) => simulated),
  );
  const writer = setInterval(() => writeEverywhere(hosts), WRITE_EVERY_MS);

  return {
    plan,
    world,
    hosts: hosts.map((host) => host.access),
    async power(name, on) {
      await hosts.find((host) => host.name === name)?.power(on);
    },
    change(name, vmUuid, what) {
      const host = hosts.find((one) => one.name === name);
      if (host?.simulated.guest(vmUuid)) changeBehind(host.simulated, vmUuid, what);
    },
    async close() {
      clearInterval(writer);
      await Promise.all(hosts.map((host) => host.close()));
      // An agent's last journal line may still be on its way.
      await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    },
  };
}

/** Deletes what a practice left behind whose process was killed. */
async function sweep(): Promise<void> {
  const names = await readdir(tmpdir());
  for (const name of names) {
    const pid = name.startsWith(FOLDER_PREFIX) ? Number.parseInt(name.slice(FOLDER_PREFIX.length), 10) : 0;
    if (pid > 0 && !isAlive(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: somebody else's process, but there.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The guests' own work: without writes a mirror has nothing to prove. */
function writeEverywhere(hosts: PracticeHost[]): void {
  for (const { simulated } of hosts)
    if (simulated.powered)
      for (const [uuid, guest] of simulated.guests) if (guest.startedAt !== null) simulated.write(uuid);
}
