import { randomUUID } from 'node:crypto';
import type {
  Check,
  DrillSettings,
  Problem,
  Profile,
  ReplicationMode,
  VerifySettings,
} from '../../../agent/protocol/index.ts';
import { compareRecord, ProblemError, SYNC } from '../../../agent/protocol/index.ts';
import type { Policy } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { type Orders, type Started, unwrap } from '../orders/orders.ts';

export interface Machine {
  hostId: string;
  vmUuid: string;
}

export interface ProtectOrder extends Machine {
  requestId: string;
  standby: string;
  policy?: Policy | undefined;
  profile?: Profile | undefined;
  witness?: string | null | undefined;
  drill?: 'waived' | 'first' | undefined;
  replication?: ReplicationMode | undefined;
}

/** `point`: of a copy that is kept by points; null, or left out: the newest. */
interface DrillOrder {
  requestId: string;
  pairId: string;
  point?: string | null;
}

/** Protecting machines, ending it, and the planned orders of a pair. */
export class ProtectService {
  readonly #fleet: Fleet;
  readonly #orders: Orders;
  readonly #audit: AuditService;
  readonly #operator: () => string;

  constructor(deps: { fleet: Fleet; orders: Orders; audit: AuditService; operator: () => string }) {
    this.#fleet = deps.fleet;
    this.#orders = deps.orders;
    this.#audit = deps.audit;
    this.#operator = deps.operator;
  }

  async check(
    machine: Machine & { standby: string; replication?: ReplicationMode | undefined },
    signal: AbortSignal,
  ): Promise<{ checks: Check[]; bytesToCopy: number }> {
    const { hostId, vmUuid, standby, replication = SYNC } = machine;
    this.#needDistinct(hostId, standby);
    const host = unwrap(this.#fleet.find(hostId));
    return unwrap(await host.link.call('protect.check', { vmUuid, standby, replication }, { signal }));
  }

  /** `on` names the member that carries the fix out, by id or by name, as its check did. */
  async fix(order: Machine & { on: string; fix: string }): Promise<void> {
    const host = unwrap(this.#fleet.find(order.hostId));
    const member = unwrap(this.#fleet.find(this.#idOf(order.on)));
    this.#audit.write({
      event: 'fix-ordered',
      text: `Fix "${order.fix}" for ${machineName(host, order.vmUuid)} on ${member.record.name} ordered.`,
    });
    const params = {
      requestId: randomUUID(),
      actor: this.#operator(),
      hostId: member.record.id,
      vmUuid: order.vmUuid,
      fix: order.fix,
    };
    unwrap(await host.link.call('protect.fix', params));
  }

  /** `vouched`: the person knows that no other host runs the machine or ever will. Throws ProblemError when refused. */
  async letGo({ hostId, vmUuid, vouched }: Machine & { vouched: boolean }): Promise<void> {
    const host = unwrap(this.#fleet.find(hostId));
    const name = host.guard?.unclaimed.find((lost) => lost.vmUuid === vmUuid)?.name ?? 'the machine';
    const what = `Let ${name} go on ${host.record.name}`;
    const vouching = vouched ? ', vouching that no other host runs it' : '';
    this.#audit.write({ event: 'let-go-ordered', text: `${what}: ordered${vouching}.` });
    const order = { requestId: randomUUID(), actor: this.#operator(), vmUuid, vouched };
    const answer = await host.link.call('guard.letGo', order);
    if (!answer.ok)
      this.#audit.write({ event: 'order-refused', text: `${what} was refused. ${answer.problem.message}` });
    unwrap(answer);
  }

  async start(order: ProtectOrder): Promise<Started> {
    const { requestId, hostId, vmUuid, standby } = order;
    const { policy = 'manual', profile = 'balanced', witness = null, drill = 'waived' } = order;
    const { replication = SYNC } = order;
    this.#needDistinct(hostId, standby);
    if (witness === hostId || witness === standby)
      throw new ProblemError(judgesItself(this.#fleet.nameOf(witness)));
    const host = unwrap(this.#fleet.find(hostId));
    const pairId = randomUUID();
    return this.#orders.give({
      requestId,
      hostId,
      method: 'protect.start',
      params: { pairId, vmUuid, standby, witness, policy, profile, drill, replication },
      subject: `Protect ${machineName(host, vmUuid)} with a copy on ${this.#fleet.nameOf(standby)}`,
      pairId,
    });
  }

  end(order: { requestId: string; pairId: string }): Promise<Started> {
    return this.#toOwner('protect.end', 'End the protection of', order);
  }

  async switchoverCheck(pairId: string): Promise<{ live: boolean; hindrances: string[] }> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const owner = unwrap(this.#fleet.find(pair.primary));
    return unwrap(await owner.link.call('pair.switchover.check', { pairId }));
  }

  switchover(order: {
    requestId: string;
    pairId: string;
    way?: 'auto' | 'live' | 'cold' | undefined;
    switchOff?: boolean | undefined;
  }): Promise<Started> {
    const { requestId, pairId, way = 'auto', switchOff = false } = order;
    const pair = unwrap(this.#fleet.pair(pairId));
    return this.#orders.give({
      requestId,
      hostId: pair.primary,
      method: 'pair.switchover',
      params: { pairId, way, switchOff },
      subject: `Switch over ${pair.name}`,
      pairId,
    });
  }

  resync(order: { requestId: string; pairId: string }): Promise<Started> {
    return this.#toOwner('pair.resync', 'Update the copy of', order);
  }

  /** The member whose old copy is set aside carries it out. */
  revert({ requestId, pairId }: { requestId: string; pairId: string }): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const records = Object.values(pair.members).map((member) => member.status.record);
    const expected = records.reduce((a, b) => (compareRecord(b, a) > 0 ? b : a)).epoch;
    return this.#orders.give({
      requestId,
      hostId: pair.standby,
      method: 'pair.revert',
      params: { pairId, expected },
      subject: `Go back to the old copy of ${pair.name} on ${this.#fleet.nameOf(pair.standby)}`,
      pairId,
    });
  }

  discard({
    requestId,
    pairId,
    hostId,
  }: {
    requestId: string;
    pairId: string;
    hostId: string;
  }): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(pairId));
    return this.#orders.give({
      requestId,
      hostId,
      method: 'pair.discard',
      params: { pairId },
      subject: `Discard the old disk of ${pair.name} on ${this.#fleet.nameOf(hostId)}`,
      pairId,
    });
  }

  /** On the standby, whose copy is tried out. */
  drill({ requestId, pairId, point = null }: DrillOrder): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(pairId));
    return this.#orders.give({
      requestId,
      hostId: pair.standby,
      method: 'pair.drill',
      params: { pairId, point },
      subject: `Try out the copy of ${pair.name}`,
      pairId,
    });
  }

  async drillSettings({ pairId, settings }: { pairId: string; settings: DrillSettings }): Promise<void> {
    const host = this.#settings(pairId, 'drill-settings-ordered', 'another way of trying its copy out');
    const order = { requestId: randomUUID(), actor: this.#operator(), pairId, settings };
    unwrap(await host.link.call('pair.drillSettings', order));
  }

  /** On the owner, which reads its own side. */
  verify(order: { requestId: string; pairId: string }): Promise<Started> {
    return this.#toOwner('pair.verify', 'Compare the copy of', order);
  }

  async verifySettings({ pairId, settings }: { pairId: string; settings: VerifySettings }): Promise<void> {
    const host = this.#settings(pairId, 'verify-settings-ordered', 'another time to compare its copy');
    const order = { requestId: randomUUID(), actor: this.#operator(), pairId, settings };
    unwrap(await host.link.call('pair.verifySettings', order));
  }

  async lookAgain({ pairId }: { pairId: string }): Promise<void> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const host = unwrap(this.#fleet.find(pair.primary));
    const order = { requestId: randomUUID(), actor: this.#operator(), pairId };
    unwrap(await host.link.call('pair.lookAgain', order));
  }

  /** On the standby, whose copy it is. */
  async trustCopy({ pairId }: { pairId: string }): Promise<void> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const host = unwrap(this.#fleet.find(pair.standby));
    this.#audit.write({
      event: 'trust-copy-ordered',
      pairId,
      text: `The copy of ${pair.name} is vouched for.`,
    });
    const order = { requestId: randomUUID(), actor: this.#operator(), pairId };
    unwrap(await host.link.call('pair.trustCopy', order));
  }

  /** Written down before it is sent. @returns the owner, to which it goes */
  #settings(pairId: string, event: string, what: string): HostEntry {
    const pair = unwrap(this.#fleet.pair(pairId));
    const host = unwrap(this.#fleet.find(pair.primary));
    this.#audit.write({ event, pairId, text: `${pair.name}: ${what} ordered.` });
    return host;
  }

  async checkStandby(
    { pairId, standby }: { pairId: string; standby: string },
    signal: AbortSignal,
  ): Promise<{ checks: Check[]; bytesToCopy: number }> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const host = unwrap(this.#fleet.find(pair.primary));
    return unwrap(await host.link.call('pair.checkStandby', { pairId, standby }, { signal }));
  }

  async replaceStandby(order: { requestId: string; pairId: string; standby: string }): Promise<Started> {
    const { requestId, pairId, standby } = order;
    const pair = unwrap(this.#fleet.pair(pairId));
    return this.#orders.give({
      requestId,
      hostId: pair.primary,
      method: 'pair.replaceStandby',
      params: { pairId, standby },
      subject: `Make ${this.#fleet.nameOf(standby)} the standby of ${pair.name}`,
      pairId,
    });
  }

  /** How the copy is kept from now on. */
  mode({
    requestId,
    pairId,
    replication,
  }: {
    requestId: string;
    pairId: string;
    replication: ReplicationMode;
  }): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(pairId));
    return this.#orders.give({
      requestId,
      hostId: pair.primary,
      method: 'pair.mode',
      params: { pairId, replication },
      subject: `Change how the copy of ${pair.name} is kept`,
      pairId,
    });
  }

  async #toOwner(
    method: 'protect.end' | 'pair.resync' | 'pair.verify',
    verb: string,
    { requestId, pairId }: { requestId: string; pairId: string },
  ): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const subject = `${verb} ${pair.name}`;
    return this.#orders.give({
      requestId,
      hostId: pair.primary,
      method,
      params: { pairId },
      subject,
      pairId,
    });
  }

  #idOf(on: string): string {
    return this.#fleet.hosts().find((host) => host.record.name === on)?.record.id ?? on;
  }

  #needDistinct(hostId: string, standby: string): void {
    if (hostId !== standby) return;
    throw new ProblemError({
      kind: 'same-host',
      message: 'A machine cannot stand by on the host it runs on.',
      next: 'Choose another host for the copy.',
      field: 'standby',
    });
  }
}

export function judgesItself(name: string): Problem {
  return {
    kind: 'witness-is-member',
    message: `${name} is one of the two hosts the witness has to judge between.`,
    next: 'Choose a third box as the witness.',
    field: 'witness',
  };
}

function machineName(host: HostEntry, vmUuid: string): string {
  return host.vms.get(vmUuid)?.name ?? 'the machine';
}
