import { after, anyone, type Fault, member, owner } from './strike.ts';

/** What happens to the guest, its disks, its guard and its hypervisor, and what an admin does to them by hand. */
export const GUEST_FAULTS: Record<string, Fault> = {
  'qemu-killed': (world) => {
    const host = owner(world);
    if (host.power !== 'on' || host.guest === 'none') return false;
    host.setGuest('none');
    return true;
  },
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
  'no-capacity': (world, ms) => {
    const host = anyone(world);
    host.capacity = false;
    after(world, ms, () => {
      host.capacity = true;
      host.tellAgent();
    });
    return true;
  },
  'guard-killed': (world) => {
    const host = member(world);
    if (host.power !== 'on' || !host.guard.alive) return false;
    host.guard.kill(world.random.between(50, 500));
    return true;
  },
  'qemu-hangs': (world, ms) => {
    const host = owner(world);
    if (!host.running || host.hung) return false;
    host.hung = true;
    after(world, ms, () => {
      host.hung = false;
    });
    return true;
  },
  'hypervisor-down': (world, ms) => {
    const host = member(world);
    if (host.hypervisorDown) return false;
    host.hypervisorDown = true;
    after(world, ms, () => {
      host.hypervisorDown = false;
      host.tellAgent();
    });
    return true;
  },
  /** I/O errors: QEMU pauses its guest at the next write; mended, an admin lets it go on. */
  'disk-faulted': (world, ms) => {
    const host = member(world);
    if (host.diskFault || host.power !== 'on') return false;
    host.diskFault = true;
    after(world, ms, () => {
      host.diskFault = false;
      if (host.guest === 'faulted') host.setGuest('running');
      host.mendFault();
    });
    return true;
  },
  'admin-starts-copy': (world) => {
    const host = world.random.pick(world.members);
    const { permission } = host;
    const live =
      permission?.kind === 'standing' || (permission?.kind === 'deadline' && permission.ms > host.clock());
    // Past the hook; a copy that receives writes is locked by its export.
    if (host.power !== 'on' || host.frozen || host.guest !== 'none' || host.exportOpen || live) return false;
    host.intrude();
    host.setGuest('running');
    world.intrusion(host);
    return true;
  },
  'admin-continues': (world) => {
    const host = world.random.pick(world.members);
    const { permission } = host;
    const live =
      permission?.kind === 'standing' || (permission?.kind === 'deadline' && permission.ms > host.clock());
    if (host.guest !== 'stopped' || host.power !== 'on' || live) return false;
    host.intrude();
    world.intrusion(host);
    host.unstopGuest();
    return true;
  },
  'admin-shuts-down': (world, ms) => {
    const host = owner(world);
    if (!host.running || host.wanted !== 'run' || host.hung) return false;
    host.wanted = 'down';
    host.shutDown();
    after(world, ms, () => {
      host.wanted = 'run';
      host.tellAgent();
    });
    return true;
  },
};
