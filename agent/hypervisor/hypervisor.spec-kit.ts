import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Hypervisor, HypervisorEvent, VmDefinition } from './hypervisor.ts';

/** One host to try an implementation of `Hypervisor` on; a real one serves as well as a simulated one. */
export interface HypervisorBench {
  hypervisor: Hypervisor;
  /** A guest that runs, has one writable disk at least, and answers a request to shut down. */
  uuid: string;
  /** Resolves once `state` is true; fails after a time that suits the implementation. */
  until(state: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** What every implementation of `Hypervisor` must do, as the rooms above it rely on it. */
export function hypervisorContract(name: string, open: () => Promise<HypervisorBench>): void {
  describe(`${name} keeps the contract of Hypervisor`, () => {
    let bench: HypervisorBench;
    let events: HypervisorEvent[];
    const state = () => bench.hypervisor.list().find((vm) => vm.uuid === bench.uuid)?.state ?? null;

    const definition = async (): Promise<VmDefinition> => {
      const result = await bench.hypervisor.definition(bench.uuid);
      if (!result.ok) throw new Error(result.problem.message);
      return result.value;
    };

    beforeEach(async () => {
      bench = await open();
      events = [];
      await bench.hypervisor.start();
      bench.hypervisor.subscribe((event) => events.push(event));
    });
    afterEach(async () => {
      await bench.hypervisor.stop();
      await bench.close();
    });

    it('is reachable after its start, and lists the running guest with its disks', () => {
      expect(bench.hypervisor.reachable).toBe(true);
      expect(state()).toBe('running');
      const vm = bench.hypervisor.list().find((each) => each.uuid === bench.uuid);
      expect(vm?.disks.some((disk) => disk.path !== '' && !disk.readOnly)).toBe(true);
    });

    it('gives the definition, and puts its disks at other paths', async () => {
      const given = await definition();
      const disk = given.disks.find((each) => each.device === 'disk');
      if (!disk) throw new Error('the bench has a guest without a disk');
      const moved = bench.hypervisor.withDisks(given.text, { [disk.target]: '/elsewhere/disk.img' });
      expect(moved).toContain('/elsewhere/disk.img');
      expect(moved).not.toContain(disk.path);
      expect(moved).toContain(bench.uuid);
    });

    it('asks the guest to shut down at once, and tells when it has stopped', async () => {
      expect(await bench.hypervisor.shutdown(bench.uuid)).toMatchObject({ ok: true });
      await bench.until(() => events.some((event) => event.kind === 'stopped' && event.uuid === bench.uuid));
      expect(events.find((event) => event.kind === 'stopped')).toMatchObject({ reason: 'shutdown' });
      await bench.until(() => state() === 'stopped');
    });

    it('ends a guest at once, and starts it again', async () => {
      expect(await bench.hypervisor.destroy(bench.uuid)).toMatchObject({ ok: true });
      await bench.until(() => state() === 'stopped');
      expect(events.find((event) => event.kind === 'stopped')).toMatchObject({ reason: 'destroyed' });
      expect(await bench.hypervisor.run(bench.uuid)).toMatchObject({ ok: true });
      await bench.until(() => state() === 'running');
    });

    it('freezes a guest, and ends a frozen one', async () => {
      expect(await bench.hypervisor.freeze(bench.uuid)).toMatchObject({ ok: true });
      expect(await bench.hypervisor.destroy(bench.uuid)).toMatchObject({ ok: true });
      await bench.until(() => state() === 'stopped');
      expect(await bench.hypervisor.freeze(bench.uuid)).toMatchObject({ ok: true });
    });

    it('turns autostart off and on', async () => {
      const autostart = () => bench.hypervisor.list().find((vm) => vm.uuid === bench.uuid)?.autostart;
      await bench.hypervisor.setAutostart(bench.uuid, false);
      await bench.until(() => autostart() === false);
      await bench.hypervisor.setAutostart(bench.uuid, true);
      await bench.until(() => autostart() === true);
    });

    it('undefines a stopped guest, tells so, and defines it again', async () => {
      const given = await definition();
      await bench.hypervisor.destroy(bench.uuid);
      await bench.until(() => state() === 'stopped');
      expect(await bench.hypervisor.undefine(bench.uuid)).toMatchObject({ ok: true });
      await bench.until(() => state() === null);
      expect(events).toContainEqual({ kind: 'vm', uuid: bench.uuid, vm: null });
      expect(await bench.hypervisor.define(given.text)).toMatchObject({ ok: true });
      await bench.until(() => state() === 'stopped');
    });

    it('names what it does not know, with a next step', async () => {
      const result = await bench.hypervisor.run('00000000-0000-4000-8000-000000000000');
      expect(result.ok).toBe(false);
      if (!result.ok) expect(result.problem.next).not.toBe('');
    });

    it('finds the running guest fit to be protected', async () => {
      const checks = await bench.hypervisor.checkSource(bench.uuid);
      expect(checks.length).toBeGreaterThan(0);
      expect(checks.filter((check) => check.state === 'failed')).toEqual([]);
    });

    it('proposes a place for every disk of a guest that would stand by', async () => {
      const given = await definition();
      const { paths } = await bench.hypervisor.checkStandby(given);
      for (const disk of given.disks.filter((each) => each.device === 'disk'))
        expect(paths[disk.target]).toMatch(/^\//);
    });
  });
}
