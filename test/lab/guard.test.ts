import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stateOf } from '../../agent/guard/guard.spec-kit.ts';
import { besideBusy, measureExpiries } from './guard/expiries.ts';
import { bootMs, checkClocks, GuardHost, HOST_FOLDER } from './guard/guard-host.ts';
import { shutdowns, startsByHand } from './guard/with-libvirt.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { waitFor } from './run.ts';

/** The guard, as it is shipped, on a real host with a real QEMU, systemd and libvirt; there is no agent. */
const PLACES = places('guard');
const GUEST = 'erp';
/** The guard's bound: what safety.md allows from a passed deadline to a stopped process. */
const BOUND_MS = 100;
const EXPIRIES = 25;
/** Of cgroup v1; elsewhere there is none. */
const CPU_GROUPS = '/sys/fs/cgroup/cpu';

let lab: Lab;
const bench = {} as { host: GuardHost };

beforeAll(async () => {
  checkClocks();
  await down(PLACES);
  lab = await up({ hosts: 1 }, PLACES);
  bench.host = await GuardHost.open(lab, 'atlas', GUEST);
});

afterAll(async () => {
  await down(PLACES);
});

describe('the guard on a host', () => {
  let host: GuardHost;
  let pid: number;
  beforeEach(async () => {
    host = bench.host;
    pid = await host.startGuest();
  });

  test('is granted what it needs, also in a cpu group of its own', async () => {
    expect(host.status().strength).toBe('armed');
    expect(host.status().text).toContain('.granted rt locked tmpfs');
    expect(JSON.parse(await host.run('/opt/understudy/guard --preflight'))).toMatchObject({ ready: true });
    // On cgroup v1 a service that was given a weight has a cpu group of its own, which may run nothing in real time.
    if (!(await host.run(`ls ${CPU_GROUPS} || true`)).includes('cpu.rt_runtime_us')) return;
    const enter = `mkdir ${CPU_GROUPS}/own && echo 0 > ${CPU_GROUPS}/own/cgroup.procs`;
    const inOwn = await host.run(`${enter} && ! chrt -f 1 true && /opt/understudy/guard --preflight`);
    expect(JSON.parse(inOwn)).toMatchObject({ realTime: true, ready: true });
  });

  test('stops a guest within its bound, and the guest goes on from there when told', async () => {
    const figures = await measureExpiries(host, pid, EXPIRIES);
    console.log(`guard, quiet host: ${JSON.stringify({ expiries: EXPIRIES, ...figures })}`);
    expect(figures.signalMs.median).toBeLessThanOrEqual(BOUND_MS);
    expect(await lab.firstAnswer(GUEST, 60_000)).not.toBeNull();
    expect(await host.qemuPid()).toBe(pid);
  });

  test('stops a guest within its bound beside 8 busy processes', async () => {
    const figures = await besideBusy(host, 8, () => measureExpiries(host, pid, EXPIRIES));
    console.log(`guard, 8 busy processes: ${JSON.stringify({ expiries: EXPIRIES, ...figures })}`);
    expect(figures.signalMs.median).toBeLessThanOrEqual(BOUND_MS);
  });

  test('costs next to nothing beside 20 protected guests', async () => {
    const others = Array.from({ length: 19 }, (_, n) => `${host.uuid.slice(0, 34)}${n + 10}`);
    for (const other of others) host.write(other, `understudy-permission 1 1 - deadline 0\n`);
    host.protect(host.uuid, ...others);
    await waitFor('all are taken in', 10_000, () => host.status().machines.size === 20, 10);
    const guard = await host.guardPid();
    const cpuNs = (): number => Number(readFileSync(`/proc/${guard}/schedstat`, 'utf8').split(' ')[0]);
    const [from, cpu] = [bootMs(), cpuNs()];
    await waitFor('ten seconds', 20_000, () => bootMs() > from + 10_000);
    const cpuPercent = ((cpuNs() - cpu) / 1e6 / (bootMs() - from)) * 100;
    const rollup = readFileSync(`/proc/${guard}/smaps_rollup`, 'utf8');
    const pssKiB = Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]);
    console.log(
      `guard, 20 machines: ${JSON.stringify({ cpuPercent: Math.round(cpuPercent * 100) / 100, pssKiB })}`,
    );
    console.log(`guard, lateness so far: ${/\.latest .*/.exec(host.status().text)?.[0]}`);
    expect(pssKiB).toBeLessThan(4096);
    expect(cpuPercent).toBeLessThan(2);
    await host.run(`rm ${others.map((other) => `${HOST_FOLDER}/${other}`).join(' ')}`);
  });

  test('touches no guest that is not protected, whatever is written for it', async () => {
    const [name = ''] = await lab.defineIdleVms(host.name, 1);
    const free = (await host.run(`virsh -q domuuid ${name}`)).trim();
    await host.run(`virsh -q start ${name}`);
    const freePid = await host.qemuPid(free);
    host.write(free, `understudy-permission 1 1 - ended\n`);
    host.permit('deadline 0');
    await host.state('stopped');
    // libvirt is not disturbed by a stopped process: what needs no monitor answers at once.
    expect(await host.run(`timeout 5 virsh -q domstate ${GUEST}`)).toContain('running');
    const { ms } = host.status();
    await waitFor('rounds', 10_000, () => host.status().ms > ms + 600, 10);
    expect(stateOf(pid)).toBe('T');
    expect(stateOf(freePid)).toMatch(/[RS]/);
    await host.run(`virsh -q destroy ${name}; virsh -q undefine ${name}; rm ${HOST_FOLDER}/${free}`);
  });

  test('kills a guest, stopped or not, when its epoch has ended', async () => {
    host.permit('deadline 0');
    await host.state('stopped');
    host.nextEpoch();
    host.permit('ended');
    await host.state('killed');
    expect(stateOf(pid)).toBeNull();
    await waitFor('libvirt has noticed', 20_000, async () =>
      (await host.run(`virsh -q domstate ${GUEST}`)).includes('shut off'),
    );
  });

  test('a guest that an admin starts without any permission does not get to run', async () => {
    await host.run(`virsh -q destroy ${GUEST}`);
    host.remove(host.uuid);
    host.allowStart();
    await lab.exec(host.name, ['timeout', '20', 'virsh', '-q', 'start', GUEST]);
    await host.state('killed');
    expect(await lab.firstAnswer(GUEST, 1_000)).toBeNull();
  });

  test('killed, it is back at once, and nothing has changed', async () => {
    host.permit('deadline 0');
    await host.state('stopped');
    const before = await host.guardPid();
    const since = host.status().processes.find((each) => each.uuid === host.uuid)?.since;
    process.kill(before, 'SIGKILL');
    await waitFor('another guard', 10_000, async () => (await host.guardPid()) !== before);
    const { ms } = host.status();
    await waitFor('its status', 10_000, () => host.status().ms > ms, 10);
    expect(stateOf(pid)).toBe('T');
    expect(host.status().processes.find((each) => each.uuid === host.uuid)).toMatchObject({
      state: 'stopped',
      since,
    });
    host.permit(`standing resumed ${Math.ceil(bootMs())}`);
    await host.state('runs');
    expect(await lab.firstAnswer(GUEST, 60_000)).not.toBeNull();
  });

  test('a guard that hangs is replaced by systemd', async () => {
    const before = await host.guardPid();
    process.kill(before, 'SIGSTOP');
    await waitFor('another guard', 30_000, async () => (await host.guardPid()) !== before);
    await host.state('runs');
    expect(stateOf(pid)).toMatch(/[RS]/);
  });

  test('a host frozen and thawed stops what has run out meanwhile, and kills nothing it had stopped', async () => {
    host.permit('deadline 0');
    await host.state('stopped');
    for (let n = 0; n < 10; n++) {
      await lab.freeze(host.name);
      await lab.thaw(host.name);
    }
    const { ms } = host.status();
    await waitFor('rounds', 10_000, () => host.status().ms > ms + 600, 10);
    expect(stateOf(pid)).toBe('T');
    host.permit(`deadline ${Math.ceil(bootMs()) + 1_000} resumed ${Math.ceil(bootMs())}`);
    await host.state('runs');
    await lab.freeze(host.name);
    // Longer than systemd's watchdog waits for a guard: it may be replaced at the thaw, which must change nothing.
    const passed = bootMs() + 6_000;
    await waitFor('the deadline has passed', 15_000, () => bootMs() > passed);
    await lab.thaw(host.name);
    const thawed = bootMs();
    await host.state('stopped');
    const since = host.status().processes.find((each) => each.uuid === host.uuid)?.since ?? 0;
    // How long this takes is told, not asserted: on a shared machine it holds the scheduler's time for everything else.
    console.log(`guard, after a thaw: stopped ${Math.round(since - thawed)} ms after it was asked for`);
    expect(stateOf(pid)).toBe('T');
  });

  test('is replaced by a newer one while a guest runs, or stands still, and nothing changes', async () => {
    for (const rest of ['standing', 'deadline 0']) {
      host.permit(rest);
      await host.state(rest === 'standing' ? 'runs' : 'stopped');
      const [before, letter] = [await host.guardPid(), stateOf(pid)];
      await host.put('dist/agent/guard/guard-linux-x64', '/opt/understudy/guard.new', 0o755);
      await host.run('mv -fT /opt/understudy/guard.new /opt/understudy/guard');
      await host.run('systemctl restart understudy-guard');
      expect(await host.guardPid()).not.toBe(before);
      await host.rounds();
      if (rest !== 'standing') expect(stateOf(pid)).toBe('T');
      else expect([letter, stateOf(pid)].join()).toMatch(/^[RS],[RS]$/);
    }
  });

  test('feeds a watchdog (a file that stands in for one) where the host is set up so', async () => {
    const conf = '/etc/understudy/guard.conf';
    const options = 'GUARD_OPTIONS=--watchdog /run/fake-watchdog --watchdog-seconds 10';
    expect(host.status().watchdog).toBe('none');
    await host.run(`mkdir -p /etc/understudy && echo '${options}' > ${conf} && : > /run/fake-watchdog`);
    await host.run('systemctl restart understudy-guard');
    await waitFor('it is fed', 10_000, () => host.status().watchdog === 'fed', 10);
    await host.run(`rm -r /etc/understudy && systemctl restart understudy-guard`);
    await waitFor('it is none', 10_000, () => host.status().watchdog === 'none', 10);
    expect(stateOf(pid)).toMatch(/[RS]/);
  });

  startsByHand(bench);
  shutdowns(bench);
});
