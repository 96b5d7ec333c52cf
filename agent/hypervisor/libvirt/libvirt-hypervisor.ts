import { cpus } from 'node:os';
import type { Clock, Log } from '../../ports.ts';
import { type Check, fail, ok, type Problem, type Result, type VmInfo } from '../../protocol/index.ts';
import type { Hypervisor, HypervisorEvent, VmDefinition } from '../hypervisor.ts';
import { Checks } from './checks/checks.ts';
import { fixes } from './checks/fixes.ts';
import { type HostView, linuxHost } from './checks/host-view.ts';
import { libvirtView } from './checks/libvirt-view.ts';
import { DomainXmlError, parseDomain, withDiskPaths } from './domain-xml.ts';
import type { LibvirtEvent } from './events.ts';
import { type Attempt, ErrorCode, type Failure, failed, type Outcome } from './failure.ts';
import { Guests } from './guests.ts';
import { readImage } from './image.ts';
import { LoadSampler } from './load.ts';
import {
  domainCreateWithFlags,
  domainDefineXmlFlags,
  domainDestroyFlags,
  domainGetXmlDesc,
  domainLookupByUuid,
  domainSetAutostart,
  domainShutdownFlags,
  domainUndefineFlags,
  qemuDomainMonitorCommand,
  UndefineFlag,
  XmlFlag,
} from './procedures.ts';
import { findProcess, signal } from './process.ts';
import { parseQmpReply } from './qmp.ts';
import { Session } from './session.ts';
import type { DomainRef } from './types.ts';

/** Starting and ending a guest may wait for its process, ms. */
const START_DEADLINE_MS = 120_000;
const DESTROY_DEADLINE_MS = 60_000;
/** How long libvirt may try by itself to end a guest, ms. */
const KILL_AFTER_MS = 1_500;
const MONITOR_DEADLINE_MS = 20_000;
/** Version from which `keepTpm` may be asked for (libvirt 8.9.0). */
const KEEP_TPM_SINCE = 8_009_000;

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
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #load: LoadSampler;
  readonly #checks: Checks;
  readonly #host: HostView;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();

  constructor(options: LibvirtOptions) {
    this.#host = options.host ?? linuxHost();
    this.#clock = options.clock;
    const emit = (event: HypervisorEvent): void => this.#emit(event);
    this.#session = new Session({
      clock: options.clock,
      log: options.log,
      ...(options.socketPath === undefined ? {} : { socketPath: options.socketPath }),
      onUp: () => this.#cameUp(),
      onDown: () => emit({ kind: 'reachable', reachable: false }),
      onEvent: (event) => this.#handle(event),
    });
    this.#guests = new Guests(this.#session, emit, options.log);
    this.#load = new LoadSampler({
      session: this.#session,
      guests: this.#guests,
      clock: options.clock,
      cpuCount: cpus().length,
    });
    this.#checks = new Checks(libvirtView(this.#session), this.#host);
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
    const attempt = this.#attempt(uuid, 'vm-definition-failed', 'The definition of % could not be read');
    const dom = await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const flags = XmlFlag.inactive | XmlFlag.migratable | XmlFlag.secure;
    const xml = await this.#session.call(domainGetXmlDesc, { dom: dom.value, flags });
    if (!xml.ok) return failed(xml.failure, attempt);
    return ok(await this.#describe(xml.value));
  }

  withDisks(text: string, paths: Record<string, string>): string {
    return withDiskPaths(text, paths);
  }

  async define(text: string): Promise<Result<void>> {
    const name = nameIn(text);
    if (!name.ok) return name;
    const defined = await this.#session.call(domainDefineXmlFlags, { xml: text, flags: 0 });
    if (!defined.ok) {
      return failed(defined.failure, {
        kind: 'vm-define-failed',
        message: `${name.value} could not be defined`,
        next: 'Mend what libvirt complains of, then order it again.',
      });
    }
    await this.#guests.refresh(defined.value.uuid);
    return ok(undefined);
  }

  async undefine(uuid: string): Promise<Result<void>> {
    const { managedSave, snapshotsMetadata, keepNvram, checkpointsMetadata, keepTpm } = UndefineFlag;
    const flags =
      managedSave |
      snapshotsMetadata |
      keepNvram |
      checkpointsMetadata |
      (this.#session.libVersion >= KEEP_TPM_SINCE ? keepTpm : 0);
    const attempt = this.#attempt(uuid, 'vm-undefine-failed', '% could not be undefined');
    const dom = await this.#find(uuid);
    if (!dom.ok) return isGone(dom.failure) ? ok(undefined) : failed(dom.failure, attempt);
    const done = await this.#session.call(domainUndefineFlags, { dom: dom.value, flags });
    if (!done.ok && !isGone(done.failure)) return failed(done.failure, attempt);
    await this.#guests.refresh(uuid);
    return ok(undefined);
  }

  async run(uuid: string): Promise<Result<void>> {
    const attempt = this.#attempt(uuid, 'vm-start-failed', '% could not be started');
    const dom = await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const started = await this.#session.call(
      domainCreateWithFlags,
      { dom: dom.value, flags: 0 },
      START_DEADLINE_MS,
    );
    await this.#guests.refresh(uuid);
    // Ordered twice, or running already: what was wanted holds.
    if (started.ok || this.#guests.get(uuid)?.vm.state === 'running') return ok(undefined);
    return failed(started.failure, attempt);
  }

  async shutdown(uuid: string): Promise<Result<void>> {
    const attempt = this.#attempt(uuid, 'vm-shutdown-failed', '% could not be asked to shut down');
    const dom = await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const asked = await this.#session.callGuest(domainShutdownFlags, { dom: dom.value, flags: 0 });
    if (asked.ok) return ok(undefined);
    return isInvalidNow(asked.failure) ? fail(this.#notRunning(uuid)) : failed(asked.failure, attempt);
  }

  async destroy(uuid: string): Promise<Result<void>> {
    const attempt = this.#attempt(uuid, 'vm-destroy-failed', '% could not be switched off');
    const dom = await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const ended = await this.#destroyOrKill(dom.value);
    // Not running (any more) is what was wanted.
    if (!ended.ok && !isInvalidNow(ended.failure)) return failed(ended.failure, attempt);
    await this.#guests.refresh(uuid);
    return ok(undefined);
  }

  async freeze(uuid: string): Promise<Result<void>> {
    const name = this.#guests.get(uuid)?.ref.name;
    const found = name === undefined ? null : await findProcess(name, uuid);
    if (!found) return ok(undefined);
    if (!found.frozen) signal(found.pid, 'SIGSTOP');
    this.#guests.update(uuid, { state: 'paused' });
    return ok(undefined);
  }

  async setAutostart(uuid: string, on: boolean): Promise<Result<void>> {
    const attempt = this.#attempt(uuid, 'vm-autostart-failed', 'Autostart of % could not be set');
    const dom = await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const done = await this.#session.call(domainSetAutostart, { dom: dom.value, on });
    if (!done.ok) return failed(done.failure, attempt);
    this.#guests.update(uuid, { autostart: on });
    return ok(undefined);
  }

  async monitor(uuid: string, command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    const attempt = this.#attempt(uuid, 'qmp-failed', `QEMU of % did not carry out ${command}`);
    const known = this.#guests.get(uuid)?.ref;
    const dom: Outcome<DomainRef> = known ? { ok: true, value: known } : await this.#find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const text = JSON.stringify(
      args === undefined ? { execute: command } : { execute: command, arguments: args },
    );
    const reply = await this.#session.callGuest(
      qemuDomainMonitorCommand,
      { dom: dom.value, command: text },
      MONITOR_DEADLINE_MS,
    );
    if (reply.ok) return parseQmpReply(reply.value, command, this.#nameOf(uuid));
    return isInvalidNow(reply.failure) ? fail(this.#notRunning(uuid)) : failed(reply.failure, attempt);
  }

  async checkSource(uuid: string): Promise<Check[]> {
    const definition = await this.definition(uuid);
    return this.#checks.source(definition, this.#guests.get(uuid));
  }

  checkStandby(definition: VmDefinition): Promise<{ checks: Check[]; paths: Record<string, string> }> {
    return this.#checks.standby(definition, this.#guests.all(), this.reachable);
  }

  async fix(_uuid: string, fix: string): Promise<Result<void>> {
    const mend = fixes[fix];
    if (!mend) {
      return fail({
        kind: 'fix-unknown',
        message: `This agent knows no fix "${fix}".`,
        next: 'Bring the agent and the console to the same version, or mend it by hand.',
        field: 'fix',
      });
    }
    return mend(this.#host);
  }

  async #cameUp(): Promise<void> {
    await this.#guests.reload();
    this.#emit({ kind: 'reachable', reachable: true });
  }

  #handle(event: LibvirtEvent): void {
    if (event.kind === 'guest-agent') this.#load.forgetAddresses(event.dom.uuid);
    this.#guests.handle(event);
  }

  #emit(event: HypervisorEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #find(uuid: string): Promise<Outcome<DomainRef>> {
    return this.#session.call(domainLookupByUuid, { uuid });
  }

  /**
   * libvirt asks QEMU first (SIGTERM) and waits 10 s before it kills; a frozen QEMU, or one with a held write, never
   * reacts. So it is killed here when libvirt has not managed after a moment, and libvirt sees it gone.
   */
  async #destroyOrKill(dom: DomainRef): Promise<Outcome<void>> {
    const found = await findProcess(dom.name, dom.uuid);
    const kill = (): void => void (found && signal(found.pid, 'SIGKILL'));
    if (found?.frozen) kill();
    const timer = this.#clock.setTimeout(kill, KILL_AFTER_MS);
    const ended = await this.#session.call(domainDestroyFlags, { dom, flags: 0 }, DESTROY_DEADLINE_MS);
    timer.cancel();
    return ended;
  }

  #nameOf(uuid: string): string {
    return this.#guests.get(uuid)?.vm.name ?? `the machine ${uuid}`;
  }

  /** `%` in the sentence stands for the guest's name. */
  #attempt(uuid: string, kind: string, sentence: string): Attempt {
    const message = sentence.replace('%', this.#nameOf(uuid));
    return { kind, message, next: 'Mend what libvirt complains of, then order it again.' };
  }

  #notRunning(uuid: string): Problem {
    return {
      kind: 'vm-not-running',
      message: `${this.#nameOf(uuid)} is not running.`,
      next: 'Start it first, or leave out what needs it running.',
    };
  }

  async #describe(text: string): Promise<VmDefinition> {
    const { uuid, name, disks } = parseDomain(text);
    const described = disks.map(async ({ target, path, format, readOnly, device }) => {
      const image = path === '' ? null : await readImage(path);
      return {
        target,
        path,
        format,
        sizeBytes: image?.virtualBytes ?? 0,
        allocatedBytes: image?.allocatedBytes ?? 0,
        readOnly,
        device,
      };
    });
    return { uuid, name, text, disks: await Promise.all(described) };
  }
}

function isGone(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.error.code === ErrorCode.noDomain;
}

function isInvalidNow(failure: Failure): boolean {
  return failure.kind === 'refused' && failure.error.code === ErrorCode.operationInvalid;
}

function nameIn(text: string): Result<string> {
  try {
    return ok(parseDomain(text).name);
  } catch (error) {
    if (!(error instanceof DomainXmlError)) throw error;
    return fail({
      kind: 'vm-define-failed',
      message: `The definition cannot be read: ${error.message}.`,
      next: 'Protect the machine anew, so that its definition is taken afresh.',
    });
  }
}
