import { vi } from 'vitest';
import type { Clock } from '../../ports.ts';
import type { GuestDraft } from './domain-text.ts';
import { type HostSpec, SimulatedHost } from './host.ts';
import { GIB, IMAGE_FOLDER } from './types.ts';
import { type Pace, SimulatedWorld } from './world.ts';

export const MAIL = '5d9f2c1e-8a44-4c59-9b1c-0f3a6f7f2a01';

/** A running guest with two disks, 10 and 30 GiB, half full. */
export function guestDraft(uuid = MAIL, name = 'mail'): GuestDraft {
  return {
    uuid,
    name,
    vcpus: 2,
    memoryBytes: 4 * GIB,
    bridge: 'br0',
    disks: [
      { target: 'vda', path: `${IMAGE_FOLDER}/${name}.qcow2`, sizeBytes: 10 * GIB },
      { target: 'vdb', path: `${IMAGE_FOLDER}/${name}-data.qcow2`, sizeBytes: 30 * GIB },
    ],
    nature: { cpu: 0.2, memory: 0.5, address: '192.168.10.21', fill: 0.5 },
  };
}

/** atlas runs mail, boreas stands beside it; time is vitest's and moves when told. */
export function specWorld(
  options: { pace?: Partial<Pace>; atlas?: Partial<HostSpec>; boreas?: Partial<HostSpec> } = {},
) {
  vi.useFakeTimers();
  const world = new SimulatedWorld({ clock: fakedClock(), pace: options.pace ?? {} });
  const atlas = new SimulatedHost(world, { name: 'atlas', guests: [guestDraft()], ...options.atlas });
  const boreas = new SimulatedHost(world, { name: 'boreas', ...options.boreas });
  return { world, atlas, boreas };
}

/** Moves the simulated time on until `state` holds; fails after ten simulated minutes. */
export async function until(state: () => boolean): Promise<void> {
  for (let step = 0; step < 6_000; step++) {
    if (state()) return;
    await vi.advanceTimersByTimeAsync(100);
  }
  throw new Error('the state awaited did not come within ten simulated minutes');
}

/** Settles a promise that needs the simulated time to move. */
export async function settled<T>(promise: Promise<T>): Promise<T> {
  let done = false;
  const marked = promise.finally(() => {
    done = true;
  });
  marked.catch(() => undefined);
  await until(() => done);
  return marked;
}

function fakedClock(): Clock {
  return {
    now: () => Date.now(),
    bootMs: () => performance.now(),
    setTimeout(run, ms) {
      const timer = setTimeout(run, ms);
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
