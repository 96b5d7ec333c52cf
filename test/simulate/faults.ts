import type { VoterState } from '../../agent/lease/acceptor.ts';
import { freshState } from '../../agent/lease/acceptor.ts';
import { settings } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import { replaceWitness } from './replace-witness.ts';
import type { World } from './world.ts';

/** Does harm for about `ms`, then mends it. False when it does not fit the present state. */
type Fault = (world: World, ms: number) => boolean;

const after = (world: World, ms: number, run: () => void): void => world.kernel.after(ms, run);
const owner = (world: World): Host =>
  world.members.find((host) => host.id === world.truth()?.owner) ?? world.members[0];
const everyone = (world: World): Host[] => [...world.members, world.witness()];
const anyone = (world: World): Host => world.random.pick(everyone(world));
const member = (world: World): Host => (world.random.chance(0.65) ? owner(world) : world.other(owner(world)));

function reboot(world: World, host: Host, ms: number): boolean {
  if (host.power !== 'on') return false;
  host.powerOff();
  after(world, ms, () => host.powerOn());
  return true;
}

function cut(world: World, links: [string, string][], ms: number): boolean {
  for (const [from, to] of links) world.network.cut(from, to);
  after(world, ms, () => {
    for (const [from, to] of links) world.network.heal(from, to);
  });
  return true;
}

const bothWays = (world: World, host: Host): [string, string][] =>
  everyone(world).flatMap((other): [string, string][] =>
    other === host
      ? []
      : [
          [host.id, other.id],
          [other.id, host.id],
        ],
  );

function disk(world: World, host: Host, kind: Host['fsync'], ms: number): boolean {
  if (host.power !== 'on' || host.fsync !== 'well') return false;
  host.fsync = kind;
  after(world, ms, () => host.diskWell());
  return true;
}

function killAgent(world: World, host: Host, ms: number): boolean {
  if (host.power !== 'on' || host.node === null) return false;
  host.killAgent();
  after(world, ms, () => host.startAgent());
  return true;
}

/**
 * At most one voter forgets or goes for good in a schedule. It forgets only while the others are there to be asked, and
 * for some seconds after: a roll-back while the third voter is gone cannot be detected, the contract says so itself.
 */
function lose(world: World, host: Host, lost: (host: Host) => VoterState | null): boolean {
  const others = everyone(world).filter((one) => one !== host);
  const heard = others.every(
    (one) => world.network.open(one.id, host.id) && world.network.open(host.id, one.id),
  );
  if (world.lossUsed || !heard || !world.network.calm() || !everyone(world).every((one) => one.well))
    return false;
  world.quietUntil = world.kernel.now + 8_000;
  const state = lost(host);
  if (state === null) return false;
  world.lossUsed = true;
  host.killAgent();
  host.disk = state;
  after(world, world.random.between(300, 3000), () => host.startAgent());
  return true;
}

function gone(world: World, host: Host): boolean {
  const record = world.truth();
  if (world.lossUsed || record === null || everyone(world).some((one) => one.power !== 'on')) return false;
  if (host.isMember && !record.armed) return false;
  world.lossUsed = true;
  world.gone = host;
  host.powerOff();
  host.power = 'gone';
  return true;
}

/** Every kind of fault, by its name in the report. */
export const FAULTS: Record<string, Fault> = {
  'power-owner': (world, ms) => reboot(world, owner(world), ms),
  'power-standby': (world, ms) => reboot(world, world.other(owner(world)), ms),
  'power-witness': (world, ms) => reboot(world, world.witness(), ms),
  'power-both-hosts': (world, ms) => {
    const [a, b] = world.members;
    const first = reboot(world, a, ms * world.random.between(0.5, 1.5));
    return reboot(world, b, ms * world.random.between(0.5, 1.5)) || first;
  },
  'power-everything': (world, ms) =>
    everyone(world)
      .map((host) => reboot(world, host, ms * world.random.between(0.5, 1.5)))
      .includes(true),
  'host-frozen': (world, ms) => {
    const host = member(world);
    if (host.power !== 'on' || host.frozen) return false;
    host.freeze();
    after(world, ms, () => host.thaw());
    return true;
  },
  'agent-killed': (world) => killAgent(world, anyone(world), world.random.between(100, 3000)),
  'agent-stopped': (world, ms) => {
    const host = anyone(world);
    if (host.agentFrozen || host.power !== 'on') return false;
    host.agentFrozen = true;
    after(world, Math.min(ms, 9000), () => {
      host.agentFrozen = false;
      if (!host.frozen) host.thawAgent();
    });
    return true;
  },
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
    });
    return true;
  },
  'slow-link': (world, ms) => {
    const from = anyone(world);
    const to = world.random.chance(0.5) ? owner(world) : anyone(world);
    const link = `${from.id}>${to.id}`;
    world.network.lags.set(link, world.random.between(100, 3000));
    after(world, ms, () => world.network.lags.delete(link));
    return true;
  },
  'voters-restart-owner-cut': (world, ms) => {
    const host = owner(world);
    cut(world, bothWays(world, host), ms);
    const others = everyone(world).filter((one) => one !== host);
    return others.map((one) => killAgent(world, one, world.random.between(50, 600))).includes(true);
  },
  'swap-reaches-one': (world, ms) => {
    const witness = world.witness();
    const late = world.random.between(1, 4) * world.timing.leaseMs;
    world.network.lateTakeovers.set(witness.id, late);
    after(world, late + ms, () => world.network.lateTakeovers.delete(witness.id));
    return cut(world, bothWays(world, owner(world)), world.timing.holdMs + world.random.between(50, 600));
  },
  'witness-restored-in-cut': (world, ms) => {
    const witness = world.witness();
    const before = witness.disk;
    if (world.lossUsed || !everyone(world).every((one) => one.well)) return false;
    // The standby has seen what the witness wrote since; the owner cannot be asked any more.
    const host = owner(world);
    after(world, 2.5 * world.timing.leaseMs + 1_000, () => {
      if (lose(world, witness, () => before)) cut(world, bothWays(world, host), Math.max(ms, 9_000));
    });
    return FAULTS['cut-pair']?.(world, 24_000) === true;
  },
  'witness-replaced': (world) => replaceWitness(world),
  'qemu-killed': (world) => {
    const host = owner(world);
    if (host.power !== 'on' || host.guest === 'none') return false;
    host.setGuest('none');
    return true;
  },
  'fsync-hangs': (world, ms) => disk(world, anyone(world), 'hangs', ms),
  'fsync-fails': (world, ms) => disk(world, anyone(world), 'fails', ms),
  'fsync-slow': (world, ms) => disk(world, anyone(world), 'slow', ms),
  'target-broken': (world, ms) => {
    const host = world.other(owner(world));
    host.targetBroken = true;
    after(world, ms, () => {
      host.targetBroken = false;
    });
    return true;
  },
  'start-fails': (world) => {
    world.other(owner(world)).startsFail = Math.floor(world.random.between(1, 4));
    return true;
  },
  'state-corrupted': (world) => lose(world, anyone(world), () => ({ ...freshState(false) })),
  'state-restored': (world) => lose(world, anyone(world), (host) => host.backup),
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
  'wall-clock-jumps': (world) => {
    world.wallJump += world.random.between(-86_400_000, 86_400_000);
    return true;
  },
  'no-capacity': (world, ms) => {
    const host = anyone(world);
    host.capacity = false;
    after(world, ms, () => {
      host.capacity = true;
      host.tellAgent();
    });
    return true;
  },
  'gone-owner': (world) => gone(world, owner(world)),
  'gone-standby': (world) => gone(world, world.other(owner(world))),
  'gone-witness': (world) => gone(world, world.witness()),
};

/** Some kinds are tried more often: most of what is hard begins with the owner. */
const OFTEN = [
  'power-owner',
  'cut-owner',
  'host-frozen',
  'agent-killed',
  'state-restored',
  'slow-link',
  'qemu-killed',
];
export const FAULT_KINDS = [...Object.keys(FAULTS), ...OFTEN, ...OFTEN];
