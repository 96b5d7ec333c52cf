import { after, anyone, bothWays, cut, everyone, type Fault, killAgent, owner } from './strike.ts';

/** What happens to messages. */
export const NETWORK_FAULTS: Record<string, Fault> = {
  'cut-owner': (world, ms) => cut(world, bothWays(world, owner(world)), ms),
  'cut-standby': (world, ms) => cut(world, bothWays(world, world.other(owner(world))), ms),
  'cut-witness': (world, ms) => cut(world, bothWays(world, world.witness()), ms),
  'cut-pair': (world, ms) =>
    cut(
      world,
      [
        ['h1', 'h2'],
        ['h2', 'h1'],
      ],
      ms,
    ),
  'cut-one-way': (world, ms) => {
    const from = anyone(world);
    const to = world.random.pick(everyone(world).filter((host) => host !== from));
    return cut(world, [[from.id, to.id]], ms);
  },
  'link-flaps': (world, ms) => {
    const links = bothWays(world, anyone(world));
    for (let at = 0; at < ms; at += 600)
      after(world, at, () => cut(world, links, world.random.between(50, 500)));
    return true;
  },
  loss: (world, ms) => {
    world.network.loss = world.random.between(0.1, 0.9);
    after(world, ms, () => {
      world.network.loss = 0;
      world.network.calmed();
    });
    return true;
  },
  duplication: (world, ms) => {
    world.network.duplication = 0.5;
    after(world, ms, () => {
      world.network.duplication = 0;
    });
    return true;
  },
  'slow-network': (world, ms) => {
    world.network.slow = world.random.between(50, world.random.chance(0.3) ? 6000 : 1500);
    after(world, ms, () => {
      world.network.slow = 2;
      world.network.calmed();
    });
    return true;
  },
  'slow-link': (world, ms) => {
    const from = anyone(world);
    const to = world.random.chance(0.5) ? owner(world) : anyone(world);
    const link = `${from.id}>${to.id}`;
    world.network.lags.set(link, world.random.between(100, 3000));
    after(world, ms, () => {
      world.network.lags.delete(link);
      world.network.calmed();
    });
    return true;
  },
  'swap-reaches-one': (world, ms) => {
    const witness = world.witness();
    const late = world.random.between(1, 4) * world.timing.leaseMs;
    world.network.lateTakeovers.set(witness.id, late);
    after(world, late + ms, () => world.network.lateTakeovers.delete(witness.id));
    return cut(world, bothWays(world, owner(world)), world.timing.holdMs + world.random.between(50, 600));
  },
  'voters-restart-owner-cut': (world, ms) => {
    const host = owner(world);
    cut(world, bothWays(world, host), ms);
    const others = everyone(world).filter((one) => one !== host);
    return others.map((one) => killAgent(world, one, world.random.between(50, 600))).includes(true);
  },
};
