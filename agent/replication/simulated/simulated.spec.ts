import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SimulatedHost } from '../../hypervisor/simulated/host.ts';
import { createSimulatedHypervisor } from '../../hypervisor/simulated/simulated.ts';
import { MAIL, settled, specWorld, until } from '../../hypervisor/simulated/spec-world.ts';
import { GIB, IMAGE_FOLDER } from '../../hypervisor/simulated/types.ts';
import { fail, ok } from '../../protocol/index.ts';
import { readState } from '../coordinated/external-state.ts';
import { COORDINATED, directLink, modesContract } from '../modes.spec-kit.ts';
import { replicationContract } from '../replication.spec-kit.ts';
import type { ReplicaDisk } from '../replication.ts';
import { createSimulatedCoordinated, mountShared, SimulatedReplication } from './coordinated.ts';
import { createSimulatedSource } from './source.ts';
import { createSimulatedTarget } from './target.ts';

const DISKS: ReplicaDisk[] = [
  { target: 'vda', path: `${IMAGE_FOLDER}/mail.qcow2`, sizeBytes: 10 * GIB, format: 'qcow2' },
  { target: 'vdb', path: `${IMAGE_FOLDER}/mail-data.qcow2`, sizeBytes: 30 * GIB, format: 'qcow2' },
];

afterEach(() => {
  vi.useRealTimers();
});

replicationContract('the simulated replication', async () => {
  const { world, atlas, boreas } = specWorld();
  return {
    source: createSimulatedSource(atlas),
    target: createSimulatedTarget(boreas),
    vmUuid: MAIL,
    address: 'boreas',
    disks: DISKS,
    write: async () => {
      const outcome = atlas.write(MAIL);
      if (outcome === 'stopped') throw new Error('mail does not run');
      return outcome;
    },
    missing: async () => {
      const versions = DISKS.map((disk) => boreas.images.get(disk.path)?.version ?? 0);
      return world.acknowledgedBy(MAIL) - Math.min(...versions);
    },
    shutdownGuest: async () => {
      await settled(createSimulatedHypervisor(atlas).shutdown(MAIL));
      await until(() => !atlas.runs(MAIL));
    },
    network: async (connected: boolean) => world.cable('atlas', 'boreas', connected),
    until,
    close: async () => undefined,
  };
});

const PATHS = DISKS.map(({ path }) => path);
const silent = { kind: 'peer-unreachable', message: 'The standby is silent.', next: 'Wait.' };
const seen = { behindS: 0, behindBytes: 0, line: '' };

modesContract(
  'the simulated replication',
  async () => {
    const { world, atlas, boreas } = specWorld();
    const target = createSimulatedTarget(boreas);
    return {
      source: createSimulatedSource(atlas),
      target,
      own: { vmUuid: MAIL, disks: DISKS, address: 'boreas' },
      disks: DISKS,
      through: (port) => port,
      link: directLink(target, 'pair-1', DISKS, {
        reaches: () => world.linked(atlas, boreas),
        through: (port) => port,
        pause: () => new Promise((done) => void world.clock.setTimeout(done, 100)),
      }),
      attended(mode) {
        if (mode.kind === 'shared') mountShared(atlas, boreas, PATHS);
        else new SimulatedReplication([atlas, boreas], PATHS, { synchronous: mode.synchronous });
        const [here, there] = [createSimulatedCoordinated(atlas), createSimulatedCoordinated(boreas)];
        const { PROGRAM } = SimulatedReplication;
        return async () => {
          if (!world.linked(atlas, boreas)) return fail(silent);
          if (mode.kind === 'external') {
            const ran = await here.run([PROGRAM, 'state'], 1_000);
            const state = ran.ok ? readState(ran.value, 'atlas') : ran;
            if (!state.ok) return state;
            return ok({ ...seen, state: state.value.state === 'in-sync' ? 'in-sync' : 'behind' });
          }
          const [path = ''] = PATHS;
          await here.writeToken(path, 'token');
          const { token } = await there.see(path, true);
          return token === 'token' ? ok({ ...seen, state: 'in-sync' as const }) : fail(silent);
        };
      },
      now: () => world.clock.now(),
      write: async () => {
        const outcome = atlas.write(MAIL);
        // So that no two writes, nor a write and a point, are of one moment.
        await vi.advanceTimersByTimeAsync(5);
        if (outcome === 'stopped') throw new Error('mail does not run');
        return outcome;
      },
      missing: async () => {
        const versions = DISKS.map((disk) => boreas.images.get(disk.path)?.version ?? 0);
        return world.acknowledgedBy(MAIL) - Math.min(...versions);
      },
      shutdownGuest: async () => {
        await settled(createSimulatedHypervisor(atlas).shutdown(MAIL));
        await until(() => !atlas.runs(MAIL));
      },
      network: async (connected) => world.cable('atlas', 'boreas', connected),
      until,
      close: async () => undefined,
    };
  },
  COORDINATED,
);

describe('the simulated replication', () => {
  async function protectedWorld() {
    const { world, atlas, boreas } = specWorld();
    const source = createSimulatedSource(atlas);
    const target = createSimulatedTarget(boreas);
    await mirrored(atlas, boreas);
    return { world, atlas, boreas, source, target };
  }

  async function mirrored(from: SimulatedHost, to: SimulatedHost): Promise<void> {
    const target = createSimulatedTarget(to);
    await target.create('p', DISKS, 'aside');
    const remote = await target.open('p', DISKS);
    if (!remote.ok) throw new Error(remote.problem.message);
    const source = createSimulatedSource(from);
    await source.mirror({ pairId: 'p', vmUuid: MAIL, disks: DISKS, address: '', remote: remote.value });
    await until(() => source.status('p')?.state === 'in-sync');
  }

  it('copies at the configured rate', async () => {
    const { world, atlas, boreas } = specWorld({ pace: { copyBps: 10 * GIB } });
    const started = world.clock.now();
    await mirrored(atlas, boreas);
    // 40 GiB of disks, half full.
    expect((world.clock.now() - started) / 1000).toBeCloseTo(2, 0);
  });

  it('copies no faster than its host may, and as fast as it goes once that is lifted', async () => {
    const { world, atlas, boreas } = specWorld({ pace: { copyBps: 10 * GIB } });
    let tell: (bytesPerS: number | null) => void = () => undefined;
    const source = createSimulatedSource(atlas, {
      join(told) {
        tell = told;
        told(GIB);
        return () => undefined;
      },
    });
    const target = createSimulatedTarget(boreas);
    await target.create('p', DISKS, 'aside');
    const remote = await target.open('p', DISKS);
    if (!remote.ok) throw new Error(remote.problem.message);
    const started = world.clock.now();
    await source.mirror({ pairId: 'p', vmUuid: MAIL, disks: DISKS, address: '', remote: remote.value });
    await vi.advanceTimersByTimeAsync(5_000);
    // Of 20 GiB.
    expect(source.status('p')?.doneBytes).toBeCloseTo(5 * GIB, -9);
    tell(null);
    await until(() => source.status('p')?.state === 'in-sync');
    expect((world.clock.now() - started) / 1000).toBeCloseTo(6.5, 0);
  });

  it('goes on while the agent is away, and shows the state to the next one', async () => {
    const { atlas, source } = await protectedWorld();
    await source.stop();
    expect(atlas.write(MAIL)).toBe('acknowledged');
    expect(createSimulatedSource(atlas).status('p')?.state).toBe('in-sync');
  });

  it('holds when the standby loses its power, and heals once its export is open again', async () => {
    const { atlas, boreas, source } = await protectedWorld();
    boreas.powerOff();
    expect(atlas.write(MAIL)).toBe('held');
    await until(() => source.status('p')?.state === 'held');
    boreas.powerOn();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(source.status('p')?.state).toBe('held');
    await createSimulatedTarget(boreas).open('p', DISKS);
    await until(() => source.status('p')?.state === 'in-sync');
  });

  it('is gone with the power of the primary, and the replica has every write', async () => {
    const { world, atlas, boreas, source, target } = await protectedWorld();
    for (let n = 0; n < 50; n++) atlas.write(MAIL);
    atlas.powerOff();
    expect(source.status('p')).toBeNull();
    await target.close('p');
    expect(DISKS.map((disk) => boreas.images.get(disk.path)?.version)).toEqual([50, 50]);
    expect(world.violations).toEqual([]);
  });

  it('keeps a guest from starting on a disk that is still offered', async () => {
    const { atlas, boreas, target } = await protectedWorld();
    const definition = await createSimulatedHypervisor(atlas).definition(MAIL);
    if (!definition.ok) throw new Error(definition.problem.message);
    atlas.powerOff();
    const standby = createSimulatedHypervisor(boreas);
    await standby.define(definition.value.text);
    const early = await settled(standby.run(MAIL));
    expect(early).toMatchObject({ ok: false, problem: { kind: 'image-in-use' } });
    await target.close('p');
    expect(await settled(standby.run(MAIL))).toMatchObject({ ok: true });
  });

  it('cries out when a guest starts from a copy that never reached its end', async () => {
    const { atlas, boreas } = specWorld();
    const target = createSimulatedTarget(boreas);
    await target.create('p', DISKS, 'aside');
    const definition = await createSimulatedHypervisor(atlas).definition(MAIL);
    if (!definition.ok) throw new Error(definition.problem.message);
    atlas.powerOff();
    const standby = createSimulatedHypervisor(boreas);
    await standby.define(definition.value.text);
    await expect(settled(standby.run(MAIL))).rejects.toThrow('unfinished copy');
  });

  it('breaks off when the standby fills up during the copy, and says so', async () => {
    const { atlas, boreas } = specWorld({ boreas: { diskBytes: 5 * GIB } });
    const target = createSimulatedTarget(boreas);
    await target.create('p', DISKS, 'aside');
    const remote = await target.open('p', DISKS);
    if (!remote.ok) throw new Error(remote.problem.message);
    const source = createSimulatedSource(atlas);
    await source.mirror({ pairId: 'p', vmUuid: MAIL, disks: DISKS, address: '', remote: remote.value });
    await until(() => source.status('p')?.state === 'broken');
    expect(source.status('p')?.problem).toMatchObject({ kind: 'disk-full' });
    // The guest goes on alone: nothing was in sync yet that could be stale now.
    expect(atlas.write(MAIL)).toBe('acknowledged');
  });

  it('does not finish the shutdown of a guest whose writes are held', async () => {
    const { world, atlas, source } = await protectedWorld();
    world.cable('boreas', 'atlas', false);
    await until(() => source.status('p')?.state === 'held');
    await settled(createSimulatedHypervisor(atlas).shutdown(MAIL));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(atlas.runs(MAIL)).toBe(true);
    await source.release('p');
    await until(() => !atlas.runs(MAIL));
  });
});
