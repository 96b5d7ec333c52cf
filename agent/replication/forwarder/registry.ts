import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Log } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import {
  type ControlRequest,
  type GroupOrder,
  type GroupStatus,
  type LostDisk,
  SavedGroup,
} from './control-protocol.ts';
import { Group, type GroupPorts } from './group.ts';
import { Lifeline } from './lifeline.ts';
import { DEFAULT_BLOCK_SIZE, LEAST_FLAGS } from './nbd-wire.ts';
import { openRemote, type TlsFiles } from './remote.ts';

export interface RegistryOptions {
  /** Directory on tmpfs for what a restart needs; QEMU does not outlive a boot, so this need not either. */
  stateDir: string;
  tls: TlsFiles;
  log: Log;
  changed(status: GroupStatus): void;
}

/** All groups of this process, their shared heartbeats and their saved state. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #groups = new Map<string, Group>();
  readonly #lifelines = new Map<string, Promise<Result<Lifeline>>>();
  readonly #writes = new Map<string, Promise<void>>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Serves what an earlier process left, held. */
  async restore(): Promise<void> {
    await mkdir(this.#options.stateDir, { recursive: true, mode: 0o700 });
    for (const file of await readdir(this.#options.stateDir)) {
      if (!file.endsWith('.json')) continue;
      const path = join(this.#options.stateDir, file);
      try {
        const saved = v.parse(SavedGroup, JSON.parse(await readFile(path, 'utf8')));
        const group = await Group.restore(saved, this.#ports(saved.order.group));
        if (group.ok) this.#groups.set(saved.order.group, group.value);
        else await this.#forget(path, group.problem.message);
      } catch (error) {
        await this.#forget(path, String(error));
      }
    }
  }

  /** @returns the status of the groups concerned */
  async handle(request: ControlRequest): Promise<Result<GroupStatus[]>> {
    if (request.c === 'status') return ok([...this.#groups.values()].map((group) => group.status()));
    if (request.c === 'open') return this.#inTurn(request.order.group, () => this.#open(request.order));
    if (request.c === 'close') return this.#inTurn(request.group, () => this.#end(request.group));
    const group = this.#groups.get(request.group);
    if (!group && request.c === 'release' && request.disks) return this.#refuse(request.group, request.disks);
    if (!group) return fail(unknownGroup(request.group));
    switch (request.c) {
      case 'hold':
        group.hold({ kind: 'ordered', disk: '', detail: 'ordered', errno: 0 });
        break;
      case 'resume': {
        const resumed = await group.resume();
        if (!resumed.ok) return resumed;
        break;
      }
      case 'release':
        group.release();
        break;
      case 'deadline':
        group.setDeadline(request.deadlineMs, request.patienceMs);
        break;
    }
    return ok([group.status()]);
  }

  async closeAll(): Promise<void> {
    for (const group of this.#groups.values()) await group.close();
    this.#groups.clear();
    await Promise.all(this.#writes.values());
  }

  async #open(order: GroupOrder): Promise<Result<GroupStatus[]>> {
    const there = this.#groups.get(order.group);
    if (there && there.status().state !== 'ended') {
      return fail({
        kind: 'already-forwarded',
        message: 'A replication stream of this pair is already open.',
        next: 'End it before a new copy is started.',
      });
    }
    if (there) await this.#close(there);
    const group = await Group.open(order, this.#ports(order.group));
    if (!group.ok) {
      await rm(this.#path(order.group), { force: true });
      return group;
    }
    this.#groups.set(order.group, group.value);
    await this.#writes.get(order.group);
    return ok([group.value.status()]);
  }

  async #end(name: string): Promise<Result<GroupStatus[]>> {
    const group = this.#groups.get(name);
    if (!group) return ok([]);
    await this.#close(group);
    return ok([group.status()]);
  }

  /** Opening takes its time; what holds and releases never waits for it. */
  #inTurn<T>(name: string, work: () => Promise<T>): Promise<T> {
    const run = (this.#turns.get(name) ?? Promise.resolve()).then(work);
    this.#turns.set(
      name,
      run.catch(() => undefined),
    );
    return run;
  }

  /** Serves QEMU errors on a stream of which nothing else is known. */
  async #refuse(name: string, disks: LostDisk[]): Promise<Result<GroupStatus[]>> {
    const saved: SavedGroup = {
      order: {
        group: name,
        remote: { host: '', port: 0, serverName: '' },
        heartbeat: '',
        deadlineMs: 1_000,
        disks,
      },
      released: true,
      disks: disks.map((disk) => ({
        name: disk.name,
        ended: false,
        clean: false,
        info: { sizeBytes: disk.sizeBytes, flags: LEAST_FLAGS, blockSize: DEFAULT_BLOCK_SIZE },
      })),
    };
    const group = await Group.restore(saved, this.#ports(name));
    if (!group.ok) return group;
    this.#groups.set(name, group.value);
    return ok([group.value.status()]);
  }

  async #close(group: Group): Promise<void> {
    this.#groups.delete(group.order.group);
    await group.close();
    await this.#writes.get(group.order.group);
    await rm(this.#path(group.order.group), { force: true });
  }

  #ports(name: string): GroupPorts {
    return {
      open: (order, exportName) => openRemote(order.remote, exportName, this.#options.tls),
      lifeline: (order) => this.#lifeline(order),
      save: (saved) => this.#save(name, saved),
      changed: this.#options.changed,
      log: this.#options.log,
    };
  }

  /** One heartbeat per storage daemon, shared by all groups that end there. */
  #lifeline(order: GroupOrder): Promise<Result<Lifeline>> {
    const { host, port, serverName } = order.remote;
    const key = `${serverName}/${host}/${port}/${order.heartbeat}`;
    const opened = (this.#lifelines.get(key) ?? Promise.resolve(null)).then(async (known) => {
      if (known?.ok && !known.value.over) return known;
      const remote = await openRemote(order.remote, order.heartbeat, this.#options.tls);
      return remote.ok ? ok(new Lifeline(remote.value.socket)) : remote;
    });
    this.#lifelines.set(key, opened);
    return opened;
  }

  #save(name: string, saved: SavedGroup): void {
    const path = this.#path(name);
    const text = JSON.stringify(saved);
    const write = async () => {
      await writeFile(`${path}.new`, text, { mode: 0o600 });
      await rename(`${path}.new`, path);
    };
    const queued = (this.#writes.get(name) ?? Promise.resolve()).then(write);
    const caught = queued.catch((error) => this.#options.log('warn', `state of ${name} not saved: ${error}`));
    this.#writes.set(name, caught);
  }

  async #forget(path: string, why: string): Promise<void> {
    this.#options.log('warn', `left ${path} aside: ${why}`);
    await rename(path, `${path}.bad`).catch(() => undefined);
  }

  #path(name: string): string {
    return join(this.#options.stateDir, `${name}.json`);
  }
}

const unknownGroup = (group: string) => ({
  kind: 'no-such-stream',
  message: `There is no replication stream of pair ${group} here.`,
  next: 'Start the copy again.',
});
