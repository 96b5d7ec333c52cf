import type { Clock } from '../../ports.ts';
import type { Guests } from './guests.ts';
import { connectListAllDomains, domainInterfaceAddresses, ListFlag } from './procedures.ts';
import { findProcess, readUsage } from './process.ts';
import type { Session } from './session.ts';
import type { DomainRef } from './types.ts';

/** How long known addresses are believed, ms. */
const ADDRESSES_KEPT_MS = 30_000;
/** virDomainInterfaceAddressesSource. */
const AddressSource = { lease: 0, agent: 1, arp: 2 } as const;
const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Figures that no event tells: CPU time, memory, addresses, and autostart as others may have set it.
 * CPU and memory come from /proc: libvirt's bulk statistics ask each QEMU's monitor (also for CPU alone, since 8.9)
 * and wait there for one that is frozen.
 */
export class LoadSampler {
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #clock: Clock;
  readonly #cpuCount: number;
  readonly #cpuBefore = new Map<string, { pid: number; cpuMs: number; writtenBytes: number; at: number }>();
  readonly #addressesAt = new Map<string, number>();

  constructor(options: { session: Session; guests: Guests; clock: Clock; cpuCount: number }) {
    this.#session = options.session;
    this.#guests = options.guests;
    this.#clock = options.clock;
    this.#cpuCount = options.cpuCount;
  }

  async sample(): Promise<void> {
    await this.#autostart();
    for (const { ref, vm } of this.#guests.all()) {
      if (vm.state === 'stopped' || vm.state === 'crashed') continue;
      await this.#usage(ref);
      if (vm.state === 'running') this.#refreshAddresses(ref);
    }
  }

  /** Forgets what is known of a guest's addresses, so that they are asked for anew. */
  forgetAddresses(uuid: string): void {
    this.#addressesAt.delete(uuid);
  }

  async #autostart(): Promise<void> {
    const flagged = await this.#session.call(connectListAllDomains, { flags: ListFlag.autostart });
    if (!flagged.ok) return;
    const on = new Set(flagged.value.map((ref) => ref.uuid));
    for (const { ref } of this.#guests.all()) this.#guests.update(ref.uuid, { autostart: on.has(ref.uuid) });
  }

  /** Rounded to a percent of the host and to a MiB, so that guests at rest raise no events. */
  async #usage(ref: DomainRef): Promise<void> {
    const found = await findProcess(ref.name, ref.uuid);
    const usage = found && (await readUsage(found.pid));
    if (!usage) return;
    const { cpuMs, writtenBytes } = usage;
    const now = { pid: found.pid, cpuMs, writtenBytes, at: this.#clock.bootMs() };
    const before = this.#cpuBefore.get(ref.uuid);
    this.#cpuBefore.set(ref.uuid, now);
    const memoryUsedBytes = Math.round(usage.memoryBytes / MIB) * MIB;
    const known = before?.pid === now.pid && now.at > before.at;
    const share = known ? (now.cpuMs - before.cpuMs) / ((now.at - before.at) * this.#cpuCount) : 0;
    const cpu = Math.round(Math.min(1, share) * 100) / 100;
    const written = known ? ((now.writtenBytes - before.writtenBytes) * 1000) / (now.at - before.at) : null;
    const writeBps = written === null ? {} : { writeBps: rounded(written) };
    this.#guests.update(ref.uuid, { memoryUsedBytes, cpu, ...writeBps });
  }

  /** In the background: the guest agent may take its time, or never answer. */
  #refreshAddresses(ref: DomainRef): void {
    const asked = this.#addressesAt.get(ref.uuid);
    const now = this.#clock.bootMs();
    if (asked !== undefined && now - asked < ADDRESSES_KEPT_MS) return;
    this.#addressesAt.set(ref.uuid, now);
    void this.#readAddresses(ref);
  }

  async #readAddresses(dom: DomainRef): Promise<void> {
    const sources = this.#guests.get(dom.uuid)?.guestAgent
      ? [AddressSource.agent, AddressSource.lease, AddressSource.arp]
      : [AddressSource.lease, AddressSource.arp];
    for (const source of sources) {
      const answer = await this.#session.callGuest(domainInterfaceAddresses, { dom, source });
      if (!answer.ok) continue;
      const addresses = answer.value
        .flatMap((nic) => nic.addresses.map((each) => each.address))
        .filter(isUseful);
      if (addresses.length === 0) continue;
      this.#guests.update(dom.uuid, { addresses: [...new Set(addresses)] });
      return;
    }
  }
}

/** To two digits: a figure that wanders a little raises no events. */
const rounded = (bps: number): number => (bps < KIB ? 0 : Number(bps.toPrecision(2)));

/** Not the guest's loop-back and link-local ones. */
const isUseful = (address: string): boolean => !/^(127\.|::1$|fe80:|169\.254\.)/i.test(address);
