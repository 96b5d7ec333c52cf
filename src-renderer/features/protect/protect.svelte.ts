import type { Check } from '../../../agent/protocol/check.ts';
import { isCoordinated, mayBeWhole, type ReplicationMode, SYNC } from '../../../agent/protocol/mode.ts';
import type { Problem } from '../../../agent/protocol/problem.ts';
import type { HostView, Policy, VmView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { OrderId } from '../../lib/order-id.ts';
import { router } from '../../lib/place.svelte.ts';
import { to } from '../../lib/router.ts';
import { call, session } from '../../lib/session.svelte.ts';
import type { GivenOrder } from '../commands/given.ts';
import { unprotected } from '../map/layout.ts';
import { type Entered, entered, modeFrom } from '../replication/mode-form.ts';
import { keptStandby } from './keep-standby.ts';

export type ProtectStep = 'choose' | 'policy' | 'plan' | 'run';

/** The wizard's course from a machine to its first copy. */
export class ProtectFlow {
  step = $state<ProtectStep>('choose');
  vmKey = $state<string | null>(null);
  standby = $state<string | null>(null);
  checks = $state<Check[] | null>(null);
  bytesToCopy = $state(0);
  checking = $state(false);
  fixing = $state<string | null>(null);
  starting = $state(false);
  problem = $state<Problem | null>(null);
  taskId = $state<string | null>(null);
  /** Null: what the settings offer, as soon as they are read. */
  #policy = $state<Policy | null>(null);
  /** Undefined: what is offered; null: none, by the person's wish. */
  #witness = $state<string | null | undefined>(undefined);
  #wished: { hostId: string; vmUuid: string };
  /** Armed at once, on record, or after a first drill. */
  drill = $state<'waived' | 'first'>('waived');
  /** How the copy is kept, as entered. */
  form = $state<Entered>(entered(SYNC));
  readonly #id = new OrderId();
  /** How often both hosts were looked at, or what was found was put aside. */
  #looks = 0;

  constructor(wished: { hostId: string; vmUuid: string; taskId: string }) {
    this.#wished = wished;
    this.taskId = wished.taskId || null;
    if (this.taskId) this.step = 'run';
  }

  get policy(): Policy {
    return this.#policy ?? session.settings?.newPairs.policy ?? 'manual';
  }

  set policy(chosen: Policy) {
    this.#policy = chosen;
  }

  /** What the address named, once the fleet is known; and the only standby there is. */
  preselect(): void {
    // What was looked at and planned is not exchanged for something else.
    if (this.step !== 'choose') return;
    const wished = this.candidates().find(
      (view) => view.hostId === this.#wished.hostId && view.vm.uuid === this.#wished.vmUuid,
    );
    if (this.vmKey === null && wished) this.vmKey = wished.key;
    this.standby = keptStandby(this.standby, this.standbys());
  }

  /** Null while something of it is wrong. What starts by itself starts from a copy that has everything only. */
  mode(): ReplicationMode | null {
    const { mode } = modeFrom(this.form, [this.vm()?.hostId ?? '', this.standby ?? '']);
    return mode && this.policy === 'automatic' && !mayBeWhole(mode) ? null : mode;
  }

  candidates(): VmView[] {
    return unprotected(session.fleet);
  }

  vm(): VmView | null {
    return this.vmKey === null ? null : (session.fleet.vms[this.vmKey] ?? null);
  }

  /** Every other hypervisor; those that do not answer cannot be chosen. */
  standbys(): HostView[] {
    const home = this.vm()?.hostId;
    return Object.values(session.fleet.hosts)
      .filter((host) => host.role === 'hypervisor' && host.id !== home)
      .sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }

  /** Every box that is neither of the two hosts; witness boxes first. */
  witnesses(): HostView[] {
    const taken = [this.vm()?.hostId, this.standby];
    return Object.values(session.fleet.hosts)
      .filter((host) => !taken.includes(host.id))
      .sort((a, b) => Number(b.role === 'witness') - Number(a.role === 'witness') || compareNames(a, b));
  }

  /** As chosen; before that the one of the settings, or the only witness box there is. */
  witness(): string | null {
    const possible = this.witnesses();
    const chosen = this.#witness;
    if (chosen === null || possible.some((host) => host.id === chosen)) return chosen ?? null;
    const usual = session.settings?.newPairs.witness ?? null;
    if (possible.some((host) => host.id === usual)) return usual;
    const boxes = possible.filter((host) => host.role === 'witness');
    return boxes.length === 1 ? (boxes[0]?.id ?? null) : null;
  }

  chooseWitness(hostId: string | null): void {
    this.#witness = hostId;
  }

  /** Why the next step cannot be taken; null when it can. */
  missing(): string | null {
    if (this.vm() === null) return m.protect.chooseMachine;
    if (this.standby === null) return m.protect.chooseStandby;
    const silent = session.fleet.hosts[this.standby]?.connection.state !== 'online';
    return silent ? m.protect.standbySilent(session.fleet.hosts[this.standby]?.name ?? '') : null;
  }

  /** Why protection cannot be started; null when it can, or when that is being found out. */
  hindrance(): string | null {
    const missing = session.offline ?? this.missing();
    if (missing !== null || this.checking) return missing;
    if (this.checks === null) return m.protect.checkFirst;
    return this.blocked() ? m.protect.fixesLeft : null;
  }

  blocked(): boolean {
    return this.checks === null || this.checks.some((check) => check.state === 'failed');
  }

  /** Machine and standby are known: what is to happen when its host fails? */
  ask(): void {
    if (this.missing() === null) this.step = 'policy';
  }

  back(): void {
    this.step = this.step === 'plan' ? 'policy' : 'choose';
    this.problem = null;
    this.checks = null;
    // An answer on its way is about what may no longer be meant.
    this.#looks += 1;
    this.checking = false;
  }

  async check(): Promise<void> {
    const order = this.#target();
    if (!order || this.checking) return;
    this.step = 'plan';
    this.checking = true;
    this.problem = null;
    this.#looks += 1;
    const look = this.#looks;
    const found = await call('protect.check', { ...order, replication: this.mode() ?? SYNC });
    if (look !== this.#looks) return;
    this.checking = false;
    if (found.ok) {
      this.checks = found.value.checks;
      this.bytesToCopy = found.value.bytesToCopy;
    } else this.problem = found.problem;
  }

  async fix(check: Check): Promise<void> {
    const order = this.#target();
    if (!order || !check.fix || this.fixing) return;
    this.fixing = check.fix;
    const on = Object.values(session.fleet.hosts).find((host) => host.name === check.host)?.id ?? check.host;
    const fixed = await call('protect.fix', {
      hostId: order.hostId,
      vmUuid: order.vmUuid,
      on,
      fix: check.fix,
    });
    this.fixing = null;
    if (this.step !== 'plan') return;
    if (fixed.ok) await this.check();
    else this.problem = fixed.problem;
  }

  /** The order as it stands; null while something of it is missing. */
  given(): Extract<GivenOrder, { method: 'protect.start' }> | null {
    const order = this.#target();
    const replication = this.mode();
    if (!order || !replication || this.blocked()) return null;
    const params = {
      ...order,
      policy: this.policy,
      profile: session.settings?.newPairs.profile ?? 'balanced',
      witness: this.witness(),
      // Nothing to decide yet: it is asked when the pair is made automatic.
      drill: this.policy === 'automatic' ? this.#drillOf(replication) : 'first',
      replication,
    };
    return { method: 'protect.start', params };
  }

  async start(): Promise<void> {
    const given = this.given();
    if (!given || this.starting) return;
    this.starting = true;
    this.problem = null;
    const started = await call(given.method, { requestId: this.#id.of(given), ...given.params });
    this.starting = false;
    if (!started.ok) {
      this.problem = started.problem;
      this.#id.failed(started.problem);
      return;
    }
    this.taskId = started.value.taskId;
    this.step = 'run';
    router.replace(to.protect({ taskId: started.value.taskId }));
  }

  /** A copy that others keep cannot be tried out, so nothing can wait for that. */
  #drillOf(mode: ReplicationMode): 'waived' | 'first' {
    return isCoordinated(mode) ? 'waived' : this.drill;
  }

  #target(): { hostId: string; vmUuid: string; standby: string } | null {
    const vm = this.vm();
    if (!vm || this.standby === null) return null;
    return { hostId: vm.hostId, vmUuid: vm.vm.uuid, standby: this.standby };
  }
}

const compareNames = (a: HostView, b: HostView): number => a.name.localeCompare(b.name, 'en');
