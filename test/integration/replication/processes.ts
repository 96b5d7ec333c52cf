import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ok } from '../../../agent/protocol/index.ts';
import type { ServiceRunner, ServiceUnit } from '../../../agent/replication/services.ts';

const HERE = import.meta.dirname;

/** Child processes in systemd's place. A unit that was killed by a test is started again only when asked. */
export class ChildServices implements ServiceRunner {
  readonly #commands: Partial<Record<ServiceUnit, string[]>>;
  readonly #running = new Map<ServiceUnit, ChildProcess>();

  constructor(commands: Partial<Record<ServiceUnit, string[]>>) {
    this.#commands = commands;
  }

  async ensureRunning(unit: ServiceUnit) {
    const child = this.#running.get(unit);
    if (!child || child.exitCode !== null || child.signalCode !== null) this.#start(unit);
    return ok(undefined);
  }

  pid(unit: ServiceUnit): number {
    const pid = this.#running.get(unit)?.pid;
    if (pid === undefined) throw new Error(`${unit} does not run`);
    return pid;
  }

  async kill(unit: ServiceUnit, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#running.get(unit);
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await exited;
  }

  async killAll(): Promise<void> {
    for (const unit of this.#running.keys()) await this.kill(unit);
  }

  #start(unit: ServiceUnit): void {
    const [command, ...args] = this.#commands[unit] ?? [];
    if (!command) throw new Error(`${unit} has no command here`);
    const output = process.env.UNDERSTUDY_TEST_LOG ? 'inherit' : 'ignore';
    this.#running.set(unit, spawn(command, args, { stdio: ['ignore', output, output] }));
  }
}

/** The storage daemon's command line out of its unit, with the test's directory for /run/understudy. */
export function storageCommand(runDir: string): string[] {
  const unit = readFileSync(join(HERE, '../../../agent/systemd/understudy-storage.service'), 'utf8');
  const line = /^ExecStart=(.*)$/m.exec(unit)?.[1];
  if (!line) throw new Error('the unit has no ExecStart');
  return line.replaceAll('/run/understudy', runDir).split(' ');
}

export function forwarderCommand(runDir: string, tls: { key: string; cert: string; ca: string }): string[] {
  return [process.execPath, join(HERE, 'forwarder-process.ts'), runDir, tls.key, tls.cert, tls.ca];
}
