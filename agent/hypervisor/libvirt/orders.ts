import type { Clock } from '../../ports.ts';
import { fail, ok, type Problem, type Result, type VmState } from '../../protocol/index.ts';
import { DomainXmlError, parseDomain } from './domain-xml.ts';
import { type Attempt, ErrorCode, type Failure, failed, type Outcome } from './failure.ts';
import type { Guests } from './guests.ts';
import {
  CreateFlag,
  domainCreateWithFlags,
  domainDefineXmlFlags,
  domainDestroyFlags,
  domainLookupByUuid,
  domainResume,
  domainSetAutostart,
  domainShutdownFlags,
  domainUndefineFlags,
  qemuDomainAgentCommand,
  qemuDomainMonitorCommand,
  UndefineFlag,
} from './procedures.ts';
import { findProcess, signal } from './process.ts';
import { parseQmpReply } from './qmp.ts';
import type { Session } from './session.ts';
import type { DomainRef } from './types.ts';

/** Starting and ending a guest may wait for its process, ms. */
const START_DEADLINE_MS = 120_000;
const DESTROY_DEADLINE_MS = 60_000;
/** How long libvirt may try by itself to end a guest, ms. */
const KILL_AFTER_MS = 1_500;
const MONITOR_DEADLINE_MS = 20_000;
/** How long a guest agent may take, s. */
const AGENT_PATIENCE_S = 2;
/** Version from which the TPM's state may be kept on request (libvirt 8.9.0). */
const KEEP_TPM_SINCE = 8_009_000;

/** What changes a guest. Each order may come twice: what already holds is no failure. */
export class Orders {
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #clock: Clock;

  constructor(session: Session, guests: Guests, clock: Clock) {
    this.#session = session;
    this.#guests = guests;
    this.#clock = clock;
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
    const attempt = this.attempt(uuid, 'vm-undefine-failed', '% could not be undefined');
    const dom = await this.find(uuid);
    if (!dom.ok) return isGone(dom.failure) ? ok(undefined) : failed(dom.failure, attempt);
    const done = await this.#session.call(domainUndefineFlags, {
      dom: dom.value,
      flags: this.#undefineFlags(),
    });
    if (!done.ok && !isGone(done.failure)) return failed(done.failure, attempt);
    await this.#guests.refresh(uuid);
    return ok(undefined);
  }

  run(uuid: string): Promise<Result<void>> {
    return this.#create(uuid, 0, ['running']);
  }

  async prepareRun(uuid: string): Promise<Result<void>> {
    const prepared = await this.#create(uuid, CreateFlag.paused, ['running', 'paused']);
    if (prepared.ok && this.#guests.get(uuid)?.vm.state === 'paused')
      this.#guests.update(uuid, { pause: 'not-started' });
    return prepared;
  }

  async resume(uuid: string): Promise<Result<void>> {
    const attempt = this.attempt(uuid, 'vm-resume-failed', '% could not go on');
    const known = this.#guests.get(uuid)?.ref;
    const dom: Outcome<DomainRef> = known ? { ok: true, value: known } : await this.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const resumed = await this.#session.callGuest(domainResume, { dom: dom.value }, START_DEADLINE_MS);
    if (resumed.ok) return ok(undefined);
    await this.#guests.refresh(uuid);
    return this.#guests.get(uuid)?.vm.state === 'running' ? ok(undefined) : failed(resumed.failure, attempt);
  }

  /**
   * One whose process is in one of `states` afterwards was started, by whomever. Never from saved memory, which a
   * shutdown of the host may have left: its disks have moved on since.
   */
  async #create(uuid: string, flags: number, states: VmState[]): Promise<Result<void>> {
    const attempt = this.attempt(uuid, 'vm-start-failed', '% could not be started');
    const dom = await this.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const started = await this.#session.call(
      domainCreateWithFlags,
      { dom: dom.value, flags: flags | CreateFlag.forceBoot },
      START_DEADLINE_MS,
    );
    await this.#guests.refresh(uuid);
    if (started.ok) return ok(undefined);
    const state = this.#guests.get(uuid)?.vm.state;
    return state !== undefined && states.includes(state) ? ok(undefined) : failed(started.failure, attempt);
  }

  async shutdown(uuid: string): Promise<Result<void>> {
    const attempt = this.attempt(uuid, 'vm-shutdown-failed', '% could not be asked to shut down');
    const dom = await this.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const asked = await this.#session.callGuest(domainShutdownFlags, { dom: dom.value, flags: 0 });
    if (asked.ok) return ok(undefined);
    return isInvalidNow(asked.failure) ? this.#notRunning(uuid) : failed(asked.failure, attempt);
  }

  async destroy(uuid: string): Promise<Result<void>> {
    const attempt = this.attempt(uuid, 'vm-destroy-failed', '% could not be switched off');
    const dom = await this.find(uuid);
    if (!dom.ok)
      return (await this.#killAlone(uuid, dom.failure)) ? ok(undefined) : failed(dom.failure, attempt);
    const ended = await this.#destroyOrKill(dom.value);
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

  /** qemu-ga's own ping; libvirt refuses at once while the guest has not opened the channel. */
  async guestAnswers(uuid: string): Promise<boolean> {
    const dom = this.#guests.get(uuid)?.ref;
    if (!dom) return false;
    const order = { dom, command: '{"execute":"guest-ping"}', timeoutS: AGENT_PATIENCE_S };
    const reply = await this.#session.callGuest(qemuDomainAgentCommand, order, MONITOR_DEADLINE_MS);
    return reply.ok;
  }

  async quiesce(uuid: string, limitS: number): Promise<'frozen' | 'none' | 'doubtful'> {
    const reply = await this.#agent(uuid, 'guest-fsfreeze-freeze', limitS);
    if (reply === null) return 'none';
    if (reply.ok) return reply.value?.includes('"return"') ? 'frozen' : 'none';
    // libvirt had nobody to give it to. Whatever else went wrong may have happened after it was given.
    return reply.failure.kind === 'refused' && NO_AGENT.includes(reply.failure.error.code)
      ? 'none'
      : 'doubtful';
  }

  async thaw(uuid: string, limitS: number): Promise<Result<void>> {
    const reply = await this.#agent(uuid, 'guest-fsfreeze-thaw', limitS);
    if (reply === null || reply.ok) return ok(undefined);
    const { failure } = reply;
    if (isInvalidNow(failure) || isGone(failure)) return ok(undefined);
    if (failure.kind === 'refused' && failure.error.code === ErrorCode.argumentUnsupported)
      return ok(undefined);
    return failed(
      failure,
      this.attempt(uuid, 'vm-not-thawed', 'The file systems of % could not be let go on'),
    );
  }

  async #agent(uuid: string, command: string, timeoutS: number): Promise<Outcome<string | null> | null> {
    const dom = this.#guests.get(uuid)?.ref;
    if (!dom) return null;
    const order = { dom, command: JSON.stringify({ execute: command }), timeoutS };
    return this.#session.callGuest(qemuDomainAgentCommand, order, MONITOR_DEADLINE_MS);
  }

  async setAutostart(uuid: string, on: boolean): Promise<Result<void>> {
    const attempt = this.attempt(uuid, 'vm-autostart-failed', 'Autostart of % could not be set');
    const dom = await this.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const done = await this.#session.call(domainSetAutostart, { dom: dom.value, on });
    if (!done.ok) return failed(done.failure, attempt);
    this.#guests.update(uuid, { autostart: on });
    return ok(undefined);
  }

  async monitor(uuid: string, command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    const attempt = this.attempt(uuid, 'qmp-failed', `QEMU of % did not carry out ${command}`);
    const guest = this.#guests.get(uuid);
    const known = guest?.ref;
    // libvirt would let it wait until the memory is whole, and others behind it.
    if (guest?.vm.pause === 'incoming') return fail(comesIn(this.nameOf(uuid)));
    const dom: Outcome<DomainRef> = known ? { ok: true, value: known } : await this.find(uuid);
    if (!dom.ok) return failed(dom.failure, attempt);
    const text = JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) });
    const order = { dom: dom.value, command: text };
    const reply = await this.#session.callGuest(qemuDomainMonitorCommand, order, MONITOR_DEADLINE_MS);
    if (reply.ok) return parseQmpReply(reply.value, command, this.nameOf(uuid));
    return isInvalidNow(reply.failure) ? this.#notRunning(uuid) : failed(reply.failure, attempt);
  }

  find(uuid: string): Promise<Outcome<DomainRef>> {
    return this.#session.call(domainLookupByUuid, { uuid });
  }

  nameOf(uuid: string): string {
    return this.#guests.get(uuid)?.vm.name ?? `the machine ${uuid}`;
  }

  /** `%` in the sentence stands for the guest's name. */
  attempt(uuid: string, kind: string, sentence: string): Attempt {
    const message = sentence.replace('%', this.nameOf(uuid));
    return { kind, message, next: 'Mend what libvirt complains of, then order it again.' };
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

  /** Without libvirtd a guest can still be ended; libvirtd sees it gone when it is back. */
  async #killAlone(uuid: string, failure: Failure): Promise<boolean> {
    const known = this.#guests.get(uuid)?.ref;
    if (failure.kind === 'refused' || !known) return false;
    const found = await findProcess(known.name, uuid);
    if (!found || !signal(found.pid, 'SIGKILL')) return false;
    this.#guests.ended(uuid, 'destroyed');
    return true;
  }

  /** Firmware variables and TPM state stay: the guest may be defined again. */
  #undefineFlags(): number {
    const { managedSave, snapshotsMetadata, keepNvram, checkpointsMetadata, keepTpm } = UndefineFlag;
    const tpm = this.#session.libVersion >= KEEP_TPM_SINCE ? keepTpm : 0;
    return managedSave | snapshotsMetadata | keepNvram | checkpointsMetadata | tpm;
  }

  #notRunning(uuid: string): Result<never> {
    return fail({
      kind: 'vm-not-running',
      message: `${this.nameOf(uuid)} is not running.`,
      next: 'Start it first, or leave out what needs it running.',
    });
  }
}

/**
 * The guest has no agent's channel, or no agent has opened it. A command that ran out of time is another code
 * (VIR_ERR_AGENT_COMMAND_TIMEOUT).
 */
const NO_AGENT: number[] = [ErrorCode.argumentUnsupported, ErrorCode.operationInvalid];

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

const comesIn = (name: string): Problem => ({
  kind: 'memory-comes-in',
  message: `${name} cannot be asked anything while its memory comes in.`,
  next: 'Wait until it has moved.',
});
