import { replaceWitness } from './replace-witness.ts';
import { after, bothWays, cut, everyone, type Fault, forget, owner, standby } from './strike.ts';
import type { World } from './world.ts';

/** Both directions between two machines. */
const between = (a: { id: string }, b: { id: string }): [string, string][] => [
  [a.id, b.id],
  [b.id, a.id],
];
const allWell = (world: World): boolean =>
  world.hosts.length > 2 && everyone(world).every((host) => host.well) && world.truth()?.armed === true;

/** Several faults that follow on each other: each the shortest way to the harm of a forgotten rule. */
export const STORIES: Record<string, Fault> = {
  /** The owner hears of its leases late, then nothing more: what it may count from is when it asked. */
  'grants-late-then-cut': (world) => {
    const host = owner(world);
    if (!allWell(world)) return false;
    // A third of T and more: the next request is sent before, and only the newest counts.
    const late = world.random.between(0.24, 0.32) * world.timing.leaseMs;
    const links = everyone(world).flatMap((one) => (one === host ? [] : [`${one.id}>${host.id}`]));
    for (const link of links) world.network.lags.set(link, late);
    const soon = world.random.between(1.2, 3) * world.timing.leaseMs;
    after(world, soon, () => cut(world, bothWays(world, host), 4 * world.timing.leaseMs));
    after(world, soon + 3 * world.timing.leaseMs, () => {
      for (const link of links) world.network.lags.delete(link);
      world.network.calmed();
    });
    return true;
  },
  /** A frozen host comes back just when a candidate's swap, long under way, reaches the voter it needs. */
  'late-swap-after-thaw': (world) => {
    const { leaseMs, holdMs } = world.timing;
    const host = owner(world);
    const other = standby(world);
    const witness = world.witness();
    if (!allWell(world)) return false;
    const slow = `${other.id}>${host.id}`;
    world.network.lags.set(slow, 5 * leaseMs);
    world.network.lateTakeovers.set(witness.id, 1.9 * leaseMs + 700);
    host.freeze();
    const thaw = 2 * holdMs + world.random.between(80, 300);
    // No second candidature renews the vote that the first was given.
    after(world, holdMs + 60, () => cut(world, between(other, witness), 3.02 * leaseMs + 640 - holdMs));
    after(world, thaw, () => host.thaw());
    after(world, 2.5 * leaseMs, () => world.network.lateTakeovers.delete(witness.id));
    after(world, 6 * leaseMs, () => {
      world.network.lags.delete(slow);
      world.network.calmed();
    });
    return true;
  },
  /** The standby loses what it acknowledged from memory, and before anybody has heard of that, its owner is lost too. */
  'unclean-then-owner': (world, ms) => {
    const host = owner(world);
    const other = standby(world);
    if (!world.inMemory || !allWell(world) || !other.exportOpen) return false;
    other.loseMemory();
    other.tellAgent();
    after(world, world.random.between(1, 280), () => host.powerOff());
    after(world, 4 * world.timing.holdMs + ms, () => host.powerOn());
    return true;
  },
  /** A failover, and the new owner is cut off at its guest's first instruction, when the old one is back. */
  'new-owner-cut': (world, ms) => {
    const host = owner(world);
    const other = standby(world);
    if (!allWell(world)) return false;
    host.powerOff();
    after(world, world.random.between(100, 1_000), () => host.powerOn());
    world.ambushes.push({
      word: 'guest runs',
      run: () => cut(world, bothWays(world, other), Math.max(ms, 9_000)),
    });
    return true;
  },
  /** The witness forgets what only it and the owner, now cut off, had agreed on; the standby could tell. */
  'witness-restored-in-cut': (world, ms) => {
    const { leaseMs } = world.timing;
    const witness = world.witness();
    const host = owner(world);
    const other = standby(world);
    if (world.lossUsed || !allWell(world)) return false;
    const slow = `${host.id}>${other.id}`;
    world.network.lags.set(slow, 3 * leaseMs);
    let left = (3 * leaseMs) / 10;
    after(world, 1.3 * leaseMs, () => {
      const before = witness.disk;
      let said = false;
      cut(world, between(host, other), 24_000);
      const look = (): void => {
        const seen = other.node?.voter.state.seen[witness.id];
        const chosen = other.node?.voter.chosen?.record.version ?? 0;
        // It has seen that the witness wrote, not what: it can tell, and is not itself the proof.
        const ignorant =
          chosen === before.accepted?.record.version && chosen < (witness.disk.accepted?.record.version ?? 0);
        const wrote = seen?.incarnation === before.incarnation && seen.writes > before.writes;
        const tells = wrote || (!world.rules.continuity && said);
        if (ignorant && tells && everyone(world).every((one) => one.well) && !world.lossUsed) {
          forget(world, witness, before);
          cut(world, bothWays(world, host), Math.max(ms, 12_000));
          return;
        }
        // Anything it says shows how far it has written.
        said = ignorant;
        if (ignorant) witness.node?.goodbye(false);
        left -= 1;
        if (left > 0) after(world, 10, look);
      };
      look();
    });
    after(world, 6 * leaseMs, () => {
      world.network.lags.delete(slow);
      world.network.calmed();
    });
    return true;
  },
  /** The standby's vote is free, the owner's lease stands on the witness, which is replaced. */
  'witness-replaced-in-lag': (world) => {
    const host = owner(world);
    const other = standby(world);
    if (!allWell(world)) return false;
    const link = `${host.id}>${other.id}`;
    world.network.lags.set(link, 3 * world.timing.leaseMs);
    after(world, 4 * world.timing.leaseMs, () => {
      world.network.lags.delete(link);
      world.network.calmed();
    });
    after(world, world.timing.holdMs * 1.05, () => {
      if (replaceWitness(world, other))
        after(world, world.random.between(5, 60), () =>
          cut(world, bothWays(world, host), 3 * world.timing.leaseMs),
        );
    });
    return true;
  },
  /** One voter is away for long, then the other is lost too: a pair that noticed the first does not stop at the second. */
  'second-loss': (world) => {
    const host = owner(world);
    const { leaseMs } = world.timing;
    if (!allWell(world)) return false;
    const [first, second] = world.random.chance(0.7)
      ? [world.witness(), standby(world)]
      : [standby(world), world.witness()];
    cut(world, bothWays(world, first), 14 * leaseMs);
    after(world, world.random.between(6, 11) * leaseMs, () =>
      cut(world, between(host, second), 2.5 * leaseMs),
    );
    return true;
  },
};
