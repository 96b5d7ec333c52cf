import { chmod, chown, mkdir, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type ExportAddress, fail, ok, type Result } from '../../protocol/index.ts';
import type { ReplicaDisk } from '../../replication/replication.ts';
import { layerPath, type TrialCopy } from '../stage.ts';
import type { Commands } from './commands.ts';

export interface DiskPlaces {
  /** Agent's certificate: host.crt, host.key, ca.crt. */
  tlsDir: string;
  /** On tmpfs, root's. */
  runDir: string;
  /** On tmpfs, where QEMU may reach its sockets. */
  socketDir: string;
  /** Belongs to the user that QEMU runs as. */
  qemuHome: string;
  /** The point's storage daemon, on this very host. */
  address: string;
}

const LOOKS = 100;
const PAUSE_MS = 50;

const unitOf = (copy: TrialCopy): string => `understudy-drill-${copy.tag}.service`;

/**
 * The copy's disks: a storage daemon of its own (a transient systemd unit) reads the point over the fleet's mutual TLS,
 * keeps the copy's writes in a layer of its own, and serves QEMU on a unix socket. Not the replica's daemon: a copy
 * on trial may be as busy as it likes, and its end takes nothing along.
 */
export class TrialDisks {
  readonly #commands: Commands;
  readonly #places: DiskPlaces;

  constructor(commands: Commands, places: DiskPlaces) {
    this.#commands = commands;
    this.#places = places;
  }

  /** The socket on which all of them are served, by target. */
  async build(copy: TrialCopy, disks: ReplicaDisk[], point: ExportAddress): Promise<Result<string>> {
    const cleared = await this.clear(copy, disks);
    if (!cleared.ok) return cleared;
    const owner = await this.#folders(copy);
    for (const disk of disks) {
      const size = String(disk.sizeBytes);
      const args = ['create', '-q', '-f', 'qcow2', layerPath(disk.path), size];
      const made = await this.#commands.run('qemu-img', args);
      if (!made.ok) return made;
    }
    const started = await this.#commands.run('systemd-run', [
      ...['--quiet', '--collect', `--unit=${unitOf(copy)}`, '--property=Nice=5', '--property=IOWeight=50'],
      ...['qemu-storage-daemon', ...this.#arguments(copy, disks, point)],
    ]);
    if (!started.ok) return started;
    const socket = this.#listener(copy);
    const there = await this.#untilThere(socket);
    if (!there.ok) return there;
    await chown(socket, owner.uid, owner.gid);
    await chmod(socket, 0o600);
    return ok(socket);
  }

  async clear(copy: TrialCopy, disks: ReplicaDisk[]): Promise<Result<void>> {
    // Kept by nobody, so nothing of it has to be written out.
    const killed = await this.#commands.run('systemctl', ['kill', '--signal=SIGKILL', unitOf(copy)]);
    if (killed.ok) await this.#commands.run('systemctl', ['stop', unitOf(copy)]);
    await rm(this.#socketDir(copy), { recursive: true, force: true });
    // Another drill's may still be there.
    await rmdir(this.#places.socketDir).catch(() => undefined);
    await rm(this.#runDir(copy), { recursive: true, force: true });
    for (const { path } of disks) await rm(layerPath(path), { force: true });
    return ok(undefined);
  }

  async #folders(copy: TrialCopy): Promise<{ uid: number; gid: number }> {
    const { qemuHome, tlsDir } = this.#places;
    const owner = await stat(qemuHome).catch(() => ({ uid: 0, gid: 0 }));
    const tls = join(this.#runDir(copy), 'tls');
    await mkdir(tls, { recursive: true, mode: 0o700 });
    // QEMU's names for what a TLS client needs; the key stays where it is.
    const names = { 'ca-cert.pem': 'ca.crt', 'client-cert.pem': 'host.crt', 'client-key.pem': 'host.key' };
    for (const [name, file] of Object.entries(names)) await symlink(join(tlsDir, file), join(tls, name));
    const sockets = this.#socketDir(copy);
    await mkdir(sockets, { recursive: true });
    // The agent makes everything for root alone; QEMU, which is not root, has to get through to its socket.
    for (const folder of [this.#places.socketDir, sockets]) await chmod(folder, 0o711);
    await chown(sockets, owner.uid, owner.gid);
    return owner;
  }

  #arguments(copy: TrialCopy, disks: ReplicaDisk[], point: ExportAddress): string[] {
    const tls = join(this.#runDir(copy), 'tls');
    const args = ['--object', `tls-creds-x509,id=tls0,dir=${tls},endpoint=client`];
    disks.forEach(({ target, path }, index) => {
      const nodes = [
        {
          driver: 'nbd',
          'node-name': `p${index}`,
          'read-only': true,
          server: { type: 'inet', host: this.#places.address, port: String(point.port) },
          export: point.exports[target],
          'tls-creds': 'tls0',
          'tls-hostname': point.serverName,
        },
        { driver: 'file', 'node-name': `f${index}`, filename: layerPath(path), discard: 'unmap' },
        {
          driver: 'qcow2',
          'node-name': `d${index}`,
          file: `f${index}`,
          backing: `p${index}`,
          discard: 'unmap',
        },
      ];
      for (const node of nodes) args.push('--blockdev', JSON.stringify(node));
    });
    // One server a process, so one socket: the disks are told apart by name.
    args.push('--nbd-server', `addr.type=unix,addr.path=${this.#listener(copy)},max-connections=0`);
    disks.forEach(({ target }, index) => {
      args.push('--export', `type=nbd,id=e${index},node-name=d${index},name=${target},writable=on`);
    });
    return args;
  }

  async #untilThere(path: string): Promise<Result<void>> {
    for (let look = 0; look < LOOKS; look += 1) {
      if (await exists(path)) return ok(undefined);
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    return fail({
      kind: 'drill-disks',
      message: 'The disks of the copy could not be offered to it.',
      next: 'Look at the journal of the standby for understudy-drill, then start the drill again.',
    });
  }

  #runDir(copy: TrialCopy): string {
    return join(this.#places.runDir, `drill-${copy.tag}`);
  }

  #socketDir(copy: TrialCopy): string {
    return join(this.#places.socketDir, copy.tag);
  }

  /**
   * libvirt's AppArmor profile of a guest allows few unix sockets, and NBD's are not among them (virt-aa-helper 9.0). This
   * name is: it is what a tunnelled migration to a guest of that name would use.
   */
  #listener(copy: TrialCopy): string {
    return join(this.#socketDir(copy), `disks.tunnelmigrate.dest.${copy.name}`);
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
