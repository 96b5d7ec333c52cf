import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import * as v from 'valibot';
import type { Clock, Log } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import type { LiveMigration, MovingGuest, Sending, SendingPhase } from '../migration.ts';
import { parseDomain } from './domain-xml.ts';
import { failed } from './failure.ts';
import type { Guests } from './guests.ts';
import { IncomingGuests, MIGRATION_FLAGS } from './incoming.ts';
import type { Orders } from './orders.ts';
import { domainMigrateBegin3Params } from './procedures.ts';
import { findProcess, signal } from './process.ts';
import type { Session } from './session.ts';

/**
 * QEMU stops the guest when the rest fits into this, ms. 0: when everything has been sent once, without a look at what has
 * changed meanwhile. After such a look QEMU before 9.0 loses some of what an emulated guest changes (docs/switchover.md); when
 * the guest stands still there is nothing to lose.
 */
const DOWNTIME_MS = { kvm: 100, emulated: 0 };
/** No bound of QEMU's own: the stream takes what the other side takes. Bytes per second. */
const UNBOUND_BPS = 2 ** 40;
/** How long the last piece of memory may take once the guest stands still, ms. */
const LAST_PIECE_MS = 30_000;
const LOOK_MS = 20;

/** QMP MigrationInfo, QEMU: qapi/migration.json. */
const Info = v.object({
  status: v.optional(v.string(), 'none'),
  'error-desc': v.optional(v.string()),
  'blocked-reasons': v.optional(v.array(v.string()), []),
  ram: v.optional(
    v.object({
      transferred: v.number(),
      remaining: v.number(),
      mbps: v.number(),
      'dirty-sync-count': v.number(),
    }),
  ),
});
type Info = v.InferOutput<typeof Info>;

/** QMP MigrationStatus. */
const PHASES: Record<string, SendingPhase> = {
  setup: 'copying',
  active: 'copying',
  'pre-switchover': 'paused',
  device: 'paused',
  completed: 'sent',
  failed: 'failed',
  cancelled: 'failed',
};
const UNDER_WAY = ['setup', 'active', 'pre-switchover', 'device', 'cancelling'];

/**
 * Live migration over libvirt and QEMU. The sending QEMU is driven by QMP, because only so the guest's mirror can be taken
 * away in the one moment between its last write and QEMU's letting go of the disks (docs/switchover.md). The receiving one
 * is made by libvirt, which feeds it through a pipe of its own: no port, no path that AppArmor would have to know.
 */
export class LibvirtMigration implements LiveMigration {
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #orders: Orders;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #incoming: IncomingGuests;
  /** Woken by QEMU's word on its migration. */
  readonly #waiting = new Set<(uuid: string) => void>();

  constructor(parts: { session: Session; guests: Guests; orders: Orders; clock: Clock; log: Log }) {
    this.#session = parts.session;
    this.#guests = parts.guests;
    this.#orders = parts.orders;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#incoming = new IncomingGuests(parts);
  }

  onEvent(event: HypervisorEvent): void {
    if (event.kind !== 'qmp' || event.event !== 'MIGRATION') return;
    for (const wake of [...this.#waiting]) wake(event.uuid);
  }

  async hindrances(uuid: string): Promise<string[]> {
    const name = this.#orders.nameOf(uuid);
    if (this.#guests.get(uuid)?.vm.state !== 'running') return [`${name} does not run.`];
    const described = await this.#begin(uuid);
    if (!described.ok) return [described.problem.message];
    const { hostBound, tpm } = parseDomain(described.value.xml);
    const found = hostBound.map((device) => `${name} uses ${device}, which exists on this host only.`);
    if (tpm !== '') found.push(`${name} has a TPM, whose state does not travel with its memory.`);
    const info = await this.#info(uuid);
    if (!info.ok) return [...found, info.problem.message];
    return [...found, ...info.value['blocked-reasons'].map((reason) => `QEMU cannot move it: ${reason}`)];
  }

  async describe(uuid: string): Promise<Result<MovingGuest>> {
    const begun = await this.#begin(uuid);
    if (!begun.ok) return begun;
    return ok({ definition: begun.value.xml, cookie: begun.value.cookie.toString('base64') });
  }

  async send(uuid: string, stream: Duplex): Promise<Result<void>> {
    const socket = await this.#meetingPlace(uuid);
    if (!socket.ok) return socket;
    const offered = await this.#offer(uuid, socket.value, stream);
    if (!offered.ok) return offered;
    const capabilities = [{ capability: 'pause-before-switchover', state: true }];
    const set = await this.#orders.monitor(uuid, 'migrate-set-capabilities', { capabilities });
    if (!set.ok) return set;
    const kvm = await this.#orders.monitor(uuid, 'query-kvm');
    const accelerated = kvm.ok && v.is(v.object({ enabled: v.literal(true) }), kvm.value);
    const pause = accelerated ? DOWNTIME_MS.kvm : DOWNTIME_MS.emulated;
    const limits = { 'max-bandwidth': UNBOUND_BPS, 'downtime-limit': pause };
    const limited = await this.#orders.monitor(uuid, 'migrate-set-parameters', limits);
    if (!limited.ok) return limited;
    const begun = await this.#orders.monitor(uuid, 'migrate', { uri: `unix:${socket.value}` });
    return begun.ok ? ok(undefined) : begun;
  }

  async progress(uuid: string): Promise<Result<Sending>> {
    const info = await this.#info(uuid);
    return info.ok ? ok(sendingOf(info.value)) : info;
  }

  async finish(uuid: string): Promise<Result<void>> {
    const gone = await this.#orders.monitor(uuid, 'migrate-continue', { state: 'pre-switchover' });
    if (!gone.ok) return gone;
    const end = await this.#until(uuid, ({ status }) => !UNDER_WAY.includes(status), LAST_PIECE_MS);
    if (end?.status === 'completed') return ok(undefined);
    return fail({
      kind: 'memory-not-sent',
      message: `The last piece of ${this.#orders.nameOf(uuid)}'s memory did not reach the other host${end?.['error-desc'] ? `: ${end['error-desc']}` : ''}.`,
      next: 'It goes on where it was. Look at the network between the two hosts, then switch over again.',
    });
  }

  async stay(uuid: string): Promise<Result<void>> {
    // Frozen by this agent, on a host without a guard: its monitor would answer nobody.
    const found = await findProcess(this.#guests.get(uuid)?.ref.name ?? '', uuid);
    if (found?.frozen) signal(found.pid, 'SIGCONT');
    const info = await this.#info(uuid);
    if (info.ok && UNDER_WAY.includes(info.value.status)) {
      await this.#orders.monitor(uuid, 'migrate_cancel');
      await this.#until(uuid, ({ status }) => !UNDER_WAY.includes(status), LAST_PIECE_MS);
    }
    await this.#guests.refresh(uuid);
    if (this.#guests.get(uuid)?.vm.state === 'running') return ok(undefined);
    return this.#orders.resume(uuid);
  }

  receive(uuid: string, guest: MovingGuest): Promise<Result<void>> {
    return this.#incoming.receive(uuid, guest);
  }

  feed(uuid: string, stream: Duplex): Promise<boolean> {
    return this.#incoming.feed(uuid, stream);
  }

  arrive(uuid: string): Promise<Result<void>> {
    return this.#incoming.arrive(uuid);
  }

  refuse(uuid: string): Promise<void> {
    return this.#incoming.refuse(uuid);
  }

  async #begin(uuid: string): Promise<Result<{ cookie: Buffer; xml: string }>> {
    const attempt = this.#orders.attempt(uuid, 'vm-not-movable', '% cannot be moved while it runs');
    const dom = await this.#orders.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const begun = await this.#session.call(domainMigrateBegin3Params, {
      dom: dom.value,
      flags: MIGRATION_FLAGS,
    });
    return begun.ok ? ok(begun.value) : failed(begun.failure, attempt);
  }

  async #info(uuid: string): Promise<Result<Info>> {
    const answer = await this.#orders.monitor(uuid, 'query-migrate');
    return answer.ok ? ok(v.parse(Info, answer.value)) : answer;
  }

  /** Where QEMU may connect to under its confinement: beside its own monitor socket (agent/replication/README.md). */
  async #meetingPlace(uuid: string): Promise<Result<string>> {
    const answer = await this.#orders.monitor(uuid, 'query-chardev');
    if (!answer.ok) return answer;
    const chardevs = v.parse(v.array(v.object({ label: v.string(), filename: v.string() })), answer.value);
    const monitor = chardevs.find(({ label }) => label === 'charmonitor')?.filename ?? '';
    const [, path] = /^unix:(\/[^,]+)/.exec(monitor) ?? [];
    if (path !== undefined) return ok(join(dirname(path), 'understudy-memory.sock'));
    return fail({
      kind: 'monitor-unknown',
      message: 'QEMU does not say where its monitor socket is, so its memory has no way out.',
      next: 'Shut the machine down and start it again through libvirt, then try again.',
    });
  }

  /** The first to connect is QEMU, since only it and root may enter that directory; there is no second. */
  async #offer(uuid: string, path: string, stream: Duplex): Promise<Result<void>> {
    await mkdir(dirname(path), { recursive: true });
    await rm(path, { force: true });
    const server = createServer((socket) => {
      server.close();
      void rm(path, { force: true });
      pipeline(socket, stream, (error) => {
        if (error)
          this.#log('info', `${this.#orders.nameOf(uuid)}: sending its memory ended: ${error.message}`);
        socket.destroy();
      });
      // The other side has hung up: QEMU learns it by its own connection.
      stream.once('close', () => socket.destroy());
    });
    stream.once('close', () => server.close());
    return new Promise((resolve) => {
      server.once('error', (error) =>
        resolve(
          fail({
            kind: 'memory-socket',
            message: `The way out for the machine's memory could not be opened: ${error.message}.`,
            next: 'Look at the free space of /var and /run, then try again.',
          }),
        ),
      );
      server.listen(path, () => resolve(ok(undefined)));
    });
  }

  /** The first answer that is as wanted, or the last one when the time is over; null when QEMU does not answer. */
  async #until(uuid: string, wanted: (info: Info) => boolean, limitMs: number): Promise<Info | null> {
    for (let end = this.#clock.bootMs() + limitMs; ; ) {
      const info = await this.#info(uuid);
      if (!info.ok) return null;
      if (wanted(info.value) || this.#clock.bootMs() >= end) return info.value;
      await this.#nextWord(uuid);
    }
  }

  #nextWord(uuid: string): Promise<void> {
    return new Promise((resolve) => {
      const over = (of: string): void => {
        if (of !== uuid) return;
        this.#waiting.delete(over);
        timer.cancel();
        resolve();
      };
      const timer = this.#clock.setTimeout(() => over(uuid), LOOK_MS);
      this.#waiting.add(over);
    });
  }
}

export function sendingOf(info: Info): Sending {
  const { ram } = info;
  return {
    phase: PHASES[info.status] ?? 'none',
    doneBytes: ram?.transferred ?? 0,
    leftBytes: ram?.remaining ?? 0,
    rateBps: ((ram?.mbps ?? 0) * 1e6) / 8,
    rounds: ram?.['dirty-sync-count'] ?? 0,
    cause: info['error-desc'] ?? null,
  };
}
