import { cpus } from 'node:os';
import type { Clock, Log } from '../../ports.ts';
import { type Check, fail, ok, type Result, type VmInfo } from '../../protocol/index.ts';
import type { CopyKept, Hypervisor, HypervisorEvent, VmDefinition } from '../hypervisor.ts';
import type { Outline } from '../outline.ts';
import { Checks } from './checks/checks.ts';
import { fixes } from './checks/fixes.ts';
import { type HostView, linuxHost } from './checks/host-view.ts';
import { libvirtView } from './checks/libvirt-view.ts';
import { parseDomain, withDiskPaths } from './domain-xml.ts';
import type { LibvirtEvent } from './events.ts';
import { failed } from './failure.ts';
import { Guests } from './guests.ts';
import { readImage } from './image.ts';
import { LoadSampler } from './load.ts';
import { LibvirtMigration } from './migration.ts';
import { Orders } from './orders.ts';
import { outlineOf, withLiveDisks } from './outline.ts';
import { domainGetAutostart, domainGetXmlDesc, XmlFlag } from './procedures.ts';
import { remembering } from './remembering.ts';
import { Session } from './session.ts';
import type { DomainRef } from './types.ts';

export interface LibvirtOptions {
  clock: Clock;
  log: Log;
  /** Another socket than the usual ones. */
  socketPath?: string;
  /** The host as the preflight sees it; the real one unless a test says otherwise. */
  host?: HostView;
}

/** The guests of this host's libvirtd, over one lasting connection. */
export class LibvirtHypervisor implements Hypervisor {
  readonly kind = 'libvirt';
  readonly migration: LibvirtMigration;
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #orders: Orders;
  readonly #load: LoadSampler;
  readonly #checks: Checks;
  readonly #host: HostView;
  readonly #log: Log;
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();

  constructor({ clock, log, socketPath, host = linuxHost() }: LibvirtOptions) {
    this.#host = host;
    this.#log = log;
    const emit = (event: HypervisorEvent): void => this.#emit(event);
    this.#session = new Session({
      clock,
      log,
      ...(socketPath === undefined ? {} : { socketPath }),
      readAll: () => this.#guests.reload(),
      onUp: () => emit({ kind: 'reachable', reachable: true }),
      onDown: () => emit({ kind: 'reachable', reachable: false }),
      onEvent: (event) => this.#handle(event),
    });
    this.#guests = new Guests(this.#session, emit, log);
    this.#orders = new Orders(this.#session, this.#guests, clock);
    this.migration = new LibvirtMigration({
      session: this.#session,
      guests: this.#guests,
      orders: this.#orders,
      clock,
      log,
    });
    this.#load = new LoadSampler({
      session: this.#session,
      guests: this.#guests,
      clock,
      cpuCount: cpus().length,
    });
    this.#checks = new Checks(libvirtView(this.#session), host);
  }

  start(): Promise<void> {
    return this.#session.start();
  }

  async stop(): Promise<void> {
    this.#session.stop();
  }

  get reachable(): boolean {
    return this.#session.reachable;
  }

  get version(): string {
    return this.#session.version;
  }

  subscribe(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  list(): VmInfo[] {
    return this.#guests.list();
  }

  refreshLoad(): Promise<void> {
    return this.#load.sample();
  }

  async definition(uuid: string): Promise<Result<VmDefinition>> {
    const attempt = this.#orders.attempt(
      uuid,
      'vm-definition-failed',
      'The definition of % could not be read',
    );
    const dom = await this.#orders.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const flags = XmlFlag.inactive | XmlFlag.migratable | XmlFlag.secure;
    const xml = await this.#session.call(domainGetXmlDesc, { dom: dom.value, flags });
    if (!xml.ok) return failed(xml.failure, attempt);
    // No event tells of autostart, and whoever asks for the definition may be about to change it.
    const autostart = await this.#session.call(domainGetAutostart, { dom: dom.value });
    if (autostart.ok) this.#guests.update(uuid, { autostart: autostart.value });
    return ok(await describe(await this.#asItRuns(dom.value, uuid, xml.value)));
  }

  async #asItRuns(dom: DomainRef, uuid: string, inactive: string): Promise<string> {
    const state = this.#guests.get(uuid)?.vm.state;
    if (state !== 'running' && state !== 'paused') return inactive;
    const live = await this.#session.call(domainGetXmlDesc, { dom, flags: XmlFlag.secure });
    return live.ok ? withLiveDisks(inactive, live.value) : inactive;
  }

  withDisks(text: string, paths: Record<string, string>): string {
    return withDiskPaths(text, paths);
  }

  outline(text: string): Outline | null {
    return outlineOf(text);
  }

  define(text: string): Promise<Result<void>> {
    return this.#orders.define(text);
  }

  undefine(uuid: string): Promise<Result<void>> {
    return this.#orders.undefine(uuid);
  }

  run(uuid: string): Promise<Result<void>> {
    return this.#orders.run(uuid);
  }

  prepareRun(uuid: string): Promise<Result<void>> {
    return this.#orders.prepareRun(uuid);
  }

  resume(uuid: string): Promise<Result<void>> {
    return this.#orders.resume(uuid);
  }

  shutdown(uuid: string): Promise<Result<void>> {
    return this.#orders.shutdown(uuid);
  }

  destroy(uuid: string): Promise<Result<void>> {
    return this.#orders.destroy(uuid);
  }

  freeze(uuid: string): Promise<Result<void>> {
    return this.#orders.freeze(uuid);
  }

  guestAnswers(uuid: string): Promise<boolean> {
    return this.#orders.guestAnswers(uuid);
  }

  quiesce(uuid: string, limitS: number): Promise<'frozen' | 'none' | 'doubtful'> {
    return this.#orders.quiesce(uuid, limitS);
  }

  thaw(uuid: string, limitS: number): Promise<Result<void>> {
    return this.#orders.thaw(uuid, limitS);
  }

  setAutostart(uuid: string, on: boolean): Promise<Result<void>> {
    return this.#orders.setAutostart(uuid, on);
  }

  monitor(uuid: string, command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    return this.#orders.monitor(uuid, command, args);
  }

  async checkSource(uuid: string, copy: CopyKept = 'ours'): Promise<Check[]> {
    const definition = await this.definition(uuid);
    return this.#checks.source(definition, this.#guests.get(uuid), copy);
  }

  checkStandby(
    definition: VmDefinition,
    copy: CopyKept = 'ours',
  ): Promise<{ checks: Check[]; paths: Record<string, string> }> {
    return this.#checks.standby(definition, this.#guests.all(), this.reachable, copy);
  }

  async fix(uuid: string, fix: string): Promise<Result<void>> {
    const mend = Object.hasOwn(fixes, fix) ? fixes[fix] : undefined;
    if (mend) return mend(this.#host, uuid);
    return fail({
      kind: 'fix-unknown',
      message: `This agent knows no fix "${fix}".`,
      next: 'Bring the agent and the console to the same version, or mend it by hand.',
      field: 'fix',
    });
  }

  #handle(event: LibvirtEvent): void {
    if (event.kind === 'io-error') {
      this.#log('warn', `libvirt: ${event.dom.name}: disk error (${event.reason}) on ${event.path}`);
    }
    if (event.kind === 'guest-agent') this.#load.forgetAddresses(event.dom.uuid);
    this.#guests.handle(event);
  }

  #emit(event: HypervisorEvent): void {
    this.migration.onEvent(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

const domainOf = remembering(parseDomain);

async function describe(text: string): Promise<VmDefinition> {
  const { uuid, name, disks } = domainOf(text);
  const described = disks.map(async ({ target, path, format, readOnly, device }) => {
    const image = path === '' ? null : await readImage(path);
    const allocated = image ? { allocatedBytes: image.allocatedBytes } : {};
    return { target, path, format, sizeBytes: image?.virtualBytes ?? 0, ...allocated, readOnly, device };
  });
  return { uuid, name, text, disks: await Promise.all(described) };
}
