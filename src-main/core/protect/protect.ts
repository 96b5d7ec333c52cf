import { randomUUID } from 'node:crypto';
import type { Check, Problem, Profile } from '../../../agent/protocol/index.ts';
import { ProblemError } from '../../../agent/protocol/index.ts';
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
    machine: Machine & { standby: string },
    signal: AbortSignal,
  ): Promise<{ checks: Check[]; bytesToCopy: number }> {
    const { hostId, vmUuid, standby } = machine;
    this.#needDistinct(hostId, standby);
    const host = unwrap(this.#fleet.find(hostId));
    return unwrap(await host.link.call('protect.check', { vmUuid, standby }, { signal }));
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

  async start(order: ProtectOrder): Promise<Started> {
    const { requestId, hostId, vmUuid, standby } = order;
    const { policy = 'manual', profile = 'balanced', witness = null } = order;
    this.#needDistinct(hostId, standby);
    if (witness === hostId || witness === standby)
      throw new ProblemError(judgesItself(this.#fleet.nameOf(witness)));
    const host = unwrap(this.#fleet.find(hostId));
    const pairId = randomUUID();
    return this.#orders.give({
      requestId,
      hostId,
      method: 'protect.start',
      params: { pairId, vmUuid, standby, witness, policy, profile },
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
    return this.#toOwner('pair.resync', 'Copy anew', order);
  }

  async #toOwner(
    method: 'protect.end' | 'pair.resync',
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
