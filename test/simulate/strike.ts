import type { VoterState } from '../../agent/lease/acceptor.ts';
import type { Change } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** Does harm for about `ms`, then mends it. False when it does not fit the present state. */
export type Fault = (world: World, ms: number) => boolean;

export const after = (world: World, ms: number, run: () => void): void => world.kernel.after(ms, run);
export const owner = (world: World): Host =>
  world.members.find((host) => host.id === world.truth()?.owner) ?? world.members[0];
export const standby = (world: World): Host => world.other(owner(world));
/** All machines of the pair; without a witness two. */
export const everyone = (world: World): Host[] =>
  world.hosts.length > 2 ? [...world.members, world.witness()] : [...world.members];
export const anyone = (world: World): Host => world.random.pick(everyone(world));
export const member = (world: World): Host => (world.random.chance(0.65) ? owner(world) : standby(world));

/** Tried until the record shows it, then `done`: an order of a person who does not give up for a while. */
export function insist(world: World, change: Change, shows: () => boolean, done: () => void): void {
  let tries = 0;
  const again = (): void => {
    if (shows()) {
      done();
      return;
    }
    tries += 1;
    if (tries > 60) return;
    everyone(world)
      .find((host) => host.well)
      ?.node?.order(change, () => undefined);
    after(world, 500, again);
  };
  again();
}

export function reboot(world: World, host: Host, ms: number): boolean {
  if (host.power !== 'on') return false;
  host.powerOff();
  after(world, ms, () => host.powerOn());
  return true;
}

export function cut(world: World, links: [string, string][], ms: number): boolean {
  for (const [from, to] of links) world.network.cut(from, to);
  after(world, ms, () => {
    for (const [from, to] of links) world.network.heal(from, to);
  });
  return true;
}

export const bothWays = (world: World, host: Host): [string, string][] =>
  everyone(world).flatMap((other): [string, string][] =>
    other === host
      ? []
      : [
          [host.id, other.id],
          [other.id, host.id],
        ],
  );

export function disk(world: World, host: Host, kind: Host['fsync'], ms: number): boolean {
  if (host.power !== 'on' || host.fsync !== 'well') return false;
  host.fsync = kind;
  after(world, ms, () => host.diskWell());
  return true;
}

export function killAgent(world: World, host: Host, ms: number): boolean {
  if (host.power !== 'on' || host.node === null) return false;
  host.killAgent();
  after(world, ms, () => host.startAgent());
  return true;
}

/**
 * At most one voter forgets or goes for good in a schedule. It forgets only while the others are there to be asked, and
 * for some seconds after: a roll-back while the third voter is gone cannot be detected, the contract says so itself.
 */
export function lose(world: World, host: Host, lost: (host: Host) => VoterState | null): boolean {
  const all = everyone(world);
  const others = all.filter((one) => one !== host);
  const ms = 2.5 * world.timing.leaseMs + 500;
  const heard = others.every(
    (one) => world.network.openFor(one.id, host.id, ms) && world.network.openFor(host.id, one.id, ms),
  );
  const well = all.every((one) => one.well && world.kernel.now - one.wellSince >= ms);
  if (world.lossUsed || !heard || !world.network.calm(ms) || !well || all.length < 3) return false;
  const state = lost(host);
  if (state === null) return false;
  forget(world, host, state);
  return true;
}

/** `host` comes back with `state`, and nothing else happens for a while. */
export function forget(world: World, host: Host, state: VoterState): void {
  world.quietUntil = world.kernel.now + 8_000;
  world.lossUsed = true;
  host.killAgent();
  host.disk = state;
  after(world, world.random.between(300, 3000), () => host.startAgent());
}

export function gone(world: World, host: Host): boolean {
  const record = world.truth();
  if (
    world.lossUsed ||
    record === null ||
    world.hosts.length < 3 ||
    everyone(world).some((one) => one.power !== 'on')
  )
    return false;
  if (host.isMember && !record.armed) return false;
  world.lossUsed = true;
  host.lose();
  return true;
}
