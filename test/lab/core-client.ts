import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ParamsOf, type Problem, ProblemError, type ResultOf } from '../../agent/protocol/index.ts';
import type {
  FleetPatch,
  FleetSnapshot,
  HostView,
  PageApi,
  PairView,
} from '../../src-main/contract/index.ts';
import type { FromCore } from '../../src-main/electron/core-messages.ts';
import type { Lab } from './lab.ts';
import { waitFor } from './run.ts';

const CORE = join(import.meta.dirname, '..', '..', 'dist', 'electron', 'core.cjs');

interface Waiting {
  resolve(value: unknown): void;
  reject(error: ProblemError): void;
}

/**
 * The real core of the console, in a process of its own on the lab's third machine, spoken to as its page speaks to it
 * (src-main/contract). For what the user interface need not be driven for.
 */
export class LabConsole {
  readonly fleet: FleetSnapshot = { hosts: {}, vms: {}, pairs: {}, tasks: {} };
  readonly dataDir: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  private constructor(lab: Lab, dataDir: string) {
    this.dataDir = dataDir;
    const [nsenter = '', ...before] = lab.inNamespace([process.execPath]);
    const settings = { dataDir, practice: false, keychain: false, keychainReason: 'a lab test' };
    this.#child = fork(CORE, [JSON.stringify(settings)], {
      execPath: nsenter,
      execArgv: before,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, HOME: dataDir, SSH_AUTH_SOCK: '' },
    });
    this.#ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.on('message', (message: FromCore) => this.#receive(message));
    this.#child.send({ k: 'open', page: 1 });
  }

  static async open(
    lab: Lab,
    dataDir = mkdtempSync(join(tmpdir(), 'understudy-lab-console-')),
  ): Promise<LabConsole> {
    const opened = new LabConsole(lab, dataDir);
    Object.assign(opened.fleet, await opened.call('fleet.snapshot', {}));
    return opened;
  }

  /** Rejects with ProblemError when the core says so. */
  call<M extends keyof PageApi & string>(
    method: M,
    params: ParamsOf<PageApi, M>,
  ): Promise<ResultOf<PageApi, M>> {
    this.#last += 1;
    const id = this.#last;
    this.#child.send({ k: 'page', page: 1, message: { t: 'call', id, method, params } });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** The problem with which a call fails; throws when it succeeds. */
  async refusal<M extends keyof PageApi & string>(method: M, params: ParamsOf<PageApi, M>): Promise<Problem> {
    try {
      await this.call(method, params);
    } catch (error) {
      if (error instanceof ProblemError) return error.problem;
      throw error;
    }
    throw new Error(`${method} was not refused`);
  }

  host(name: string): HostView {
    const found = Object.values(this.fleet.hosts).find((host) => host.name === name);
    if (!found) throw new Error(`no host ${name} in the console`);
    return found;
  }

  pair(machine: string): PairView | undefined {
    return Object.values(this.fleet.pairs).find((pair) => pair.name === machine);
  }

  async addHost(lab: Lab, name: string, role: 'hypervisor' | 'witness' = 'hypervisor'): Promise<string> {
    const address = { address: lab.host(name).address, port: 22 };
    const { fingerprint } = await this.call('hosts.probe', address);
    const login = { method: 'password', password: lab.password } as const;
    const draft = await this.call('hosts.login', {
      ...address,
      user: 'root',
      login,
      reuseSecretOf: null,
      fingerprint,
    });
    const added = await this.call('hosts.add', { draftId: draft.draftId, name, site: '', role });
    await this.until(`${name} online`, () => this.fleet.hosts[added.hostId]?.connection.state === 'online');
    return added.hostId;
  }

  /** Starts protection; resolves with the task's id. */
  async startProtection(machine: string, from: string, to: string): Promise<string> {
    const vm = Object.values(this.fleet.vms).find(
      (view) => view.vm.name === machine && view.hostId === this.host(from).id,
    );
    if (!vm) throw new Error(`${machine} is not on ${from}`);
    const order = {
      requestId: randomUUID(),
      hostId: this.host(from).id,
      vmUuid: vm.vm.uuid,
      standby: this.host(to).id,
    };
    return (await this.call('protect.start', order)).taskId;
  }

  async protect(machine: string, from: string, to: string): Promise<void> {
    await this.startProtection(machine, from, to);
    await this.inSync(machine);
  }

  inSync(machine: string): Promise<void> {
    return this.until(`${machine} in sync`, () => this.pair(machine)?.health === 'in-sync');
  }

  /** Gives an order about a pair and waits for the task's good end. */
  async order(method: 'pair.switchover' | 'pair.resync' | 'protect.end', machine: string): Promise<void> {
    const { taskId } = await this.call(method, { requestId: randomUUID(), pairId: this.#pairId(machine) });
    await this.taskDone(taskId);
  }

  async failover(machine: string): Promise<void> {
    const pairId = this.#pairId(machine);
    const verdict = await this.call('pair.verdict', { pairId });
    if (verdict.result === 'running') throw new Error(verdict.sentence);
    const { taskId } = await this.call('pair.failover', {
      requestId: randomUUID(),
      pairId,
      seen: verdict.result,
      typedName: verdict.typedName,
    });
    await this.taskDone(taskId);
  }

  async taskDone(taskId: string): Promise<void> {
    const task = () => Object.values(this.fleet.tasks).find((view) => view.task.id === taskId)?.task;
    await this.until(`task ${taskId}`, () => (task()?.state ?? 'running') !== 'running');
    const ended = task();
    if (ended?.state !== 'done')
      throw new Error(`${ended?.kind} ${ended?.state}: ${ended?.problem?.message}`);
  }

  async until(what: string, holds: () => boolean, timeoutMs = 120_000): Promise<void> {
    await waitFor(what, timeoutMs, holds, 50);
  }

  /** As if the laptop's battery were pulled. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Also of one that was killed. */
  async close(): Promise<void> {
    if (this.#child.connected) this.#child.send({ k: 'shutdown' });
    await this.#ended;
  }

  #pairId(machine: string): string {
    const pair = this.pair(machine);
    if (!pair) throw new Error(`no pair of ${machine}`);
    return pair.id;
  }

  #receive(envelope: FromCore): void {
    if (envelope.k !== 'page') return;
    const message = envelope.message as {
      t: string;
      id: number;
      value: unknown;
      problem: Problem;
      event: string;
      data: unknown;
    };
    if (message.t === 'event') {
      if (message.event === 'fleet') this.#apply(message.data as FleetPatch);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.t === 'value') waiting?.resolve(message.value);
    else waiting?.reject(new ProblemError(message.problem));
  }

  #apply(patch: FleetPatch): void {
    for (const [kind, entries] of Object.entries(patch)) {
      const held = this.fleet[kind as keyof FleetSnapshot] as Record<string, unknown>;
      for (const [key, value] of Object.entries(entries ?? {})) {
        if (value === null) delete held[key];
        else held[key] = value;
      }
    }
  }
}
