import { freshState } from '../../agent/lease/acceptor.ts';
import {
  after,
  anyone,
  disk,
  everyone,
  type Fault,
  gone,
  killAgent,
  lose,
  member,
  owner,
  reboot,
  standby,
} from './strike.ts';

/** What happens to machines, their agents and their disks. */
export const HOST_FAULTS: Record<string, Fault> = {
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
  'fsync-hangs': (world, ms) => disk(world, anyone(world), 'hangs', ms),
  'fsync-fails': (world, ms) => disk(world, anyone(world), 'fails', ms),
  'fsync-slow': (world, ms) => disk(world, anyone(world), 'slow', ms),
  'state-corrupted': (world) => lose(world, anyone(world), () => ({ ...freshState(false) })),
  'state-restored': (world) => lose(world, anyone(world), (host) => host.backup),
  /** kill -9 of the standby's storage daemon: systemd starts it anew, with nothing on offer. */
  'storage-killed': (world) => {
    const host = standby(world);
    if (host.power !== 'on' || host.frozen || !host.exportOpen) return false;
    host.loseMemory();
    host.tellAgent();
    return true;
  },
  'gone-owner': (world) => gone(world, owner(world)),
  'gone-standby': (world) => gone(world, world.other(owner(world))),
  'gone-witness': (world) => gone(world, world.witness()),
  'wall-clock-jumps': (world) => {
    world.wallJump += world.random.between(-86_400_000, 86_400_000);
    return true;
  },
  /** A laptop that closes its lid without a word. */
  'witness-sleeps': (world, ms) => {
    const witness = world.witness();
    if (world.hosts.length < 3 || witness.power !== 'on' || witness.frozen) return false;
    witness.freeze();
    after(world, ms * 2, () => witness.thaw());
    return true;
  },
  /** A laptop that says goodbye first; it may forget to say that it is back. */
  'witness-goodbye': (world, ms) => {
    const witness = world.witness();
    if (world.hosts.length < 3 || !witness.well) return false;
    witness.node?.goodbye();
    after(world, world.random.between(20, 2_000), () => {
      witness.freeze();
      after(world, ms * 2, () => {
        witness.thaw();
        if (ms * 2 < 10_000 || world.random.chance(0.5)) witness.node?.goodbye(false);
      });
    });
    return true;
  },
};
