import { afterEach, beforeEach, describe, test } from 'vitest';
import { hostClock } from '../host/clock.ts';
import { A, B, reasonAgainst, setUpGuard, stateOf, until } from './guard.spec-kit.ts';
import type { Guard } from './guard.ts';
import { createHostGuard } from './host-guard.ts';

/** The agent's side and the guard itself, together. */
describe.runIf(reasonAgainst() === null)('agent and guard', () => {
  const { bench, stopped, runs } = setUpGuard();
  const clock = hostClock();
  const epoch = { n: 4, by: '' };
  let guard: Guard;
  beforeEach(async () => {
    const { runtime: runDir, state: stateDir } = bench();
    guard = createHostGuard({ runDir, stateDir, clock, log: () => undefined, sameLookMs: 0 });
    await guard.start();
    await bench().startGuard();
  });
  afterEach(() => guard.stop());

  test('freeze and continue a machine, and let it go', async () => {
    const pid = await bench().qemu(A);
    const changes: (string | null)[] = [];
    guard.subscribe((uuid) => void changes.push(uuid));
    guard.permit(A, { kind: 'deadline', epoch, ms: clock.bootMs() + 2_000 });
    await guard.protect(A);
    await until('the guard is on', () => guard.on(A, 4) || guard.view.state === 'weak');
    await stopped(pid);
    await until('it is said', () => guard.stopped(A));
    guard.permit(A, { kind: 'standing', epoch, resumed: clock.bootMs() + 10 });
    await until('it runs', () => !guard.stopped(A) && stateOf(pid) !== 'T');
    await until('it is told', () => changes.filter((uuid) => uuid === A).length >= 2);
    await guard.letGo(A);
    await bench().rest();
    runs(pid);
  });

  test('protecting and letting go of a running machine never stops it', async () => {
    const pids = [await bench().qemu(A), await bench().qemu(B)];
    for (let n = 0; n < 10; n++) {
      for (const uuid of [A, B]) {
        guard.permit(uuid, { kind: 'standing', epoch });
        await guard.protect(uuid);
      }
      await until('both known', () => bench().status().machines.size === 2);
      await Promise.all([A, B].map((uuid) => guard.letGo(uuid)));
      for (const pid of pids) runs(pid);
    }
    await bench().rest();
    for (const pid of pids) runs(pid);
  });
});
