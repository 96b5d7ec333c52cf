import { settings, setWitness } from '../../agent/lease/transitions.ts';
import { replaceStandby } from './replace-standby.ts';
import { replaceWitness } from './replace-witness.ts';
import { after, anyone, type Fault, insist, owner, standby } from './strike.ts';

/** What people order in the middle of it all. */
export const ORDERS: Record<string, Fault> = {
  'hand-over': (world) => {
    const host = owner(world);
    if (!host.well) return false;
    host.node?.askHandOver();
    return true;
  },
  maintenance: (world, ms) => {
    const switchTo = (paused: boolean): void =>
      anyone(world).node?.order(settings({ paused }), () => undefined);
    switchTo(true);
    const again = (): void => {
      if (world.truth()?.paused !== true) return;
      switchTo(false);
      after(world, 700, again);
    };
    after(world, ms, again);
    return true;
  },
  /** A person is told that the owner is dead, and it may be wrong. */
  'forced-failover': (world) => {
    const host = world.other(owner(world));
    if (!host.well || world.random.chance(0.5)) return false;
    world.forced = true;
    return host.node?.force(0) === true;
  },
  'standby-replaced': (world) => replaceStandby(world),
  'witness-replaced': (world) => replaceWitness(world),
  /** A switchover that shuts the guest down from inside, and is given up when it takes too long. */
  'move-by-shutdown': (world) => {
    const host = owner(world);
    if (!host.well || !host.running || host.wanted !== 'run' || host.hung) return false;
    host.wanted = 'moving';
    const done = (): void => {
      if (host.wanted === 'moving') host.wanted = 'run';
      host.tellAgent();
    };
    after(world, world.random.between(100, 2_500), () => {
      host.shutDown();
      if (host.node === null) done();
      else host.node.askHandOver(done);
    });
    after(world, 9_000, done);
    return true;
  },
  'takeover-ordered': (world) => {
    const host = standby(world);
    if (!host.well) return false;
    host.node?.askTakeOver(() => undefined);
    return true;
  },
  /** The agent is replaced after it has obtained a longer lease, or in spite of not having got one. */
  upgrade: (world) => {
    const host = owner(world);
    if (!host.well || host.node === null) return false;
    const { life } = host;
    const replace = (): void => {
      if (host.life !== life || host.power !== 'on') return;
      host.killAgent();
      after(world, world.random.between(500, 6_000), () => host.startAgent());
    };
    host.node.holdOn(world.random.between(5_000, 20_000), () => after(world, 0, replace));
    return true;
  },
  'maintenance-window': (world, ms) => {
    const record = world.truth();
    if (record === null || record.maintenance !== null) return false;
    const until = world.wall() + ms;
    insist(
      world,
      settings({ maintenance: { until, reason: 'disks' } }),
      () => world.truth()?.maintenance?.until === until || world.wall() >= until,
      () => undefined,
    );
    return true;
  },
  /** Without a witness for a while; the same one comes back, with its state. */
  'witness-removed': (world, ms) => {
    const record = world.truth();
    const witness = world.witness();
    if (record === null || record.voters.length < 3 || world.lossUsed || !witness.well) return false;
    world.lossUsed = true;
    world.lastWitness = witness.id;
    const count = (): number => world.truth()?.voters.length ?? 0;
    const paused = (to: boolean, then: () => void): void =>
      insist(world, settings({ paused: to }), () => world.truth()?.paused === to, then);
    const back = (): void =>
      insist(
        world,
        setWitness(witness.id, true, world.rules),
        () => count() === 3,
        () => paused(false, () => undefined),
      );
    paused(true, () => {
      insist(
        world,
        setWitness(null, true, world.rules),
        () => count() === 1,
        () => after(world, Math.max(ms, 100), back),
      );
    });
    return true;
  },
  'profile-changed': (world) => {
    const record = world.truth();
    if (record === null || record.paused) return false;
    const profile = record.profile === 'fast' ? 'balanced' : 'fast';
    world.slowest();
    const paused = (to: boolean, then: () => void): void =>
      insist(world, settings({ paused: to }), () => world.truth()?.paused === to, then);
    paused(true, () => {
      insist(
        world,
        settings({ profile }),
        () => world.truth()?.profile === profile,
        () => paused(false, () => undefined),
      );
    });
    return true;
  },
};
