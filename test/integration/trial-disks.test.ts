import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Commands, hostCommands } from '../../agent/drill/linux/commands.ts';
import { TrialDisks } from '../../agent/drill/linux/disks.ts';
import { layerPath, trialCopy } from '../../agent/drill/stage.ts';
import { ok } from '../../agent/protocol/index.ts';
import { Bench, MIB, PAIR } from './replication/bench.ts';
import { until } from './replication/ports.ts';

/** Debian's user nobody. */
const NOBODY = 65534;
const copy = trialCopy(PAIR, 'mail');

/** Runs what systemd would run as a child of its own; everything else as it is. */
class WithoutSystemd implements Commands {
  child: ChildProcess | null = null;

  async run(program: string, args: string[]) {
    if (program === 'systemctl') {
      this.child?.kill('SIGKILL');
      this.child = null;
      return ok('');
    }
    if (program !== 'systemd-run') return hostCommands.run(program, args);
    const command = args.findIndex((arg) => !arg.startsWith('--'));
    this.child = spawn(args[command] ?? '', args.slice(command + 1), { stdio: 'inherit' });
    return ok('');
  }
}

describe('the disks of a copy on trial', () => {
  let bench: Bench;
  let commands: WithoutSystemd;
  let trial: TrialDisks;

  beforeEach(async () => {
    bench = await Bench.open();
    await bench.inSync();
    commands = new WithoutSystemd();
    const { directory } = bench.parts;
    mkdirSync(join(directory, 'qemu'));
    chownSync(join(directory, 'qemu'), NOBODY, NOBODY);
    trial = new TrialDisks(commands, {
      tlsDir: join(directory, 'standby/tls'),
      runDir: join(directory, 'standby/run'),
      socketDir: join(directory, 'sockets'),
      qemuHome: join(directory, 'qemu'),
      address: '127.0.0.1',
    });
  });
  afterEach(async () => {
    await trial.clear(copy, bench.replicaDisks());
    await bench.close();
  });

  const io = (socket: string, disk: string, command: string): void => {
    execFileSync('qemu-io', ['-f', 'raw', '-c', command, `nbd+unix:///${disk}?socket=${socket}`], {
      stdio: 'pipe',
    });
  };

  it('read as the point, keep what is written to them, and touch nothing of the replica', async () => {
    const { guest, target } = bench.parts;
    const disks = bench.replicaDisks();
    await guest.write('vda', 1, 0, MIB);
    await until(() => guest.completed === 1);
    await target.points.take(PAIR, 'drill', disks);
    const point = await target.points.offer(PAIR, 'drill', disks);
    if (!point.ok) throw new Error(point.problem.message);
    const socket = await trial.build(copy, disks, point.value);
    if (!socket.ok) throw new Error(socket.problem.message);
    await guest.write('vda', 2, 0, MIB);
    await until(() => guest.completed === 2);
    // qemu-io fails when the pattern is not what it reads.
    io(socket.value, 'vda', 'read -P 1 0 1M');
    io(socket.value, 'vda', 'write -P 9 512k 4M');
    io(socket.value, 'vda', 'read -P 9 512k 4M');
    io(socket.value, 'vda', 'read -P 1 0 512k');
    io(socket.value, 'vdb', 'write -P 8 0 1M');
    await trial.clear(copy, disks);
    await target.points.undo(PAIR, 'drill', disks);
    for (const { path } of disks) expect(existsSync(layerPath(path))).toBe(false);
    expect(existsSync(socket.value)).toBe(false);
    const replica = bench.replica('vda');
    expect(replica.subarray(0, MIB).every((byte) => byte === 2)).toBe(true);
    expect(replica.subarray(MIB).every((byte) => byte === 0)).toBe(true);
    await guest.quit();
    await until(() => bench.state === 'off');
    await target.close(PAIR);
    expect(bench.identical()).toBe(true);
  });

  it('can be reached by the user that QEMU runs as, whatever the agent keeps to itself', async () => {
    const { target } = bench.parts;
    const disks = bench.replicaDisks();
    await target.points.take(PAIR, 'drill', disks);
    const point = await target.points.offer(PAIR, 'drill', disks);
    if (!point.ok) throw new Error(point.problem.message);
    const before = process.umask(0o077);
    const socket = await trial.build(copy, disks, point.value).finally(() => process.umask(before));
    if (!socket.ok) throw new Error(socket.problem.message);
    const command = `qemu-io -f raw -c 'read 0 512' nbd+unix:///vda?socket=${socket.value}`;
    execFileSync('setpriv', [
      '--reuid',
      String(NOBODY),
      '--regid',
      String(NOBODY),
      '--clear-groups',
      'sh',
      '-c',
      command,
    ]);
    const stranger = ['--reuid', '12345', '--regid', '12345', '--clear-groups', 'sh', '-c', command];
    expect(() => execFileSync('setpriv', stranger, { stdio: 'pipe' })).toThrow();
  });

  it('are told to read nobody else, and hold no secret in their command line', async () => {
    const disks = bench.replicaDisks();
    await bench.parts.target.points.take(PAIR, 'drill', disks);
    const point = await bench.parts.target.points.offer(PAIR, 'drill', disks);
    if (!point.ok) throw new Error(point.problem.message);
    const socket = await trial.build(copy, disks, point.value);
    if (!socket.ok) throw new Error(socket.problem.message);
    expect(() => io(socket.value, 'pair-1.vda', 'read 0 512')).toThrow();
    const line = readFileSync(`/proc/${commands.child?.pid}/cmdline`, 'utf8');
    expect(line).not.toMatch(/BEGIN|PRIVATE/);
    expect(line).toContain('"read-only":true');
  });
});
