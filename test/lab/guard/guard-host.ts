import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { protectedList, readStatus, type Status, stateOf } from '../../../agent/guard/guard.spec-kit.ts';
import { buildGuard } from '../../../src-main/scripts/build-guard.mjs';
import { pidsOf } from '../cgroup.ts';
import { initPid } from '../host.ts';
import type { Lab } from '../lab.ts';
import { must, type RunResult, waitFor } from '../run.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const HOST_FOLDER = '/run/understudy/guard';

/** CLOCK_BOOTTIME with microseconds: on a machine that was never suspended it is the clock of `hrtime`. */
export const bootMs = (): number => Number(process.hrtime.bigint()) / 1e6;

export function checkClocks(): void {
  const coarse = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  if (Math.abs(bootMs() - coarse) > 500) throw new Error('this machine was suspended; its clocks differ');
}

/** A host of the lab with the guard as it is shipped, and one guest it may look after. There is no agent. */
export class GuardHost {
  readonly lab: Lab;
  readonly name: string;
  readonly guest: string;
  readonly uuid: string;
  /** The host's /run/understudy, as seen from here. */
  #runtime = '';
  /** Rises, as the guard lives on and takes no lower one. */
  #epoch = 1;

  static async open(lab: Lab, name = 'atlas', guest = 'erp'): Promise<GuardHost> {
    const host = new GuardHost(lab, name, guest);
    await host.#install();
    await host.locate();
    return host;
  }

  private constructor(lab: Lab, name: string, guest: string) {
    this.lab = lab;
    this.name = name;
    this.guest = guest;
    this.uuid = lab.guest(guest).uuid;
  }

  /** As the deployment does, with libvirt running. */
  async #install(): Promise<void> {
    const { built, missing } = buildGuard();
    const binary = built[process.arch === 'arm64' ? 'arm64' : 'x64'];
    if (binary === undefined) throw new Error(missing.join(' '));
    await this.put(binary.file, '/opt/understudy/guard', 0o755);
    await this.put('agent/guard/qemu-hook.sh', '/etc/libvirt/hooks/qemu.d/understudy', 0o755);
    for (const unit of ['understudy-guard.service', 'understudy-shutdown.service'])
      await this.put(`agent/systemd/${unit}`, `/etc/systemd/system/${unit}`, 0o644);
    await this.run('systemctl daemon-reload');
    await this.run('systemctl enable --now --quiet understudy-guard understudy-shutdown');
    await this.run('systemctl reload libvirtd');
  }

  async put(from: string, to: string, mode: number): Promise<void> {
    const path = this.lab.pathOn(this.name, to);
    await mkdir(dirname(path), { recursive: true });
    await copyFile(from.startsWith('/') ? from : join(ROOT, from), path);
    await chmod(path, mode);
  }

  /** Anew after every boot. */
  async locate(): Promise<void> {
    this.#runtime = `/proc/${await initPid(this.lab.places, this.name)}/root/run/understudy`;
    await waitFor('the guard', 20_000, () => existsSync(join(this.#runtime, 'guard.alive')));
  }

  run(command: string): Promise<string> {
    return must(this.lab.sshCommand(this.name, ['--', command]));
  }

  /** The outcome, whatever it is. */
  try(command: string): Promise<RunResult> {
    return this.lab.ssh(this.name, command);
  }

  #file(name: string): string {
    return join(this.#runtime, 'guard', name);
  }

  write(name: string, text: string): void {
    const beside = this.#file(`.${name.replace(/^\./, '')}.tmp`);
    writeFileSync(beside, text);
    renameSync(beside, this.#file(name));
  }

  remove(name: string): void {
    rmSync(this.#file(name), { force: true });
  }

  protect(...uuids: string[]): void {
    this.write('.protected', protectedList(uuids));
  }

  permit(rest: string, uuid = this.uuid): void {
    this.write(uuid, `understudy-permission 1 ${this.#epoch} - ${rest}\n`);
  }

  nextEpoch(): void {
    this.#epoch++;
  }

  allowStart(uuid = this.uuid): void {
    this.write(`.start-${uuid}`, `${Math.ceil(bootMs()) + 60_000}\n`);
  }

  endStart(uuid = this.uuid): void {
    this.remove(`.start-${uuid}`);
  }

  status(): Status {
    return readStatus(readFileSync(join(this.#runtime, 'guard.alive'), 'utf8'));
  }

  state(wanted: string): Promise<boolean> {
    return waitFor(wanted, 10_000, () => this.status().machines.get(this.uuid)?.state === wanted, 10);
  }

  /** Two more status files. */
  async rounds(): Promise<void> {
    const { ms } = this.status();
    await waitFor('rounds', 10_000, () => this.status().ms > ms + 600, 10);
  }

  qemuPid(uuid = this.uuid): Promise<number> {
    return this.#findPid(
      'the QEMU',
      (words) => words[0]?.includes('qemu-system') === true && words.includes(uuid),
    );
  }

  guardPid(): Promise<number> {
    return this.#findPid('the guard', ([program]) => program === '/opt/understudy/guard');
  }

  /** A running, protected guest with a standing permission. */
  async startGuest(): Promise<number> {
    this.nextEpoch();
    this.permit(`standing resumed ${Math.ceil(bootMs())}`);
    this.protect(this.uuid);
    this.allowStart();
    await this.run(`virsh -q domstate ${this.guest} | grep -q running || virsh -q start ${this.guest}`);
    this.endStart();
    const pid = await this.qemuPid();
    await this.state('runs');
    return pid;
  }

  #findPid(what: string, isIt: (cmdline: string[]) => boolean): Promise<number> {
    return waitFor(what, 30_000, async () => {
      for (const pid of await pidsOf({ lab: this.lab.places.lab, host: this.name }))
        if (isIt(commandLine(pid)) && stateOf(pid) !== null) return pid;
      return null;
    });
  }
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
