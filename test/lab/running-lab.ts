import { join } from 'node:path';
import { isFrozen, setFrozen } from './cgroup.ts';
import { defineIdleVms, runningGuests } from './guests.ts';
import { execInHost, isPoweredOn, killHost, prepareHost, rootOf, startHost, waitBooted } from './host.ts';
import { CLIENT, type Cut, ensureNetwork, inNamespace, namespaceExists, writeCuts } from './network.ts';
import { type GuestPlan, type HostPlan, NETWORK, type Places } from './places.ts';
import { firstHttpAnswer, type HttpAnswer } from './probe-client.ts';
import { type RunOptions, type RunResult, run } from './run.ts';
import { keyFile, type LabState, readState, withLock, writeState } from './state.ts';

export interface LabStatus {
  up: boolean;
  namespace: string;
  client: string;
  hosts: (HostPlan & { power: 'on' | 'off'; frozen: boolean })[];
  guests: { name: string; address: string; uuid: string; runsOn: string[]; answers: boolean }[];
  cuts: Cut[];
}

/** A lab that has been brought up: real hosts, guests and faults, by name. */
export class Lab {
  readonly places: Places;
  readonly state: LabState;

  constructor(places: Places, state: LabState) {
    this.places = places;
    this.state = state;
  }

  /** Address of the third machine, on which clients and the console under test run. */
  get client(): string {
    return NETWORK.client;
  }

  /** Password of `root` and `admin` on every host. */
  get password(): string {
    return this.state.password;
  }

  /** Private key that logs in as `root` and `admin` on every host. */
  get keyFile(): string {
    return keyFile(this.places);
  }

  get hosts(): readonly HostPlan[] {
    return this.state.hosts;
  }

  get guests(): readonly GuestPlan[] {
    return this.state.guests;
  }

  host(name: string): HostPlan {
    const found = this.state.hosts.find((host) => host.name === name);
    if (!found) {
      throw new Error(
        `no host ${name} in this lab (${this.state.hosts.map((host) => host.name).join(', ')})`,
      );
    }
    return found;
  }

  guest(name: string): GuestPlan {
    const found = this.state.guests.find((guest) => guest.name === name);
    if (!found) {
      throw new Error(
        `no guest ${name} in this lab (${this.state.guests.map((guest) => guest.name).join(', ')})`,
      );
    }
    return found;
  }

  /** The command line that runs `argv` on the third machine. */
  inNamespace(argv: readonly string[]): string[] {
    return inNamespace(this.places, argv);
  }

  /** The command line that logs in to a host over its sshd, with the lab's key. */
  sshCommand(name: string, argv: readonly string[] = [], user = 'root'): string[] {
    const options = ['BatchMode=yes', 'ConnectTimeout=5', 'LogLevel=ERROR', 'StrictHostKeyChecking=yes'];
    const known = `UserKnownHostsFile=${join(this.places.state, 'known_hosts')}`;
    const flags = [...options, known].flatMap((option) => ['-o', option]);
    const target = `${user}@${this.host(name).address}`;
    return this.inNamespace(['ssh', '-F', 'none', '-i', this.keyFile, ...flags, target, ...argv]);
  }

  ssh(name: string, command: string, options: RunOptions & { user?: string } = {}): Promise<RunResult> {
    const { user, ...rest } = options;
    return run(this.sshCommand(name, ['--', command], user), rest);
  }

  /** Runs a command in the host as root, past network and sshd. */
  exec(name: string, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return execInHost(this.places, this.host(name).name, argv, options);
  }

  /** A file of a host as this machine sees it, also while the host is off. */
  pathOn(name: string, path: string): string {
    return join(rootOf(this.places, this.host(name).name), path);
  }

  /** First HTTP answer of a guest, seen from the third machine. */
  firstAnswer(guest: string, timeoutMs: number, path = '/health'): Promise<HttpAnswer | null> {
    return firstHttpAnswer(this.places, `http://${this.guest(guest).address}${path}`, timeoutMs);
  }

  defineIdleVms(host: string, count: number): Promise<string[]> {
    return defineIdleVms(this.places, this.host(host).name, count);
  }

  /** Pulls the plug: all of the host's processes die at once. Its disk stays. */
  async powerOff(name: string): Promise<void> {
    await killHost(this.places, this.host(name).name);
  }

  /** Boots the host (nothing happens when it is on) and waits until its system is up. */
  async powerOn(name: string): Promise<void> {
    const host = this.host(name);
    await ensureNetwork(this.places);
    await prepareHost(this.places, this.state, host);
    await startHost(this.places, host);
    await waitBooted(this.places, host);
  }

  /** The whole host stands still, guests included; its network port stays up. */
  async freeze(name: string): Promise<void> {
    await setFrozen(this.group(name), true);
  }

  async thaw(name: string): Promise<void> {
    await setFrozen(this.group(name), false);
  }

  /** Drops every frame from `a` to `b`, and back unless `oneWay`. Either may be `client`. */
  async cut(a: string, b: string, oneWay = false): Promise<void> {
    for (const name of [a, b]) if (name !== CLIENT) this.host(name);
    if (a === b) throw new Error(`cut needs two different hosts, not ${a} twice`);
    const wanted = oneWay
      ? [{ from: a, to: b }]
      : [
          { from: a, to: b },
          { from: b, to: a },
        ];
    await this.changeCuts((cuts) => {
      const isNew = (cut: Cut): boolean => !cuts.some((old) => old.from === cut.from && old.to === cut.to);
      return [...cuts, ...wanted.filter(isNew)];
    });
  }

  /** Pulls the host's cable, both ways and all at once; `heal` plugs it in again. */
  async isolate(name: string): Promise<void> {
    const { name: host } = this.host(name);
    const others = [CLIENT, ...this.state.hosts.map((each) => each.name)].filter((other) => other !== host);
    const wanted = others.flatMap((other) => [
      { from: host, to: other },
      { from: other, to: host },
    ]);
    await this.changeCuts((cuts) => [
      ...cuts.filter((cut) => cut.from !== host && cut.to !== host),
      ...wanted,
    ]);
  }

  /** Lets frames from `a` to `b` pass again, and back unless `oneWay`; other cuts stay. */
  async uncut(a: string, b: string, oneWay = false): Promise<void> {
    const is = (cut: Cut, from: string, to: string): boolean => cut.from === from && cut.to === to;
    await this.changeCuts((cuts) => cuts.filter((cut) => !is(cut, a, b) && (oneWay || !is(cut, b, a))));
  }

  /** Undoes all cuts. */
  async heal(): Promise<void> {
    await this.changeCuts(() => []);
  }

  async status(): Promise<LabStatus> {
    const runsOn = await runningGuests(this.places, this.state);
    return {
      up: namespaceExists(this.places),
      namespace: this.places.namespace,
      client: this.client,
      hosts: await Promise.all(this.state.hosts.map((host) => this.hostStatus(host))),
      guests: await Promise.all(
        this.state.guests.map(async (guest) => ({
          name: guest.name,
          address: guest.address,
          uuid: guest.uuid,
          runsOn: runsOn.get(guest.name) ?? [],
          answers: (await this.firstAnswer(guest.name, 1_000)) !== null,
        })),
      ),
      cuts: this.state.cuts,
    };
  }

  private async hostStatus(host: HostPlan): Promise<LabStatus['hosts'][number]> {
    const power = (await isPoweredOn(this.places, host.name)) ? 'on' : 'off';
    return { ...host, power, frozen: await isFrozen(this.group(host.name)) };
  }

  private group(name: string): { lab: string; host: string } {
    return { lab: this.places.lab, host: this.host(name).name };
  }

  /** Cuts are read anew: another process may have changed them since this lab was opened. */
  private changeCuts(change: (cuts: readonly Cut[]) => Cut[]): Promise<void> {
    return withLock(this.places, async () => {
      const cuts = change((await readState(this.places))?.cuts ?? []);
      this.state.cuts = cuts;
      await writeState(this.places, this.state);
      await writeCuts(this.places, cuts);
    });
  }
}
