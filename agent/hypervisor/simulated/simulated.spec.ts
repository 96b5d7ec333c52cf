import { afterEach, describe, expect, it, vi } from 'vitest';
import { hypervisorContract } from '../hypervisor.spec-kit.ts';
import { readDomain } from './domain-text.ts';
import type { SimulatedHost } from './host.ts';
import { createSimulatedHypervisor } from './simulated.ts';
import { guestDraft, MAIL, settled, specWorld, until } from './spec-world.ts';
import { GIB } from './types.ts';

afterEach(() => {
  vi.useRealTimers();
});

hypervisorContract('the simulated hypervisor', async () => {
  const { atlas } = specWorld();
  const hypervisor = createSimulatedHypervisor(atlas);
  return {
    // Every call moves the simulated time until it is answered.
    hypervisor: new Proxy(hypervisor, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          const answer: unknown = Reflect.apply(member, target, args);
          return answer instanceof Promise ? settled(answer) : answer;
        };
      },
    }),
    uuid: MAIL,
    until,
    close: async () => undefined,
  };
});

describe('a simulated host', () => {
  it('loses its guests with its power, tells nobody, and boots the autostarting ones', async () => {
    const { atlas } = specWorld();
    const before = createSimulatedHypervisor(atlas);
    await before.start();
    const events: unknown[] = [];
    before.subscribe((event) => events.push(event));
    atlas.powerOff();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events).toEqual([]);
    expect(before.reachable).toBe(false);
    expect(await before.run(MAIL)).toMatchObject({ ok: false, problem: { kind: 'host-off' } });

    const bootId = atlas.bootId;
    atlas.powerOn();
    expect(atlas.bootId).not.toBe(bootId);
    // The adapter of the earlier boot stays worthless.
    expect(await before.destroy(MAIL)).toMatchObject({ ok: false, problem: { kind: 'host-off' } });
    await until(() => atlas.runs(MAIL));
  });

  it('starts nothing by itself where autostart is off', async () => {
    const { atlas } = specWorld({ atlas: { guests: [{ ...guestDraft(), autostart: false }] } });
    atlas.powerOff();
    atlas.powerOn();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(atlas.runs(MAIL)).toBe(false);
  });

  it('keeps its guests while the agent comes and goes', async () => {
    const { atlas } = specWorld();
    const first = createSimulatedHypervisor(atlas);
    await first.start();
    await settled(first.destroy(MAIL));
    await first.stop();
    const second = createSimulatedHypervisor(atlas);
    await second.start();
    expect(second.list()[0]?.state).toBe('stopped');
  });

  it('cries out when a guest is started twice', async () => {
    const { atlas, boreas } = specWorld({
      boreas: { guests: [{ ...guestDraft(), running: false }] },
    });
    const hypervisor = createSimulatedHypervisor(boreas);
    await hypervisor.start();
    await expect(settled(hypervisor.run(MAIL))).rejects.toThrow('mail runs on atlas and on boreas');
    expect(boreas.runs(MAIL)).toBe(false);
    expect(atlas.runs(MAIL)).toBe(true);
  });

  it('cries out when a guest starts from a disk that lacks an acknowledged write', async () => {
    const { atlas } = specWorld({ atlas: { guests: [{ ...guestDraft(), autostart: false }] } });
    for (let n = 0; n < 3; n++) expect(atlas.write(MAIL)).toBe('acknowledged');
    atlas.powerOff();
    for (const image of atlas.images.values()) image.version = 2;
    atlas.powerOn();
    const guest = atlas.guest(MAIL);
    if (!guest) throw new Error('mail is gone');
    await expect(settled(atlas.startGuest(guest))).rejects.toThrow('write 2; 3 was acknowledged');
  });

  it('knows a guest by its address only once its system is up', async () => {
    const { atlas } = specWorld();
    const hypervisor = createSimulatedHypervisor(atlas);
    await hypervisor.start();
    await settled(hypervisor.destroy(MAIL));
    await settled(hypervisor.run(MAIL));
    expect(hypervisor.list()[0]).toMatchObject({ state: 'running', addresses: [] });
    await until(() => hypervisor.list()[0]?.addresses[0] === '192.168.10.21');
  });

  it('moves the load gently and within bounds', () => {
    const { atlas } = specWorld();
    const hypervisor = createSimulatedHypervisor(atlas);
    let last = hypervisor.list()[0]?.cpu ?? 0;
    const seen = new Set<number>();
    for (let minute = 0; minute < 30; minute++) {
      vi.advanceTimersByTime(2_000);
      const cpu = hypervisor.list()[0]?.cpu ?? -1;
      expect(cpu).toBeGreaterThanOrEqual(0);
      expect(cpu).toBeLessThanOrEqual(1);
      expect(Math.abs(cpu - last)).toBeLessThan(0.02);
      last = cpu;
      seen.add(cpu);
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  it('refuses a text that is no definition', async () => {
    const { atlas } = specWorld();
    const hypervisor = createSimulatedHypervisor(atlas);
    expect(await hypervisor.define('<domain><name>x</name>')).toMatchObject({
      ok: false,
      problem: { kind: 'definition-unreadable' },
    });
    expect(readDomain('no xml at all')).toBeNull();
  });
});

describe('the preflight of a simulated standby', () => {
  async function failedChecks(spec: Partial<ConstructorParameters<typeof SimulatedHost>[1]>) {
    const { atlas, boreas } = specWorld({ boreas: spec });
    const definition = await createSimulatedHypervisor(atlas).definition(MAIL);
    if (!definition.ok) throw new Error(definition.problem.message);
    const { checks } = await createSimulatedHypervisor(boreas).checkStandby(definition.value);
    return checks.filter((check) => check.state !== 'ok');
  }

  it('has nothing against a host like the first', async () => {
    expect(await failedChecks({})).toEqual([]);
  });

  it('names a full disk, a missing bridge and too little memory', async () => {
    const checks = await failedChecks({ diskBytes: 20 * GIB, bridges: ['br1'], memoryBytes: 2 * GIB });
    expect(checks.map((check) => check.id)).toEqual(['disk-space', 'memory', 'bridges']);
    expect(checks.every((check) => check.next !== '' && check.host === 'boreas')).toBe(true);
  });

  it('mends the slow resolver when told to', async () => {
    const { atlas, boreas } = specWorld({ boreas: { settings: { '/etc/hosts': '127.0.0.1 localhost\n' } } });
    const definition = await createSimulatedHypervisor(atlas).definition(MAIL);
    if (!definition.ok) throw new Error(definition.problem.message);
    const hypervisor = createSimulatedHypervisor(boreas);
    const resolver = async () =>
      (await hypervisor.checkStandby(definition.value)).checks.find(
        (check) => check.id === 'name-resolution',
      );
    expect(await resolver()).toMatchObject({ state: 'warning', fix: 'own-name-in-hosts' });
    expect(await hypervisor.fix(MAIL, 'own-name-in-hosts')).toMatchObject({ ok: true });
    expect(await resolver()).toMatchObject({ state: 'ok' });
  });
});
