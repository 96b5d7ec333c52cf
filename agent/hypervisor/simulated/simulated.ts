import { type Check, fail, ok, type Problem, type Result, type VmInfo } from '../../protocol/index.ts';
import type { CopyKept, Hypervisor, HypervisorEvent, VmDefinition } from '../hypervisor.ts';
import { finding } from '../libvirt/checks/finding.ts';
import { fixes } from '../libvirt/checks/fixes.ts';
import { checkSource } from '../libvirt/checks/source.ts';
import { checkStandby } from '../libvirt/checks/standby.ts';
import { withDiskPaths } from '../libvirt/domain-xml.ts';
import { outlineOf } from '../libvirt/outline.ts';
import type { Outline } from '../outline.ts';
import { readDomain } from './domain-text.ts';
import type { SimulatedHost } from './host.ts';
import { SimulatedMigration } from './migration.ts';
import { hostView, libvirtView } from './preflight-views.ts';
import * as problem from './problems.ts';
import type { SimulatedGuest } from './types.ts';
import { SIMULATED_VERSION, vmDefinition, vmInfo } from './view.ts';

/** An agent's way to one simulated host; worthless once that host lost its power. */
export function createSimulatedHypervisor(host: SimulatedHost): Hypervisor {
  return new SimulatedHypervisor(host);
}

class SimulatedHypervisor implements Hypervisor {
  readonly kind = 'simulated';
  readonly version = SIMULATED_VERSION;
  readonly migration: SimulatedMigration;
  private readonly host: SimulatedHost;
  private readonly bootId: string;
  private readonly listeners = new Set<(event: HypervisorEvent) => void>();
  private unsubscribe: (() => void) | null = null;
  private readonly shown = new Map<string, string>();

  constructor(host: SimulatedHost) {
    this.host = host;
    this.bootId = host.bootId;
    this.migration = new SimulatedMigration(host, () => this.alive);
  }

  /** An adapter of an earlier boot must not reach into the next one. */
  private get alive(): boolean {
    return this.host.powered && this.host.bootId === this.bootId;
  }

  get reachable(): boolean {
    return this.alive && this.unsubscribe !== null;
  }

  async start(): Promise<void> {
    if (!this.alive) return;
    this.unsubscribe ??= this.host.subscribe((event) => this.emit(event));
    this.emit({ kind: 'reachable', reachable: true });
  }

  async stop(): Promise<void> {
    await this.migration.stop();
    this.unsubscribe?.();
    this.unsubscribe = null;
  }

  subscribe(listener: (event: HypervisorEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  list(): VmInfo[] {
    return [...this.host.guests.values()].map((guest) => vmInfo(this.host, guest));
  }

  async refreshLoad(): Promise<void> {
    if (!this.alive) return;
    for (const guest of this.host.guests.values()) {
      const { uuid } = guest.domain;
      const vm = vmInfo(this.host, guest);
      const figures = `${vm.cpu.toFixed(2)} ${Math.round(vm.memoryUsedBytes / 2 ** 26)} ${vm.addresses.join()}`;
      if (this.shown.get(uuid) === figures) continue;
      this.shown.set(uuid, figures);
      this.emit({ kind: 'vm', uuid, vm });
    }
  }

  async definition(uuid: string): Promise<Result<VmDefinition>> {
    return this.withGuest(uuid, (guest) => ok(vmDefinition(this.host, guest)));
  }

  withDisks(text: string, paths: Record<string, string>): string {
    return withDiskPaths(text, paths);
  }

  outline(text: string): Outline | null {
    return outlineOf(text);
  }

  async define(text: string): Promise<Result<void>> {
    if (!this.alive) return fail(problem.hostOff(this.host.name));
    const domain = readDomain(text);
    if (!domain) return fail(problem.definitionUnreadable(this.host.name));
    this.host.define(domain);
    return ok(undefined);
  }

  async undefine(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => {
      if (guest.startedAt !== null) return fail(problem.vmRunning(guest.domain.name, this.host.name));
      this.host.guests.delete(uuid);
      this.host.tell({ kind: 'vm', uuid, vm: null });
      return ok(undefined);
    });
  }

  async run(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => this.host.startGuest(guest));
  }

  async prepareRun(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => this.host.startGuest(guest, { paused: true }));
  }

  async resume(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => {
      if (guest.startedAt === null) return fail(problem.vmNotRunning(guest.domain.name, this.host.name));
      this.host.resumeGuest(guest);
      return ok(undefined);
    });
  }

  async shutdown(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => {
      if (guest.startedAt === null) return fail(problem.vmNotRunning(guest.domain.name, this.host.name));
      if (guest.state === 'shutting-down') return ok(undefined);
      if (guest.misses) {
        guest.misses -= 1;
        return ok(undefined);
      }
      guest.state = 'shutting-down';
      this.host.tellOf(guest);
      void this.finishShutdown(guest, guest.startedAt);
      return ok(undefined);
    });
  }

  async destroy(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, async (guest) => {
      if (guest.startedAt === null) return fail(problem.vmNotRunning(guest.domain.name, this.host.name));
      if (!(await this.host.after(this.host.world.pace.destroyMs)))
        return fail(problem.hostOff(this.host.name));
      this.host.endGuest(guest, 'destroyed');
      return ok(undefined);
    });
  }

  async freeze(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => {
      if (guest.startedAt === null) return ok(undefined);
      guest.state = 'paused';
      this.host.tellOf(guest);
      return ok(undefined);
    });
  }

  async guestAnswers(uuid: string): Promise<boolean> {
    const guest = this.host.guest(uuid);
    return this.alive && guest?.booted === true && this.host.runs(uuid);
  }

  async quiesce(uuid: string): Promise<'frozen' | 'none'> {
    return (await this.guestAnswers(uuid)) ? 'frozen' : 'none';
  }

  async thaw(uuid: string): Promise<Result<void>> {
    return this.withGuest(uuid, () => ok(undefined));
  }

  async setAutostart(uuid: string, on: boolean): Promise<Result<void>> {
    return this.withGuest(uuid, (guest) => {
      guest.autostart = on;
      this.host.tellOf(guest);
      return ok(undefined);
    });
  }

  async monitor(): Promise<Result<unknown>> {
    return fail(problem.noMonitor(this.host.name));
  }

  /** The preflight is the real one; only what it looks at is simulated. */
  async checkSource(uuid: string, copy: CopyKept = 'ours'): ReturnType<Hypervisor['checkSource']> {
    const guest = this.host.guest(uuid);
    if (!guest) return [unreadable(this.host.name, problem.vmMissing(uuid, this.host.name))];
    return checkSource(guest.domain, guest.state, hostView(this.host), libvirtView, copy);
  }

  async checkStandby(
    definition: VmDefinition,
    copy: CopyKept = 'ours',
  ): ReturnType<Hypervisor['checkStandby']> {
    const domain = readDomain(definition.text);
    if (!domain)
      return {
        checks: [unreadable(this.host.name, problem.definitionUnreadable(this.host.name))],
        paths: {},
      };
    const host = hostView(this.host);
    return checkStandby({ definition, domain, guests: this.list(), host, libvirt: libvirtView, copy });
  }

  async fix(uuid: string, fix: string): Promise<Result<void>> {
    if (!this.alive) return fail(problem.hostOff(this.host.name));
    const mend = Object.hasOwn(fixes, fix) ? fixes[fix] : undefined;
    return mend ? mend(hostView(this.host), uuid) : fail(problem.fixUnknown(fix, this.host.name));
  }

  /** A guest whose writes are held cannot finish its shutdown: it waits for them as a real one does. */
  private async finishShutdown(guest: SimulatedGuest, startedAt: number): Promise<void> {
    do {
      if (!(await this.host.after(this.host.world.pace.shutdownMs))) return;
      if (guest.startedAt !== startedAt) return;
    } while (guest.tap?.held || guest.state === 'paused' || guest.halted);
    this.host.endGuest(guest, 'shutdown');
  }

  private async withGuest<T>(
    uuid: string,
    act: (guest: SimulatedGuest) => Result<T> | Promise<Result<T>>,
  ): Promise<Result<T>> {
    if (!this.alive) return fail(problem.hostOff(this.host.name));
    const guest = this.host.guest(uuid);
    return guest ? act(guest) : fail(problem.vmMissing(uuid, this.host.name));
  }

  private emit(event: HypervisorEvent): void {
    for (const listener of [...this.listeners]) listener(event);
  }
}

const unreadable = (host: string, { message, next }: Problem): Check =>
  finding(host, 'vm-state', 'The machine').failed(message, next);
