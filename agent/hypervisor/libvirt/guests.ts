import type { Log } from '../../ports.ts';
import type { VmInfo, VmState } from '../../protocol/index.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import { type Domain, parseDomain } from './domain-xml.ts';
import { type LibvirtEvent, Lifecycle } from './events.ts';
import { ErrorCode, type Failure } from './failure.ts';
import { readImage } from './image.ts';
import {
  connectListAllDomains,
  domainGetAutostart,
  domainGetState,
  domainGetXmlDesc,
  domainIsPersistent,
  domainLookupByUuid,
  qemuDomainMonitorCommand,
} from './procedures.ts';
import { findProcess } from './process.ts';
import type { Session } from './session.ts';
import type { DomainRef } from './types.ts';

export interface Guest {
  ref: DomainRef;
  vm: VmInfo;
  /** True while the QEMU guest agent inside answers libvirt. */
  guestAgent: boolean;
}

/** virDomainState, /usr/include/libvirt/libvirt-domain.h. */
const STATES: VmState[] = [
  'unknown',
  'running',
  'running',
  'paused',
  'shutting-down',
  'stopped',
  'crashed',
  'paused',
];

/** virDomainEventType to the state it leaves the guest in. */
const STATE_AFTER: Partial<Record<number, VmState>> = {
  [Lifecycle.started]: 'running',
  [Lifecycle.suspended]: 'paused',
  [Lifecycle.resumed]: 'running',
  [Lifecycle.stopped]: 'stopped',
  [Lifecycle.shutdown]: 'shutting-down',
  [Lifecycle.pmSuspended]: 'paused',
  [Lifecycle.crashed]: 'crashed',
};

/** virDomainEventStoppedDetailType; a saved or reverted guest ended in order, from outside. */
const STOP_REASONS = [
  'shutdown',
  'destroyed',
  'crashed',
  'migrated',
  'shutdown',
  'failed',
  'destroyed',
] as const;

/** virDomainEventStartedDetailType: its process is there, and waits for the guest's memory. */
const STARTED_MIGRATED = 1;

/** virDomainPausedReason. */
const PAUSED_MIGRATION = 2;
const PAUSED_IO_ERROR = 5;
const PAUSED_STARTING_UP = 11;
const QMP_MS = 2_000;

type Figures = Pick<VmInfo, 'cpu' | 'memoryUsedBytes' | 'addresses' | 'writeBps'>;

type StopReason = Extract<HypervisorEvent, { kind: 'stopped' }>['reason'];

/** virDomainShutoffReason to the same: unknown, shutdown, destroyed, crashed, migrated, saved, failed, reverted, daemon. */
const SHUTOFF_REASONS: StopReason[] = [
  'failed',
  'shutdown',
  'destroyed',
  'crashed',
  'migrated',
  'shutdown',
  'failed',
  'destroyed',
  'failed',
];

const isLive = (state: VmState | undefined): boolean =>
  state === 'running' || state === 'paused' || state === 'shutting-down';

export type Emit = (event: HypervisorEvent) => void;

/** Every guest libvirt knows, kept current by its events; nothing is polled. */
export class Guests {
  readonly #session: Session;
  readonly #emit: Emit;
  readonly #log: Log;
  readonly #guests = new Map<string, Guest>();
  /** Refreshes under way; `true` when another one is wanted after it. */
  readonly #refreshing = new Map<string, { again: boolean; done: Promise<void> }>();

  /** A reading since the last reload began got no answer. */
  #unanswered = false;

  constructor(session: Session, emit: Emit, log: Log) {
    this.#session = session;
    this.#emit = emit;
    this.#log = log;
  }

  list(): VmInfo[] {
    return [...this.#guests.values()].map((guest) => guest.vm);
  }

  all(): Guest[] {
    return [...this.#guests.values()];
  }

  get(uuid: string): Guest | null {
    return this.#guests.get(uuid) ?? null;
  }

  /** Reads everything anew; those that vanished meanwhile are told as gone. False when libvirt did not answer. */
  async reload(): Promise<boolean> {
    this.#unanswered = false;
    const listed = await this.#session.call(connectListAllDomains, { flags: 0 });
    if (!listed.ok) return false;
    const present = new Set(listed.value.map((ref) => ref.uuid));
    for (const uuid of this.#guests.keys()) if (!present.has(uuid)) this.#remove(uuid);
    for (const uuid of present) await this.refresh(uuid);
    return !this.#unanswered;
  }

  /** Reads one guest anew. Calls that come while one is under way share the next. */
  refresh(uuid: string): Promise<void> {
    const running = this.#refreshing.get(uuid);
    if (running) {
      running.again = true;
      return running.done;
    }
    const entry = { again: false, done: Promise.resolve() };
    this.#refreshing.set(uuid, entry);
    entry.done = this.#refreshUntilQuiet(uuid, entry);
    return entry.done;
  }

  /** Replaces parts of a guest's picture; raises `vm` when that changes it. */
  update(uuid: string, changes: Partial<VmInfo>): void {
    const guest = this.#guests.get(uuid);
    if (!guest) return;
    // No event tells of autostart, so a reading under way may still carry the older word: it is done again.
    const running = this.#refreshing.get(uuid);
    if (running && (changes.autostart ?? guest.vm.autostart) !== guest.vm.autostart) running.again = true;
    this.#store({ ...guest, vm: { ...guest.vm, ...changes } });
  }

  handle(event: LibvirtEvent): void {
    const { uuid } = event.dom;
    if (event.kind === 'monitor') {
      // Stopped at the end of its own migration: at once, because everything waits for it.
      if (event.event === 'MIGRATION' && statusIn(event.data) === 'pre-switchover')
        this.update(uuid, { state: 'paused', pause: 'leaving' });
      this.#emit({ kind: 'qmp', uuid, event: event.event, data: event.data });
      return;
    }
    if (event.kind === 'lifecycle') this.#lifecycle(uuid, event.event, event.detail);
    if (event.kind === 'guest-agent') this.#setGuestAgent(uuid, event.connected);
    const told = event.kind === 'lifecycle' && event.event === Lifecycle.defined;
    void this.refresh(uuid).then(() => {
      if (told || event.kind === 'changed') this.#emit({ kind: 'defined', uuid });
    });
  }

  #lifecycle(uuid: string, event: number, detail: number): void {
    const state = STATE_AFTER[event];
    // At once from the event itself, so that nobody acts on a picture that is a round trip old.
    if (state === 'stopped') this.ended(uuid, STOP_REASONS[detail] ?? 'failed');
    else if (event === Lifecycle.started && detail === STARTED_MIGRATED)
      this.update(uuid, { state: 'paused', pause: 'incoming' });
    else if (state) this.#stateIs(uuid, state);
  }

  #stateIs(uuid: string, state: VmState): void {
    const guest = this.#guests.get(uuid);
    if (!guest) return;
    const { pause: _, ...vm } = guest.vm;
    // Why it is paused is read anew; one that was never started, or is leaving, stays so until it runs.
    const pause = state === 'paused' ? lasting(guest.vm.pause) : {};
    this.#store({ ...guest, vm: { ...vm, ...pause, state } });
  }

  /** Told once for each end, whether an event says it first or a reading (its event lost with a libvirtd that was down). */
  ended(uuid: string, reason: StopReason): void {
    const guest = this.#guests.get(uuid);
    if (!guest) return;
    const { pause: _, ...known } = guest.vm;
    const vm: VmInfo = { ...known, state: 'stopped', cpu: 0, memoryUsedBytes: 0, addresses: [] };
    this.#store({ ...guest, guestAgent: false, vm }, isLive(known.state) ? reason : null);
  }

  #setGuestAgent(uuid: string, connected: boolean): void {
    const guest = this.#guests.get(uuid);
    if (guest) guest.guestAgent = connected;
  }

  async #refreshUntilQuiet(uuid: string, entry: { again: boolean }): Promise<void> {
    try {
      do {
        entry.again = false;
        await this.#read(uuid, entry);
      } while (entry.again);
    } catch (error) {
      this.#log('warn', `libvirt: machine ${uuid} could not be read: ${String(error)}`);
    } finally {
      this.#refreshing.delete(uuid);
    }
  }

  async #read(uuid: string, entry: { again: boolean }): Promise<void> {
    const found = await this.#session.call(domainLookupByUuid, { uuid });
    if (!found.ok) return this.#unread(uuid, found.failure);
    const dom = found.value;
    const [xml, state, autostart, persistent] = await Promise.all([
      this.#session.call(domainGetXmlDesc, { dom, flags: 0 }),
      this.#session.call(domainGetState, { dom, flags: 0 }),
      this.#session.call(domainGetAutostart, { dom }),
      this.#session.call(domainIsPersistent, { dom }),
    ]);
    if (!xml.ok) return this.#unread(uuid, xml.failure);
    if (!state.ok) return this.#unread(uuid, state.failure);
    const domain = parseDomain(xml.value);
    const told = STATES[state.value.state] ?? 'unknown';
    const vm = await this.#picture(domain, await seen(dom, told), autostart.ok && autostart.value);
    const pause = told === 'paused' ? await this.#pauseOf(dom, state.value.reason) : {};
    // Something happened while this was read: what was read may be older than what the event said.
    if (entry.again) return;
    if (vm.state === 'stopped') this.ended(uuid, SHUTOFF_REASONS[state.value.reason] ?? 'failed');
    // A guest that was undefined while it runs is a transient one from then on.
    const defined = persistent.ok && !persistent.value ? { defined: false as const } : {};
    const left = vm.state === 'stopped' && SHUTOFF_REASONS[state.value.reason] === 'migrated';
    const away = left ? { away: true as const } : {};
    this.#store({
      ref: dom,
      vm: { ...vm, ...pause, ...defined, ...away, ...this.#figures(uuid) },
      guestAgent: domain.guestAgent,
    });
  }

  async #picture(domain: Domain, state: VmState, autostart: boolean): Promise<Omit<VmInfo, keyof Figures>> {
    const disks = await Promise.all(
      domain.disks.map(async ({ target, path, format, readOnly, device }) => {
        const image = path === '' ? null : await readImage(path);
        return { target, path, format, sizeBytes: image?.virtualBytes ?? 0, readOnly, device };
      }),
    );
    return {
      uuid: domain.uuid,
      name: domain.name,
      state,
      vcpus: domain.vcpus,
      memoryBytes: domain.memoryBytes,
      autostart,
      disks,
      nics: domain.nics,
    };
  }

  /**
   * libvirt calls a guest that was started paused, or is moved away by us, like one an admin paused; QEMU's run state
   * tells them apart (QMP RunState). Asked once: what is known stays until the guest runs.
   */
  async #pauseOf(dom: DomainRef, reason: number): Promise<Pick<VmInfo, 'pause'>> {
    if (reason === PAUSED_IO_ERROR) return { pause: 'io-error' };
    const known = this.#guests.get(dom.uuid)?.vm;
    // Until its memory is whole libvirt lets nobody near the monitor of a guest that is coming in.
    if (reason === PAUSED_MIGRATION) return lasting(known?.pause ?? 'incoming');
    // It may be one that is going to come in: a question would stay in libvirtd for up to 30 s, also when that comes to
    // nothing, and a few of those keep it from reading anything else of this connection (max_client_requests).
    if (reason === PAUSED_STARTING_UP) return lasting(known?.pause ?? 'not-started');
    if (known?.state === 'paused') return lasting(known.pause);
    const command = JSON.stringify({ execute: 'query-status' });
    const reply = await this.#session.callGuest(qemuDomainMonitorCommand, { dom, command }, QMP_MS);
    if (!reply.ok) return {};
    if (reply.value.includes('"prelaunch"')) return { pause: 'not-started' };
    return /"(post|finish-)migrate"/.test(reply.value) ? { pause: 'leaving' } : {};
  }

  /** What the definition does not tell stays as it was sampled. */
  #figures(uuid: string): Figures {
    const { cpu = 0, memoryUsedBytes = 0, addresses = [], writeBps } = this.#guests.get(uuid)?.vm ?? {};
    return { cpu, memoryUsedBytes, addresses, ...(writeBps === undefined ? {} : { writeBps }) };
  }

  /** Only libvirt's own word that there is no such guest makes it vanish. */
  #unread(uuid: string, failure: Failure): void {
    if (failure.kind !== 'refused') this.#unanswered = true;
    else if (failure.error.code === ErrorCode.noDomain) this.#remove(uuid);
  }

  #remove(uuid: string): void {
    this.ended(uuid, 'failed');
    if (this.#guests.delete(uuid)) this.#emit({ kind: 'vm', uuid, vm: null });
  }

  /** Why it ended is told first: whoever looks at a machine that is gone must know whether somebody meant it. */
  #store(guest: Guest, ended: StopReason | null = null): void {
    const { uuid } = guest.vm;
    const before = this.#guests.get(uuid);
    this.#guests.set(uuid, guest);
    if (ended) this.#emit({ kind: 'stopped', uuid, reason: ended });
    if (JSON.stringify(before?.vm) !== JSON.stringify(guest.vm))
      this.#emit({ kind: 'vm', uuid, vm: guest.vm });
  }
}

/** Pauses that an event or a reading does not end. */
const lasting = (pause: VmInfo['pause']): Pick<VmInfo, 'pause'> =>
  pause === undefined || pause === 'io-error' ? {} : { pause };

const statusIn = (data: unknown): unknown =>
  typeof data === 'object' && data !== null && 'status' in data ? data.status : undefined;

/** libvirt calls a guest running whose process was stopped by a signal; it neither serves nor writes. */
async function seen(dom: DomainRef, told: VmState): Promise<VmState> {
  if (told !== 'running') return told;
  return (await findProcess(dom.name, dom.uuid))?.frozen ? 'paused' : told;
}
