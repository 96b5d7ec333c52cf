import type { Check } from '../../../agent/protocol/check.ts';
import type { Problem } from '../../../agent/protocol/problem.ts';
import type { HostView, PairOutcome, PairView } from '../../../src-main/contract/index.ts';
import { requestId } from '../../lib/ids.ts';
import { m } from '../../lib/messages.ts';
import { call, session } from '../../lib/session.svelte.ts';
import type { GivenOrder } from '../commands/given.ts';
import { keepSetting } from '../settings/keep.svelte.ts';

export type WitnessStep = 'own' | 'which' | 'pairs' | 'test' | 'done';
export type WitnessKind = 'pi' | 'nas' | 'vps' | 'host' | 'console';

/** The wizard's course from "what do you own?" to the third vote. */
export class WitnessFlow {
  step = $state<WitnessStep>('own');
  kind = $state<WitnessKind | null>(null);
  witness = $state<string | null>(null);
  pairIds = $state<string[]>([]);
  /** 'yes' while it shall be offered for new pairs. */
  remember = $state<string[]>(['yes']);
  checks = $state<Check[] | null>(null);
  usable = $state(false);
  testing = $state(false);
  setting = $state(false);
  /** Asking which workstation this is. */
  taking = $state(false);
  problem = $state<Problem | null>(null);
  outcomes = $state<PairOutcome[]>([]);
  /** This workstation as a witness, once the core has told. */
  #own = $state<{ hostId: string; name: string } | null>(null);
  /** How often it was tested, or what a test found was put aside. */
  #tests = 0;
  readonly #wishedPair: string;
  #wishedHost: string;

  constructor(wished: { hostId: string; pairId: string }) {
    this.#wishedPair = wished.pairId;
    this.#wishedHost = wished.hostId;
  }

  /** A box that was just connected needs no further question. */
  preselect(): void {
    const host = session.fleet.hosts[this.#wishedHost];
    if (!host || this.step !== 'own') return;
    this.#wishedHost = '';
    this.kind = host.role === 'witness' ? 'pi' : 'host';
    this.witness = host.id;
    this.#toPairs();
  }

  candidates(): HostView[] {
    const role = this.kind === 'host' ? 'hypervisor' : 'witness';
    return Object.values(session.fleet.hosts)
      .filter((host) => host.role === role)
      .sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }

  name(): string {
    if (this.witness !== null && this.witness === this.#own?.hostId) return this.#own.name;
    return session.fleet.hosts[this.witness ?? '']?.name ?? '';
  }

  pairs(): PairView[] {
    return Object.values(session.fleet.pairs).sort((a, b) => a.name.localeCompare(b.name, 'en'));
  }

  isMember(pair: PairView): boolean {
    return pair.primary === this.witness || pair.standby === this.witness;
  }

  chosen(): PairView[] {
    return this.pairs().filter((pair) => this.pairIds.includes(pair.id));
  }

  /** Why the next step cannot be taken; null when it can. */
  missing(): string | null {
    if (this.step === 'own') return this.kind === null ? m.witness.own : null;
    if (this.step === 'which') return this.witness === null ? m.witness.which.missing : null;
    if (this.step === 'pairs') return this.pairIds.length === 0 ? m.witness.pairs.missing : null;
    if (this.checks === null) return this.testing ? null : m.witness.test.untested;
    return this.usable ? null : m.witness.test.blocked;
  }

  next(): void {
    if (this.missing() !== null) return;
    this.problem = null;
    if (this.step === 'own' && this.kind === 'console') void this.#takeOwn();
    else if (this.step === 'own') this.#toWhich();
    else if (this.step === 'which') this.#toPairs();
    else if (this.step === 'pairs') void this.test();
    else if (this.step === 'test') void this.set();
  }

  back(): void {
    this.problem = null;
    this.#putAside();
    const before = this.kind === 'console' ? 'own' : 'which';
    this.step = this.step === 'test' ? 'pairs' : this.step === 'pairs' ? before : 'own';
  }

  /** There is only one of it: no box to choose. */
  async #takeOwn(): Promise<void> {
    if (this.taking) return;
    this.taking = true;
    const own = await call('witness.own', {});
    this.taking = false;
    // Something else was chosen meanwhile.
    if (this.step !== 'own' || this.kind !== 'console') return;
    if (!own.ok) {
      this.problem = own.problem;
      return;
    }
    this.#own = own.value;
    this.witness = own.value.hostId;
    // It comes and goes: not what is offered for every new machine.
    this.remember = [];
    this.#toPairs();
  }

  #toWhich(): void {
    const possible = this.candidates().filter((host) => host.connection.state === 'online');
    const kept = possible.some((host) => host.id === this.witness);
    const [only] = possible;
    if (!kept) this.witness = possible.length === 1 && only ? only.id : null;
    this.step = 'which';
  }

  /** What has no witness yet is meant, or the one pair the person came from. */
  #toPairs(): void {
    const possible = this.pairs().filter((pair) => !this.isMember(pair));
    const wished = possible.filter((pair) => pair.id === this.#wishedPair);
    const alone = possible.filter((pair) => pair.automation.witness === null);
    this.pairIds = (wished.length > 0 ? wished : alone.length > 0 ? alone : possible).map((pair) => pair.id);
    this.step = 'pairs';
  }

  /** What a test found, or is about to find, was about what may no longer be meant. */
  #putAside(): void {
    this.#tests += 1;
    this.testing = false;
    this.checks = null;
    this.usable = false;
  }

  async test(): Promise<void> {
    if (this.witness === null || this.testing) return;
    this.#putAside();
    this.step = 'test';
    this.testing = true;
    this.problem = null;
    const test = this.#tests;
    const report = await call('witness.check', { witness: this.witness, pairIds: this.pairIds });
    if (test !== this.#tests) return;
    this.testing = false;
    if (!report.ok) {
      this.problem = report.problem;
      return;
    }
    this.checks = report.value.checks;
    this.usable = report.value.usable;
  }

  /** The order as it stands; null while something of it is missing. */
  given(pairIds: string[] = this.pairIds) {
    const { witness } = this;
    if (witness === null || !this.usable) return null;
    return { method: 'witness.set', params: { pairIds, witness } } as const satisfies GivenOrder;
  }

  async set(pairIds: string[] = this.pairIds): Promise<void> {
    const given = this.given(pairIds);
    if (given === null || this.setting) return;
    const { witness } = given.params;
    this.setting = true;
    this.problem = null;
    const answer = await call(given.method, { requestId: requestId(), ...given.params });
    this.setting = false;
    if (!answer.ok) {
      this.problem = answer.problem;
      return;
    }
    const again = new Set(pairIds);
    const others = this.outcomes.filter((each) => !again.has(each.pairId));
    this.outcomes = [...others, ...answer.value.outcomes].sort((a, b) => a.name.localeCompare(b.name, 'en'));
    this.step = 'done';
    if (this.remember.length > 0) await this.#offerForNew(witness);
  }

  async #offerForNew(witness: string): Promise<void> {
    const newPairs = session.settings?.newPairs;
    if (newPairs && newPairs.witness !== witness) await keepSetting({ newPairs: { ...newPairs, witness } });
  }
}
