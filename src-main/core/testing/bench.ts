import { MemoryVotes } from '../../../agent/lease/vote-store.ts';
import type { Problem } from '../../../agent/protocol/index.ts';
import { fail, ok, ProblemError } from '../../../agent/protocol/index.ts';
import type { FleetPatch, HostKeyOffer } from '../../contract/index.ts';
import type { HostTarget } from '../fleet/host-link.ts';
import type { AccessTarget, DeployOrder, HostAccess, HostSession, Inspection } from '../hosts/access.ts';
import { FleetIdentity } from '../hosts/fleet-identity.ts';
import { MemorySecretStore } from '../secrets/secret-store.ts';
import { openSession, type Session } from '../session.ts';
import type { HostRecord } from '../storage/host-table.ts';
import { openStorage, type Storage } from '../storage/storage.ts';
import { FakeLink } from './fake-link.ts';

export const inspection = (change: Partial<Inspection> = {}): Inspection => ({
  facts: { hostname: 'atlas', os: 'Debian 12', arch: 'x86_64', hypervisor: 'libvirt 9.0.0', vmCount: 2 },
  machineId: 'machine-x',
  checks: [],
  canAdd: { hypervisor: true, witness: true },
  agent: null,
  peer: { address: '10.0.0.9', port: 7420, replicationPort: 7421 },
  ...change,
});

/** Hosts as seen over SSH, played by the spec. */
export class FakeAccess implements HostAccess {
  readonly opened: AccessTarget[] = [];
  readonly deployed: DeployOrder[] = [];
  readonly trusted: string[] = [];
  closed = 0;
  uninstalled = 0;
  updated = 0;
  onDeploy = (): void => undefined;
  inspection = inspection();
  refuse: Problem | null = null;
  deployProblem: Problem | null = null;
  offer: HostKeyOffer = {
    algorithm: 'ssh-ed25519',
    fingerprint: 'SHA256:new',
    known: 'new',
    before: null,
    knownFrom: null,
    compareCommand: 'ssh-keygen -lf',
  };

  environment = async () => ({
    keyFiles: ['/home/ada/.ssh/id_ed25519'],
    agentAvailable: false,
    aliases: ['nas'],
  });

  probe = async () => ok(this.offer);

  trust(address: string, port: number, key: { fingerprint: string }): void {
    this.trusted.push(`${address}:${port} ${key.fingerprint}`);
  }

  async open(access: AccessTarget) {
    this.opened.push(access);
    return this.refuse ? fail(this.refuse) : ok(this.#session());
  }

  #session(): HostSession {
    return {
      inspect: async () => ok(this.inspection),
      fix: async () => ok(undefined),
      deploy: async (order, onStep) => {
        onStep('Send agent.cjs', 0.5);
        this.deployed.push(order);
        this.onDeploy();
        return this.deployProblem ? fail(this.deployProblem) : ok(undefined);
      },
      update: async (onStep) => {
        onStep('Send agent.cjs', 0.5);
        this.updated += 1;
        return ok(undefined);
      },
      uninstall: async () => {
        this.uninstalled += 1;
        return ok(undefined);
      },
      close: () => {
        this.closed += 1;
      },
    };
  }
}

/** The core's services over hosts played by the spec. */
export interface Bench {
  session: Session;
  storage: Storage;
  secrets: MemorySecretStore;
  votes: MemoryVotes;
  access: FakeAccess;
  links: Map<string, FakeLink>;
  targets: HostTarget[];
  patches: FleetPatch[];
  deploys: { draftId: string; step: string }[];
  reported: Problem[];
  retracted: string[];
  clock: { now: number };
  link(name: string): FakeLink;
  /** A second console start on the same storage. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

export async function openBench(hosts: HostRecord[] = []): Promise<Bench> {
  const storage = openStorage(':memory:', () => 1_000);
  for (const host of hosts) storage.hosts.put(host);
  const secrets = new MemorySecretStore('a spec');
  for (const host of hosts) await secrets.set(`host/${host.id}/login`, 'hunter2');
  const bench: Omit<Bench, 'session'> & { session: Session | null } = {
    session: null,
    storage,
    secrets,
    votes: new MemoryVotes(),
    access: new FakeAccess(),
    links: new Map(),
    targets: [],
    patches: [],
    deploys: [],
    reported: [],
    retracted: [],
    clock: { now: 10_000 },
    link(name) {
      const link = bench.links.get(`h-${name}`) ?? [...bench.links.values()][0];
      if (link === undefined) throw new Error(`no link to ${name}`);
      return link;
    },
    async reopen() {
      await bench.session?.close();
      bench.session = await open(bench);
    },
    async close() {
      await bench.session?.close();
      storage.close();
    },
  };
  const session = await open(bench);
  return Object.assign(bench, { session });
}

function open(bench: Omit<Bench, 'session'>): Promise<Session> {
  const { storage, secrets, access, votes } = bench;
  return openSession({
    storage,
    secrets,
    access,
    identity: new FleetIdentity(storage.settings),
    votes,
    serves: true,
    runbook: { dataDir: null, version: '0.0.0-spec' },
    openLink: (target) => {
      const link = new FakeLink();
      bench.links.set(target.hostId, link);
      bench.targets.push(target);
      return link;
    },
    practice: false,
    operator: () => 'ada',
    now: () => bench.clock.now,
    emit: (event, data) => {
      if (event === 'fleet') bench.patches.push(data as FleetPatch);
      if (event === 'deploy') bench.deploys.push(data as Bench['deploys'][number]);
    },
    report: (problem) => bench.reported.push(problem),
    retract: (message) => bench.retracted.push(message),
  });
}

/** The problem a promise is rejected with. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
  throw new Error('it did not fail');
}
