import { settings, setWitness } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import { replaceStandby } from './replace-standby.ts';
import { replaceWitness } from './replace-witness.ts';
import { after, anyone, bothWays, cut, type Fault, insist, owner, reboot, standby } from './strike.ts';
import type { World } from './world.ts';

/** What agent/pairs/orders/switchover.ts and agent/pairs/moving do, in the time they take. */
function moveLive(world: World, host: Host, other: Host): void {
  const { life } = host;
  const { life: otherLife } = other;
  host.wanted = 'moving';
  other.takeIn();
  const over = (): void => {
    if (host.wanted === 'moving') host.wanted = 'run';
    // The order ends with its agent; another life of that takes up what it finds.
    if (other.life === otherLife && world.truth()?.owner !== other.id) other.dropIncoming();
    host.tellAgent();
  };
  const stage = (ms: number, run: () => void): void =>
    after(world, ms, () => (host.life === life && host.wanted === 'moving' && host.leaves ? run() : over()));
  const unarmed = (run: () => void, tries = 0): void => {
    if (host.node?.record?.armed === false || !world.rules.disarmToLeave) run();
    else if (tries > 300) over();
    else stage(10, () => unarmed(run, tries + 1));
  };
  const lastPiece = (): void => {
    if (world.random.chance(0.2)) {
      host.lastPieceFails();
      over();
      // What broke the last piece may be the end of its host, or have cut it off.
      if (world.random.chance(0.3))
        after(world, world.random.between(1, 60), () => reboot(world, host, 15_000));
      else if (world.random.chance(0.6)) cut(world, bothWays(world, host), 15_000);
      return;
    }
    if (other.life === otherLife) other.arrived = other.receiving;
    if (host.node === null) over();
    else host.node.askHandOver(over);
  };
  after(world, world.random.between(20, 2_500), () => {
    if (host.life !== life || !host.running || host.mirror !== 'active') {
      over();
      return;
    }
    host.setGuest('leaving');
    unarmed(() =>
      stage(world.random.between(1, 40), () => {
        host.endedWhole = host.mirror === 'active' && world.replicates(host);
        host.mirror = 'off';
        stage(world.random.between(1, 60), lastPiece);
      }),
    );
  });
  after(world, 12_000, over);
}

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
  'standby-replaced': (world) => !world.attended && replaceStandby(world),
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
  /** A switchover that moves the guest's memory while it runs; it may break at every stage. */
  'move-live': (world) => {
    const host = owner(world);
    const other = world.other(host);
    const free = host.running && host.wanted === 'run' && !host.hung && host.mirror === 'active';
    // Not offered of what others keep.
    if (!host.well || !free || !other.well || other.guest !== 'none' || world.attended) return false;
    moveLive(world, host, other);
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
