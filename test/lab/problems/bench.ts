import type { Check, Problem, Task } from '../../../agent/protocol/index.ts';
import type { HostDraft, Login } from '../../../src-main/contract/index.ts';
import type { LabConsole } from '../core-client.ts';
import type { Lab } from '../lab.ts';
import { CommandFailed, waitFor } from '../run.ts';

export const MINUTE = 60_000;

/** What the tests of this folder share: one lab, and the console of the moment. */
export interface Bench {
  lab: Lab;
  desk: LabConsole;
  /** For keys and certificates; deleted at the end. */
  folder: string;
}

export interface Who {
  user?: string;
  login?: Login;
  sudoPassword?: string;
  address?: string;
}

/** Probes and logs in as the wizard does; installs nothing. Rejects with ProblemError. */
export async function logIn({ lab, desk }: Bench, host: string, who: Who = {}): Promise<HostDraft> {
  const at = { address: who.address ?? lab.host(host).address, port: 22 };
  const { fingerprint } = await desk.call('hosts.probe', at);
  return desk.call('hosts.login', { ...at, ...loginOf(lab, who), fingerprint });
}

function loginOf(lab: Lab, { user = 'root', login, sudoPassword }: Who) {
  return {
    user,
    login: login ?? { method: 'password' as const, password: lab.password },
    reuseSecretOf: null,
    ...(sudoPassword === undefined ? {} : { sudoPassword }),
  };
}

/** Adds a host under its own name; resolves once its agent is attached. */
export async function add(
  bench: Bench,
  host: string,
  role: 'hypervisor' | 'witness',
  who: Who = {},
): Promise<HostDraft> {
  const draft = await logIn(bench, host, who);
  const { draftId } = draft;
  const { hostId } = await bench.desk.call('hosts.add', { draftId, name: host, site: '', role });
  await bench.desk.until(`${host} online`, () => isOnline(bench, hostId));
  return draft;
}

export const isOnline = ({ desk }: Bench, hostId: string): boolean =>
  desk.fleet.hosts[hostId]?.connection.state === 'online';

/** Runs a shell script on a host as root; a failing one throws. */
export async function sh({ lab }: Bench, host: string, script: string, input = ''): Promise<string> {
  const result = await lab.exec(host, ['sh', '-c', script], { input });
  if (result.code !== 0) throw new CommandFailed([host, script], result);
  return result.stdout.trim();
}

export interface SmallVm {
  name: string;
  uuid: string;
  /** libvirt's XML of its disks. */
  disks: string;
  /** More devices. */
  more?: string;
}

export const rawDisk = (target: string, path: string): string =>
  `<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
   <source file='${path}'/><target dev='${target}' bus='virtio'/></disk>`;

/** A machine without a system: its QEMU runs and its firmware idles. Not started. */
export async function define(bench: Bench, host: string, vm: SmallVm): Promise<void> {
  const xml = `<domain type='qemu'>
  <name>${vm.name}</name><uuid>${vm.uuid}</uuid><memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
    ${vm.disks}
    <controller type='usb' model='none'/>${vm.more ?? ''}
  </devices>
</domain>`;
  await sh(bench, host, 'cat | virsh --quiet define /dev/stdin', xml);
  await bench.desk.until(`${vm.name} in the list`, () => isListed(bench, host, vm.uuid));
}

function isListed({ desk }: Bench, host: string, uuid: string): boolean {
  const { id } = desk.host(host);
  return Object.values(desk.fleet.vms).some((view) => view.hostId === id && view.vm.uuid === uuid);
}

export function vmOf({ desk }: Bench, host: string, name: string) {
  const { id } = desk.host(host);
  return Object.values(desk.fleet.vms).find((view) => view.hostId === id && view.vm.name === name)?.vm;
}

/** The checks of the wizard that are not fine. */
export async function objections(
  { desk }: Bench,
  vmUuid: string,
  from: string,
  to: string,
): Promise<(Check & { by: string })[]> {
  const order = { hostId: desk.host(from).id, vmUuid, standby: desk.host(to).id };
  const { checks } = await desk.call('protect.check', order);
  return checks
    .filter((check) => check.state !== 'ok')
    .map((check) => ({ ...check, by: `${check.host} ${check.id} ${check.state}` }));
}

export function taskOf({ desk }: Bench, taskId: string): Task | undefined {
  return Object.values(desk.fleet.tasks).find((view) => view.task.id === taskId)?.task;
}

export async function ended(bench: Bench, taskId: string): Promise<Task> {
  await bench.desk.until(
    `task ${taskId} over`,
    () => (taskOf(bench, taskId)?.state ?? 'running') !== 'running',
  );
  const task = taskOf(bench, taskId);
  if (!task) throw new Error(`no task ${taskId}`);
  return task;
}

/** State of a guest's process as /proc knows it: R or S running, T frozen; none when there is no process. */
export async function processState({ lab }: Bench, host: string, guest: string): Promise<string> {
  const script = `pid=$(cat /run/libvirt/qemu/${guest}.pid 2>/dev/null) && sed -n 's/^State:\\t\\(.\\).*/\\1/p' /proc/$pid/status`;
  return (await lab.exec(host, ['sh', '-c', script])).stdout.trim() || 'none';
}

export async function untilProcess(bench: Bench, host: string, guest: string, state: string): Promise<void> {
  await waitFor(
    `${guest} on ${host} ${state}`,
    MINUTE,
    async () => (await processState(bench, host, guest)) === state,
  );
}

export async function mainPid(bench: Bench, host: string): Promise<string> {
  return sh(bench, host, 'systemctl show -p MainPID --value understudy-agent');
}

/** Of these problems the texts that are no sentence or command for a person, or show a program's insides. */
export function unclear(problems: Problem[]): string[] {
  const isSentence = (text: string): boolean => /[.!?]$|: \S+ \S+/.test(text);
  const showsInsides = (text: string): boolean => /\bundefined\b(?! on )|\[object|\bat .*:\d+:\d+/.test(text);
  return problems
    .flatMap(({ message, next }) => [message, next])
    .filter((text) => !isSentence(text) || showsInsides(text));
}
