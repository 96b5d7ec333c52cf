/**
 * Runs inside a lab host (bundled by libvirt.test.ts) and tries the libvirt hypervisor on the host's real libvirtd
 * and QEMU. One argument, a folder for images; prints one JSON object: what was seen at each stage.
 */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hostClock } from '../../agent/host/clock.ts';
import { readHostFacts } from '../../agent/host/facts.ts';
import { loadReader } from '../../agent/host/load.ts';
import type { HypervisorEvent } from '../../agent/hypervisor/hypervisor.ts';
import { LibvirtHypervisor } from '../../agent/hypervisor/libvirt/libvirt-hypervisor.ts';
import type { Check, Result } from '../../agent/protocol/index.ts';

const run = promisify(execFile);
const virsh = (...args: string[]) => run('virsh', ['-q', ...args]);

const UUID = '7e570000-0000-4000-8000-0000000000aa';
const CALLS = 100;
const VIRSH_CALLS = 10;
const WAIT_MS = 30_000;

const [folder = '/tmp'] = process.argv.slice(2);
const image = join(folder, 'probe.qcow2');
const clock = hostClock();
const hypervisor = new LibvirtHypervisor({ clock, log: (_level, text) => process.stderr.write(`${text}\n`) });
const events: HypervisorEvent[] = [];
hypervisor.subscribe((event) => events.push(event));

const xml = `<domain type='qemu'><name>probe</name><uuid>${UUID}</uuid><memory unit='MiB'>48</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><cpu mode='custom'><model>qemu64</model></cpu>
  <devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2' cache='none'/><source file='${image}'/>
      <target dev='vda' bus='virtio'/></disk>
  </devices></domain>`;

/** Waits for an event already seen or to come; false when it does not. */
function seen(matches: (event: HypervisorEvent) => boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (found: boolean): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(found);
    };
    const unsubscribe = hypervisor.subscribe((event) => {
      if (matches(event)) end(true);
    });
    const timer = setTimeout(() => end(false), WAIT_MS);
    if (events.some(matches)) end(true);
  });
}

const stateNow = (): string | undefined => hypervisor.list().find((vm) => vm.uuid === UUID)?.state;
const inState = (state: string) => (event: HypervisorEvent) =>
  event.kind === 'vm' && event.uuid === UUID && event.vm?.state === state;
const stopped = (event: HypervisorEvent): boolean => event.kind === 'stopped' && event.uuid === UUID;
const told = (result: Result<unknown>): string =>
  result.ok ? 'ok' : `${result.problem.kind}: ${result.problem.message}`;

async function average(calls: number, call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < calls; i += 1) await call();
  return Math.round(((performance.now() - start) / calls) * 100) / 100;
}

async function connect() {
  await hypervisor.start();
  const facts = await readHostFacts(hypervisor);
  const load = await loadReader(clock)();
  const names = hypervisor.list().map((vm) => vm.name);
  return { reachable: hypervisor.reachable, version: hypervisor.version, names, facts, load };
}

async function orders() {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', image, '64M']);
  const defined = told(await hypervisor.define(xml));
  const definedState = stateNow();
  const autostart = told(await hypervisor.setAutostart(UUID, true));
  const flagged = hypervisor.list().find((vm) => vm.uuid === UUID)?.autostart;
  const started = told(await hypervisor.run(UUID));
  return { defined, definedState, autostart, flagged, started, startedState: stateNow() };
}

async function monitor() {
  const status = await hypervisor.monitor(UUID, 'query-status');
  const unknown = told(await hypervisor.monitor(UUID, 'no-such-command'));
  await hypervisor.monitor(UUID, 'stop');
  const paused = await seen(inState('paused'));
  const stopEvent = await seen(
    (event) => event.kind === 'qmp' && event.uuid === UUID && event.event === 'STOP',
  );
  events.length = 0;
  await hypervisor.monitor(UUID, 'cont');
  return {
    status: status.ok ? status.value : null,
    unknown,
    paused,
    stopEvent,
    resumed: await seen(inState('running')),
  };
}

async function figures() {
  await hypervisor.refreshLoad();
  await virsh('autostart', '--disable', 'probe');
  await hypervisor.refreshLoad();
  const vm = hypervisor.list().find((each) => each.uuid === UUID);
  const definition = await hypervisor.definition(UUID);
  return {
    autostart: vm?.autostart,
    memory: vm?.memoryUsedBytes,
    disks: definition.ok ? definition.value.disks : [],
  };
}

async function latency() {
  return {
    monitorMs: await average(CALLS, () => hypervisor.monitor(UUID, 'query-status')),
    definitionMs: await average(CALLS, () => hypervisor.definition(UUID)),
    virshMonitorMs: await average(VIRSH_CALLS, () =>
      virsh('qemu-monitor-command', 'probe', '{"execute":"query-status"}'),
    ),
    virshDefinitionMs: await average(VIRSH_CALLS, () => virsh('dumpxml', '--inactive', 'probe')),
  };
}

/** A frozen guest must cost nobody else anything, and must end at once when told. */
async function frozen() {
  const froze = told(await hypervisor.freeze(UUID));
  const state = stateNow();
  const start = performance.now();
  await hypervisor.refreshLoad();
  await hypervisor.definition(UUID);
  const othersMs = Math.round(performance.now() - start);
  events.length = 0;
  const destroyed = told(await hypervisor.destroy(UUID));
  const again = told(await hypervisor.destroy(UUID));
  return { froze, state, othersMs, destroyed, again, stopped: await seen(stopped), after: stateNow() };
}

async function byOthers() {
  events.length = 0;
  await virsh('start', 'probe');
  const started = await seen(inState('running'));
  await virsh('destroy', 'probe');
  return { started, stopped: await seen(stopped), after: stateNow() };
}

async function restart() {
  told(await hypervisor.run(UUID));
  events.length = 0;
  await run('systemctl', ['restart', 'libvirtd']);
  const went = await seen((event) => event.kind === 'reachable' && !event.reachable);
  const came = await seen((event) => event.kind === 'reachable' && event.reachable);
  const monitor = told(await hypervisor.monitor(UUID, 'query-status'));
  return { went, came, state: stateNow(), monitor };
}

/** A guest must end when told, also while libvirtd is away; its end is told once. */
async function withoutLibvirtd() {
  events.length = 0;
  const units = ['libvirtd.socket', 'libvirtd-ro.socket', 'libvirtd-admin.socket', 'libvirtd.service'];
  await run('systemctl', ['stop', ...units]);
  const went = await seen((event) => event.kind === 'reachable' && !event.reachable);
  const start = await hypervisor.run(UUID);
  const destroyed = told(await hypervisor.destroy(UUID));
  const state = stateNow();
  await run('systemctl', ['start', ...units]);
  const came = await seen((event) => event.kind === 'reachable' && event.reachable);
  const ends = events.filter(stopped).length;
  return { went, start: start.ok ? '' : start.problem.kind, destroyed, state, came, after: stateNow(), ends };
}

async function preflight() {
  const source = await hypervisor.checkSource(UUID);
  const definition = await hypervisor.definition(UUID);
  if (!definition.ok) return { source, here: [], other: [], paths: {} };
  const here = await hypervisor.checkStandby(definition.value);
  const text = definition.value.text.replace('qemu64', 'Skylake-Server').replaceAll('probe', 'other');
  const other = await hypervisor.checkStandby({ ...definition.value, text });
  return { source, here: here.checks, other: other.checks, paths: here.paths };
}

/** Spoils a setting, lets the preflight find it, has it mended, looks again. */
async function spoilAndMend(id: string, path: string, text: string, restart: boolean) {
  const whole = await readFile(path, 'utf8');
  const look = async (): Promise<Check | undefined> =>
    (await hypervisor.checkSource(UUID)).find((check) => check.id === id);
  const reconnected = async (): Promise<void> => {
    await seen((event) => event.kind === 'reachable' && event.reachable);
    events.length = 0;
  };
  events.length = 0;
  await writeFile(path, text);
  if (restart) {
    await run('systemctl', ['restart', 'libvirtd']);
    await reconnected();
  }
  const before = await look();
  const fixed = told(await hypervisor.fix(UUID, before?.fix ?? ''));
  if (restart) await reconnected();
  const after = await look();
  await writeFile(path, whole);
  return { before: before?.state, fixed, after: after?.state };
}

async function fix() {
  return {
    ownName: await spoilAndMend('name-resolution', '/etc/hosts', '127.0.0.1 localhost\n', false),
    idleExit: await spoilAndMend(
      'libvirtd-idle',
      '/etc/default/libvirtd',
      'LIBVIRTD_ARGS="--timeout 120"\n',
      true,
    ),
  };
}

/** The lab's own guest runs a guest agent, which tells its addresses. */
async function addresses() {
  await hypervisor.refreshLoad();
  const known = (event: HypervisorEvent): boolean =>
    event.kind === 'vm' && (event.vm?.addresses.length ?? 0) > 0;
  await seen(known);
  return hypervisor.list().flatMap((vm) => vm.addresses);
}

async function end() {
  await hypervisor.destroy(UUID);
  events.length = 0;
  const undefined_ = told(await hypervisor.undefine(UUID));
  const gone = await seen((event) => event.kind === 'vm' && event.uuid === UUID && event.vm === null);
  const run = await hypervisor.run(UUID);
  return { undefined: undefined_, gone, unknown: run.ok ? '' : run.problem.kind };
}

const stages = {
  connect,
  orders,
  monitor,
  figures,
  latency,
  preflight,
  fix,
  frozen,
  byOthers,
  restart,
  withoutLibvirtd,
  addresses,
  end,
};
const report: Record<string, unknown> = {};
for (const [name, stage] of Object.entries(stages)) report[name] = await stage();
await hypervisor.stop();
process.stdout.write(`${JSON.stringify(report)}\n`);
