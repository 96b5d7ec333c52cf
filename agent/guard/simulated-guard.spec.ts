import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SimulatedHost } from '../hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from '../hypervisor/simulated/simulated.ts';
import { MAIL, settled, specWorld } from '../hypervisor/simulated/spec-world.ts';
import type { SimulatedWorld } from '../hypervisor/simulated/world.ts';
import type { Guard } from './guard.ts';
import { createNoGuard } from './no-guard.ts';
import { createSimulatedGuard } from './simulated-guard.ts';

const epoch = { n: 3, by: '' };
let world: SimulatedWorld;
let atlas: SimulatedHost;
let guard: Guard;
let told: (string | null)[];

beforeEach(async () => {
  ({ world, atlas } = specWorld());
  guard = createSimulatedGuard(atlas);
  await guard.start();
  told = [];
  guard.subscribe((uuid) => void told.push(uuid));
});
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const armed = (inMs: number, resumed?: number): void =>
  guard.permit(MAIL, {
    kind: 'deadline',
    epoch,
    ms: atlas.bootMs() + inMs,
    ...(resumed === undefined ? {} : { resumed }),
  });

describe('the guard of a simulated host', () => {
  it('stops a guest at its deadline, and continues it only when told', async () => {
    armed(1_000);
    await guard.protect(MAIL);
    expect([guard.view.state, guard.on(MAIL, 3), guard.on(MAIL, 4)]).toEqual(['armed', true, false]);
    await pass(999);
    expect(atlas.write(MAIL)).toBe('acknowledged');
    told = [];
    await pass(1);
    expect([atlas.write(MAIL), guard.stopped(MAIL), atlas.guest(MAIL)?.state]).toEqual([
      'stopped',
      true,
      'running',
    ]);
    expect(told).toEqual([MAIL]);
    await pass(10);
    armed(1_000);
    expect(guard.stopped(MAIL)).toBe(true);
    armed(1_000, atlas.bootMs());
    expect([atlas.runs(MAIL), guard.stopped(MAIL)]).toEqual([true, false]);
    await pass(1_000);
    expect(atlas.runs(MAIL)).toBe(false);
  });

  it('outlives the agent', async () => {
    armed(1_000);
    await guard.protect(MAIL);
    guard.stop();
    await pass(1_000);
    const next = createSimulatedGuard(atlas);
    await next.start();
    expect([atlas.runs(MAIL), next.stopped(MAIL), next.protects()]).toEqual([false, true, [MAIL]]);
    expect(told).toEqual([MAIL]);
  });

  it('kills what has ended, and what runs without any permission', async () => {
    armed(1_000);
    await guard.protect(MAIL);
    guard.permit(MAIL, { kind: 'ended', epoch });
    expect(atlas.guest(MAIL)?.startedAt).toBeNull();
    atlas.powerOff();
    expect(guard.view.state).toBe('missing');
    atlas.powerOn();
    await pass(world.pace.startMs);
    expect(guard.stopped(MAIL)).toBe(true);
    await pass(80);
    expect(atlas.guest(MAIL)?.startedAt).toBeNull();
    expect(guard.protects()).toEqual([MAIL]);
    guard.permit(MAIL, { kind: 'standing', epoch });
    await settled(createSimulatedHypervisor(atlas).run(MAIL));
    await pass(1_000);
    expect(atlas.runs(MAIL)).toBe(true);
  });

  it('leaves alone what is not protected, or no longer', async () => {
    guard.permit(MAIL, { kind: 'ended', epoch });
    expect(atlas.runs(MAIL)).toBe(true);
    armed(500);
    await guard.protect(MAIL);
    await guard.letGo(MAIL);
    await pass(1_000);
    expect([atlas.runs(MAIL), guard.protects(), guard.on(MAIL, 3)]).toEqual([true, [], false]);
  });

  it('shows a second copy as what it is when it is continued', async () => {
    const { atlas: host, boreas, world: other } = specWorld();
    other.violations.length = 0;
    const guest = host.guest(MAIL);
    if (!guest) throw new Error('no guest');
    host.halt(guest, true);
    boreas.guests.set(MAIL, { ...guest, halted: false });
    expect(() => host.halt(guest, false)).toThrow('mail runs on boreas and on atlas');
  });
});

describe('no guard', () => {
  it('says so, and does nothing', async () => {
    const none = createNoGuard();
    await none.start();
    none.permit(MAIL, { kind: 'ended', epoch });
    await none.protect(MAIL);
    expect(none.view).toMatchObject({ state: 'missing', why: expect.stringContaining('no guard') });
    expect([none.on(MAIL, 1), none.stopped(MAIL), none.protects()]).toEqual([false, false, []]);
  });
});
