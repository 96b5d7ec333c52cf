import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  compareRecord,
  type PairRecord,
  type PairStatus,
  ProblemError,
  type Profile,
  type ReplicationMode,
  SYNC,
} from '../../agent/protocol/index.ts';
import { agentState, askAgent } from './agent-client.ts';
import { attendedMode, type Keeper, ontoSan } from './coordinated/attended.ts';
import { freeVolume } from './faults-disk.ts';
import { deploy, hypervisors, ontoVolumes, startBystanders } from './fleet-parts.ts';
import { guestProcess, serviceProcess, signal } from './host-processes.ts';
import { down, up } from './lab.ts';
import type { Places } from './places.ts';
import { WITNESS_NAME } from './places.ts';
import { must, waitFor } from './run.ts';
import type { Lab } from './running-lab.ts';

const MINUTE = 60_000;
/** How soon a person gives an order again that came to nothing. */
const ORDER_AGAIN_MS = 3_000;
const ROOT = join(import.meta.dirname, '..', '..');

export interface FleetPlan {
  /** Machines to be protected, each from its home onto the other host. */
  machines: string[];
  policy: 'manual' | 'automatic';
  profile: Profile;
  /** Without: two hosts only, so never armed. */
  witness: boolean;
  /** How the copies are kept; synchronously when not said. */
  replication?: ReplicationMode;
  /** Machines about whose failover a person decides, whatever `policy` says of the others, and how their copies are kept. */
  loose?: Record<string, ReplicationMode>;
  /** Machines whose copy somebody else keeps, on a storage that both of two hosts reach. */
  attended?: Record<string, Keeper>;
  /** Guests of the lab; one a hypervisor host when not said. */
  guests?: number;
  /** Hypervisor hosts; two when not said. A machine stands by on the first that is not its home. */
  hypervisors?: number;
  /** State and images on volumes of their own, which can be filled (faults-disk.ts). */
  volumes?: boolean;
  /** An unprotected machine on every host. */
  bystanders?: boolean;
  say?: (line: string) => void;
}

/** What both members say of one pair, each asked at its own socket. */
export interface PairSight {
  /** Newest record any member showed; null when nobody answers. */
  record: PairRecord | null;
  /** Hosts by name: the owner and the other member by that record. */
  owner: string | null;
  standby: string | null;
  /** By host name; of those that answer. */
  members: Record<string, PairStatus>;
  /** An agent carries out an order about it. */
  busy: boolean;
}

/**
 * A lab with agents on both hosts and the witness box, put there by the real console, and machines protected by them.
 * Orders go to the agents' own sockets, as the console's do, but past network and SSH: also in the middle of a fault.
 */
export class ProtectedFleet {
  readonly lab: Lab;
  readonly plan: FleetPlan;
  /** Host ids of the fleet by the hosts' names. */
  readonly ids: Readonly<Record<string, string>>;
  /** Bystanders by host. */
  readonly bystanders: ReadonlyMap<string, string>;
  /** When a resync was ordered last, by machine. */
  readonly #ordered = new Map<string, number>();

  private constructor(
    lab: Lab,
    plan: FleetPlan,
    ids: Record<string, string>,
    bystanders: Map<string, string>,
  ) {
    this.lab = lab;
    this.plan = plan;
    this.ids = ids;
    this.bystanders = bystanders;
  }

  /** A new lab (an old one of that name is taken down), deployed and protected; resolves once it is armed. */
  static async up(places: Places, plan: FleetPlan): Promise<ProtectedFleet> {
    const say = plan.say ?? (() => {});
    await must([process.execPath, join(ROOT, 'src-main', 'scripts', 'build.mjs')], { cwd: ROOT });
    await down(places);
    const size = { hosts: plan.hypervisors ?? 2, ...(plan.guests ? { guests: plan.guests } : {}) };
    const lab = await up({ say, ...size }, places);
    const names = hypervisors(lab).map(({ name }) => name);
    if (plan.volumes) for (const name of names) await ontoVolumes(lab, name);
    await ontoSan(lab, names, plan.attended ?? {});
    const bystanders = plan.bystanders ? await startBystanders(lab) : new Map<string, string>();
    const fleet = new ProtectedFleet(lab, plan, await deploy(lab, say), bystanders);
    for (const machine of plan.machines) await fleet.#order(machine, fleet.#modeOf(machine));
    for (const machine of plan.machines) await fleet.settle(machine, 5 * MINUTE);
    say(fleet.arms ? 'protected and armed' : 'protected');
    return fleet;
  }

  get hypervisors(): string[] {
    return hypervisors(this.lab).map(({ name }) => name);
  }

  get witness(): string {
    return WITNESS_NAME;
  }

  /** The lab's name of a host of the fleet. */
  nameOf(hostId: string): string {
    return Object.entries(this.ids).find(([, id]) => id === hostId)?.[0] ?? hostId;
  }

  idOf(host: string): string {
    const id = this.ids[host];
    if (id === undefined) throw new Error(`${host} is not in the fleet`);
    return id;
  }

  pairId(machine: string): string {
    return `lab-${machine}`;
  }

  async sight(machine: string): Promise<PairSight> {
    const members: Record<string, PairStatus> = {};
    let busy = false;
    await Promise.all(
      this.hypervisors.map(async (host) => {
        const state = await agentState(this.lab, host);
        const status = state?.pairs.find(({ spec }) => spec.pairId === this.pairId(machine));
        if (status) members[host] = status;
        const orders = state?.tasks.filter(
          ({ pairId, state: how }) => pairId === this.pairId(machine) && how === 'running',
        );
        if (orders && orders.length > 0) busy = true;
      }),
    );
    const record = Object.values(members)
      .map((status) => status.record)
      .reduce<PairRecord | null>((best, one) => (best && compareRecord(best, one) >= 0 ? best : one), null);
    const owner = record ? this.nameOf(record.owner) : null;
    const [known] = Object.values(members);
    const other = known?.spec.members.find((id) => id !== record?.owner);
    return { record, owner, standby: other ? this.nameOf(other) : null, members, busy };
  }

  /** Owner and standby of a pair whose members answer. */
  async roles(machine: string): Promise<{ owner: string; standby: string }> {
    return waitFor(`${machine}'s owner known`, MINUTE, async () => {
      const { owner, standby } = await this.sight(machine);
      return owner && standby ? { owner, standby } : null;
    });
  }

  /** Whether the plan lets its pairs be armed. */
  get arms(): boolean {
    return this.plan.policy === 'automatic' && this.plan.witness;
  }

  #modeOf(machine: string): ReplicationMode | undefined {
    const { attended, loose, replication } = this.plan;
    const keeper = attended?.[machine];
    const hosts = this.hypervisors.map((host) => this.idOf(host));
    return keeper ? attendedMode(keeper, machine, hosts) : (loose?.[machine] ?? replication);
  }

  isLoose(machine: string): boolean {
    return this.plan.loose?.[machine] !== undefined;
  }

  #armsItself(machine: string): boolean {
    return this.arms && !this.isLoose(machine);
  }

  /** In place, in sync and, where it is wanted, armed. */
  isReady(sight: PairSight, armed = this.arms): boolean {
    const { record, owner, standby, members } = sight;
    if (!record || !owner || !standby) return false;
    const [mine, theirs] = [members[owner]?.local, members[standby]?.local];
    const inPlace = mine?.kind === 'primary' && mine.vm === 'running' && theirs?.kind === 'standby';
    const kept =
      record.replica.mode === 'sync' ||
      record.replica.mode === 'shared' ||
      record.replica.mode === 'external-sync'
        ? record.replica.state === 'in-sync'
        : members[owner]?.mirror?.state === 'following' && record.replica.state === 'stale';
    return inPlace && record.begun && kept && (!armed || record.armed);
  }

  /** Waits until the pair is armed again; a copy that was set aside is given up by order, as a person would. */
  async settle(
    machine: string,
    timeoutMs = 3 * MINUTE,
    armed = this.#armsItself(machine),
  ): Promise<PairSight> {
    let last: PairSight | null = null;
    try {
      return await waitFor(
        `${machine} ready`,
        timeoutMs,
        async () => {
          last = await this.sight(machine);
          if (this.isReady(last, armed)) return last;
          await this.resolveQuarantine(machine, last);
          return null;
        },
        250,
      );
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}; last seen: ${JSON.stringify(briefly(last))}`);
    }
  }

  /** Orders a resync onto a host that waits with its old copy; again when that failed, as a person would. */
  async resolveQuarantine(machine: string, sight: PairSight): Promise<void> {
    const { owner, standby, members, busy } = sight;
    if (!owner || !standby || busy) return;
    const [mine, theirs] = [members[owner]?.local, members[standby]?.local];
    if (theirs?.kind !== 'quarantined' || mine?.kind !== 'primary' || mine.vm !== 'running') return;
    if (Date.now() - (this.#ordered.get(machine) ?? 0) < ORDER_AGAIN_MS) return;
    this.#ordered.set(machine, Date.now());
    await this.order('pair.resync', machine, owner).catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
      this.plan.say?.(`resync of ${machine} refused: ${error.problem.kind} ${error.problem.message}`);
    });
  }

  /** Gives an order about a pair to one host's agent; null when that cannot be asked. */
  async order(
    method: 'pair.resync' | 'pair.switchover' | 'protect.end',
    machine: string,
    host: string,
    more: { way?: 'auto' | 'live' | 'cold'; switchOff?: boolean } = {},
  ): Promise<string | null> {
    const choice = { way: 'auto' as const, switchOff: false, ...more };
    const order = { requestId: randomUUID(), actor: 'lab', pairId: this.pairId(machine), ...choice };
    return (await askAgent(this.lab, host, method, order))?.task.id ?? null;
  }

  /** Everything that was broken from outside works again: power, cuts, frozen hosts, stopped processes, full disks. */
  async mend(): Promise<void> {
    await this.lab.heal();
    for (const { name, role } of this.lab.hosts) {
      await this.lab.thaw(name).catch(() => {});
      if (role === 'hypervisor' && this.plan.volumes)
        for (const volume of ['state', 'images'] as const) await freeVolume(this.lab, name, volume);
    }
    await Promise.all(this.lab.hosts.map(({ name }) => this.lab.powerOn(name)));
    for (const host of this.hypervisors) await this.#continueServices(host);
  }

  async #continueServices(host: string): Promise<void> {
    for (const service of ['agent', 'forwarder', 'guard', 'storage'] as const) {
      const found = await serviceProcess(this.lab, host, service);
      if (found && !found.executes) signal(found.pid, 'SIGCONT');
    }
    if (!(await serviceProcess(this.lab, host, 'libvirtd')))
      await this.lab.exec(host, ['systemctl', 'restart', 'libvirtd.socket', 'libvirtd']);
  }

  /**
   * What an operator would do now and then: old disks that were set aside are discarded, by order, since the present
   * copies may lie on top of them. Where the machine itself runs on one that is refused, and left for later.
   */
  async dropAside(): Promise<void> {
    for (const machine of this.plan.machines) {
      const { members, owner } = await this.sight(machine);
      for (const [host, { asides = [] }] of Object.entries(members)) {
        if (asides.length === 0 || (host === owner && asides.some(({ under }) => under))) continue;
        await this.#discard(machine, host);
      }
    }
  }

  async #discard(machine: string, host: string): Promise<void> {
    const order = { requestId: randomUUID(), actor: 'lab', pairId: this.pairId(machine) };
    const given = await askAgent(this.lab, host, 'pair.discard', order).catch((error: unknown) => {
      if (!(error instanceof ProblemError)) throw error;
      this.plan.say?.(`discard of ${machine} refused: ${error.problem.kind} ${error.problem.message}`);
      return null;
    });
    if (!given) return;
    await waitFor(`what is aside of ${machine} on ${host} to be discarded`, MINUTE, async () => {
      const found = (await agentState(this.lab, host))?.tasks.find(({ id }) => id === given.task.id);
      return found !== undefined && found.state !== 'running';
    });
  }

  guestOn(host: string, machine: string): ReturnType<typeof guestProcess> {
    return guestProcess(this.lab, host, this.lab.guest(machine).uuid);
  }

  async down(): Promise<void> {
    await down(this.lab.places);
  }

  /** Protects one more machine; resolves once it is in place. */
  async protect(machine: string, replication = SYNC): Promise<void> {
    await this.#order(machine, replication);
    await this.settle(machine, 5 * MINUTE);
  }

  async #order(machine: string, replication = SYNC): Promise<void> {
    const { uuid, home } = this.lab.guest(machine);
    const standby = this.hypervisors.find((host) => host !== home) ?? '';
    const { profile, witness } = this.plan;
    const policy = this.isLoose(machine) ? 'manual' : this.plan.policy;
    const task = await askAgent(this.lab, home, 'protect.start', {
      requestId: randomUUID(),
      actor: 'lab',
      pairId: this.pairId(machine),
      vmUuid: uuid,
      standby: this.idOf(standby),
      witness: witness ? this.idOf(WITNESS_NAME) : null,
      policy,
      profile,
      replication,
    });
    if (!task) throw new Error(`the agent of ${home} cannot be asked`);
  }
}

/** A sight in one line, for errors. */
export function briefly(sight: PairSight | null): unknown {
  if (!sight?.record) return sight;
  const { owner } = sight;
  const { epoch, begun, armed, replica, version } = sight.record;
  const members = Object.entries(sight.members).map(([host, { local, mirror, lease }]) => [
    host,
    local,
    mirror?.state,
    lease?.hindrances,
  ]);
  return { owner, epoch: epoch.n, version, begun, armed, replica: replica.state, members };
}
