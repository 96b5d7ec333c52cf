import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { QmpClient } from '../../../agent/replication/qmp.ts';
import { until } from './ports.ts';

/** Debian's user nobody and group nogroup. */
const NOBODY = 65534;

export interface GuestDisk {
  target: string;
  path: string;
  sizeBytes: number;
}

/**
 * A QEMU as libvirt starts it, as far as its block layer is concerned: named nodes under virtio disks, the
 * monitor's chardev called `charmonitor` in a directory of its own. It boots nothing; the tests write through
 * its disks with HMP's qemu-io, whose asynchronous form prints each completed write.
 */
export class TestGuest {
  readonly disks: GuestDisk[];
  readonly child: ChildProcess;
  readonly #monitor: string;
  #client: QmpClient | null = null;
  /** Offsets of the completed writes, as QEMU printed them. */
  readonly acknowledged: number[] = [];
  #printed = '';

  /** @param existing the disks' images are there already */
  constructor(directory: string, disks: GuestDisk[], existing = false) {
    this.disks = disks;
    this.#monitor = join(directory, 'domain-1-test', 'monitor.sock');
    mkdirSync(dirname(this.#monitor), { recursive: true });
    // As libvirt does: QEMU's directory belongs to the user it runs as, who is not root.
    chownSync(dirname(this.#monitor), NOBODY, NOBODY);
    chmodSync(dirname(this.#monitor), 0o750);
    for (const { path, sizeBytes } of existing ? [] : disks) {
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, String(sizeBytes)]);
    }
    this.child = spawn('qemu-system-x86_64', this.#arguments(), { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout?.on('data', (chunk: Buffer) => this.#onPrinted(chunk.toString('utf8')));
  }

  get completed(): number {
    return this.acknowledged.length;
  }

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async connect(): Promise<QmpClient> {
    await until(async () => {
      const client = await QmpClient.connect(this.#monitor);
      if (client.ok) this.#client = client.value;
      return client.ok;
    });
    return this.qmp;
  }

  get qmp(): QmpClient {
    if (!this.#client) throw new Error('not connected');
    return this.#client;
  }

  /** One write of a pattern, as the guest would make it; its end shows in `completed`. */
  async write(target: string, pattern: number, offset: number, length: number): Promise<void> {
    await this.#qemuIo(target, `aio_write -P ${pattern} ${offset} ${length}`);
  }

  /** QEMU's own orderly end, as after the guest powered off. */
  async quit(): Promise<void> {
    const exited = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGTERM');
    await exited;
  }

  async kill(): Promise<void> {
    if (!this.alive) return;
    const exited = new Promise((done) => this.child.once('exit', done));
    this.child.kill('SIGKILL');
    await exited;
  }

  async #qemuIo(target: string, command: string): Promise<void> {
    const line = `qemu-io -d /machine/peripheral/disk-${target}/virtio-backend "${command}"`;
    const answer = await this.qmp.execute('human-monitor-command', { 'command-line': line });
    if (!answer.ok) throw new Error(answer.problem.message);
    if (typeof answer.value === 'string' && answer.value.trim() !== '') throw new Error(answer.value);
  }

  #onPrinted(text: string): void {
    const lines = (this.#printed + text).split('\n');
    this.#printed = lines.pop() ?? '';
    for (const line of lines) {
      const offset = /^wrote .* at offset (\d+)/.exec(line)?.[1];
      if (offset !== undefined) this.acknowledged.push(Number(offset));
    }
  }

  #arguments(): string[] {
    const disks = this.disks.flatMap(({ target, path }, index) => {
      const file = {
        driver: 'file',
        'node-name': `libvirt-${index + 1}-storage`,
        filename: path,
        discard: 'unmap',
      };
      const format = { driver: 'qcow2', 'node-name': `libvirt-${index + 1}-format`, file: file['node-name'] };
      return [
        ...['-blockdev', JSON.stringify(file), '-blockdev', JSON.stringify(format)],
        ...['-device', `virtio-blk-pci,drive=${format['node-name']},id=disk-${target}`],
      ];
    });
    return [
      ...[
        '-machine',
        'pc,accel=tcg',
        '-m',
        '32',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-runas',
        'nobody',
      ],
      ...['-chardev', `socket,id=charmonitor,path=${this.#monitor},server=on,wait=off`],
      ...['-mon', 'chardev=charmonitor,id=monitor,mode=control'],
      ...disks,
    ];
  }
}
