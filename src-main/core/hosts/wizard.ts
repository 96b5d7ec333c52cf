import { randomUUID } from 'node:crypto';
import type { HostRole } from '../../../agent/protocol/index.ts';
import { ProblemError } from '../../../agent/protocol/index.ts';
import type { HostDefaults, HostDraft, HostKeyOffer, Login } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { OpenHostLink } from '../fleet/host-link.ts';
import { unwrap } from '../orders/orders.ts';
import type { HostRecord, HostTable } from '../storage/host-table.ts';
import type { HostAccess, Inspection, OnStep } from './access.ts';
import { type Draft, Drafts } from './drafts.ts';
import type { FleetIdentity } from './fleet-identity.ts';
import { type HostLogins, methodOf } from './logins.ts';
import type { PeerLists } from './peers.ts';
import * as problems from './problems.ts';

export interface LoginOrder {
  address: string;
  port: number;
  user: string;
  login: Login | null;
  reuseSecretOf: string | null;
  fingerprint: string;
  sudoPassword?: string | undefined;
}

export interface AddOrder {
  draftId: string;
  name: string;
  site: string;
  role: HostRole;
}

export interface WizardDeps {
  fleet: Fleet;
  table: HostTable;
  access: HostAccess;
  logins: HostLogins;
  identity: FleetIdentity;
  peers: PeerLists;
  audit: AuditService;
  openLink: OpenHostLink;
  now: () => number;
  /** Progress of `add`; `fraction` is null while unknown. */
  onDeploy: (draftId: string, step: string, fraction: number | null) => void;
}

/** Failures after which a connection serves no more. */
const BROKEN = new Set(['connection-lost', 'closed', 'command-timeout', 'channel-refused']);

/** Add a host: look at its key, log in, look around, install. Nothing is changed on it before `add`. */
export class HostWizard {
  readonly #deps: WizardDeps;
  readonly #drafts = new Drafts();

  constructor(deps: WizardDeps) {
    this.#deps = deps;
  }

  close(): void {
    this.#drafts.closeAll();
  }

  async defaults(): Promise<HostDefaults> {
    const environment = await this.#deps.access.environment();
    const last = this.#records().at(-1);
    if (last === undefined) {
      const method = environment.agentAvailable
        ? 'agent'
        : environment.keyFiles.length > 0
          ? 'key'
          : 'password';
      const keyPath = environment.keyFiles[0] ?? '';
      return { user: 'root', port: 22, method, keyPath, reuseSecretOf: null, ...environment };
    }
    const { login, user, port, id } = last;
    const reusable = (await this.#deps.logins.login(last)) !== null;
    const keyPath = login.method === 'key' ? login.path : (environment.keyFiles[0] ?? '');
    return { user, port, method: login.method, keyPath, reuseSecretOf: reusable ? id : null, ...environment };
  }

  async probe(address: string, port: number, signal: AbortSignal): Promise<HostKeyOffer> {
    this.#refuseKnownAddress(address, port);
    return unwrap(await this.#deps.access.probe(address.trim(), port, signal));
  }

  async login(order: LoginOrder, signal: AbortSignal): Promise<HostDraft> {
    this.#refuseKnownAddress(order.address, order.port);
    const reused = order.login === null ? await this.#reuse(order.reuseSecretOf) : null;
    const access = {
      name: order.address.trim(),
      address: order.address.trim(),
      port: order.port,
      user: order.user.trim(),
      login: order.login ?? reused?.login ?? { method: 'agent' as const },
      sudoPassword: order.sudoPassword ?? reused?.sudoPassword ?? null,
      fingerprint: order.fingerprint,
    };
    const session = unwrap(await this.#deps.access.open(access, signal));
    try {
      const inspection = unwrap(await session.inspect());
      this.#refuseSameMachine(inspection);
      return this.#view(this.#drafts.keep({ access, session, inspection, adding: false }));
    } catch (error) {
      session.close();
      throw error;
    }
  }

  async fix(draftId: string, fix: string): Promise<HostDraft> {
    const draft = this.#drafts.get(draftId);
    await this.#connected(draft, async () => {
      unwrap(await draft.session.fix(fix));
      draft.inspection = unwrap(await draft.session.inspect());
    });
    return this.#view(draftId);
  }

  abandon(draftId: string): void {
    this.#drafts.close(draftId);
  }

  async add(order: AddOrder): Promise<{ hostId: string }> {
    const draft = this.#drafts.get(order.draftId);
    if (draft.adding) throw new ProblemError(problems.alreadyAdding(draft.access.name));
    draft.adding = true;
    try {
      const named = { ...order, name: this.#freeName(order.name) };
      const hostId = await this.#connected(draft, () => this.#install(draft, named));
      this.#drafts.close(order.draftId);
      return { hostId };
    } finally {
      draft.adding = false;
    }
  }

  /** A connection that broke is opened anew at the next attempt: nobody has to start again because of the network. */
  async #connected<T>(draft: Draft, work: () => Promise<T>): Promise<T> {
    if (draft.lost) {
      const session = unwrap(await this.#deps.access.open(draft.access));
      draft.session.close();
      draft.session = session;
      draft.lost = false;
    }
    try {
      return await work();
    } catch (error) {
      draft.lost = error instanceof ProblemError && BROKEN.has(error.problem.kind);
      throw error;
    }
  }

  async #install(draft: Draft, order: AddOrder): Promise<string> {
    const { name, role, draftId } = order;
    if (!draft.inspection.canAdd[role]) throw new ProblemError(problems.roleImpossible(role, name));
    this.#refuseSameMachine(draft.inspection);
    const fleetId = this.#fleetFor(draft, name);
    const record = this.#record(draft, order, fleetId);
    const { session, inspection } = draft;
    const onStep: OnStep = (step, fraction) => this.#deps.onDeploy(draftId, step, fraction);
    // A member keeps its place: enrolled anew by a console that knows only some of the others, it would lose them.
    if (record.id === inspection.agent?.hostId) {
      unwrap(await session.update(onStep));
      await this.#takeIn(record, draft);
      await this.#deps.peers.spread();
      return record.id;
    }
    await this.#deps.peers.introduce(record, async () => {
      const peers = this.#deps.peers.peersOf(record.id);
      unwrap(
        await session.deploy({ hostId: record.id, fleetId, name, site: record.site, role, peers }, onStep),
      );
      await this.#takeIn(record, draft);
    });
    return record.id;
  }

  async #takeIn(record: HostRecord, draft: Draft): Promise<void> {
    const { table, fleet, logins, identity, peers, audit, openLink } = this.#deps;
    await logins.keep(record.id, draft.access.login, draft.access.sudoPassword);
    table.put(record);
    peers.markRemoved(record.id, false);
    audit.write({ event: 'host-added', text: `${record.name} (${record.address}) added as ${record.role}.` });
    fleet.add(record, openLink(await logins.target(record)));
    identity.settle();
  }

  #record(draft: Draft, order: AddOrder, fleetId: string): HostRecord {
    const { access, inspection } = draft;
    const returning = inspection.agent?.fleetId === fleetId ? inspection.agent.hostId : null;
    return {
      id: returning ?? randomUUID(),
      name: order.name,
      site: order.site.trim(),
      address: access.address,
      port: access.port,
      user: access.user,
      role: order.role,
      login: methodOf(access.login),
      machineId: inspection.machineId,
      peer: inspection.peer,
      addedAt: this.#deps.now(),
    };
  }

  /** The fleet this host will belong to: its own when this console has none yet. Throws `other-fleet`. */
  #fleetFor(draft: Draft, name: string): string {
    const { identity } = this.#deps;
    const its = draft.inspection.agent?.fleetId ?? null;
    if (its === null || its === identity.fleetId) return identity.fleetId;
    if (!identity.mayAdopt(this.#records().length)) throw new ProblemError(problems.otherFleet(name));
    identity.adopt(its);
    return its;
  }

  #view(draftId: string): HostDraft {
    const { inspection, access } = this.#drafts.get(draftId);
    const { facts, checks, canAdd } = inspection;
    const existingAgent = this.#existing(inspection);
    // What the fleet calls it is what the other console calls it.
    const known = existingAgent === 'same-fleet' ? inspection.agent?.name : '';
    const name = this.#suggestName(known || facts.hostname || access.address);
    return { draftId, name, facts, checks, canAdd, existingAgent };
  }

  #existing({ agent }: Inspection): HostDraft['existingAgent'] {
    if (agent?.fleetId == null) return 'none';
    const { identity } = this.#deps;
    const same = agent.fleetId === identity.fleetId || identity.mayAdopt(this.#records().length);
    return same ? 'same-fleet' : 'other-fleet';
  }

  async #reuse(hostId: string | null): Promise<{ login: Login; sudoPassword: string | null }> {
    const host = this.#records().find(({ id }) => id === hostId);
    const login = host ? await this.#deps.logins.login(host) : null;
    if (!host || !login) throw new ProblemError(problems.secretUnknown(host?.name ?? 'the other host'));
    return { login, sudoPassword: await this.#deps.logins.sudoPassword(host.id) };
  }

  #refuseKnownAddress(address: string, port: number): void {
    const same = this.#records().find((host) => host.address === address.trim() && host.port === port);
    if (same) throw new ProblemError(problems.alreadyAdded(same.name, 'address'));
  }

  #refuseSameMachine({ machineId, agent }: Inspection): void {
    const same = this.#records().find(
      (host) => (machineId !== '' && host.machineId === machineId) || host.id === agent?.hostId,
    );
    if (same) throw new ProblemError(problems.alreadyAdded(same.name, 'machine'));
  }

  #freeName(wanted: string): string {
    const name = wanted.trim();
    if (name === '') throw new ProblemError(problems.nameMissing());
    if (this.#records().some((host) => host.name === name)) throw new ProblemError(problems.nameTaken(name));
    return name;
  }

  #suggestName(hostname: string): string {
    const taken = new Set(this.#records().map((host) => host.name));
    let name = hostname;
    for (let n = 2; taken.has(name); n++) name = `${hostname}-${n}`;
    return name;
  }

  #records(): HostRecord[] {
    return this.#deps.fleet.hosts().map((host) => host.record);
  }
}
