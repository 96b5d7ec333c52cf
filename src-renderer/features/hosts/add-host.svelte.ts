import type { HostRole } from '../../../agent/protocol/host.ts';
import type { Problem } from '../../../agent/protocol/problem.ts';
import type { HostDefaults, HostDraft, HostKeyOffer } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { isUnanswered } from '../../lib/order-id.ts';
import { call, session } from '../../lib/session.svelte.ts';
import {
  emptyForm,
  type FieldProblems,
  loginOf,
  type Method,
  placeProblem,
  portOf,
  splitAddress,
  validate,
  withDefaults,
} from './add-host-form.ts';

export type AddStep = 'address' | 'fingerprint' | 'checks' | 'install' | 'done';

/** The wizard's course: what was entered, what the server answered, where it stands. Lives as long as its page. */
export class AddHostFlow {
  step = $state<AddStep>('address');
  form = $state(emptyForm());
  defaults = $state<HostDefaults | null>(null);
  /** What this computer proposes has come, or will not: earlier the ways to log in would move under the pointer. */
  proposed = $state(false);
  offer = $state<HostKeyOffer | null>(null);
  draft = $state<HostDraft | null>(null);
  name = $state('');
  site = $state('');
  role = $state<HostRole>('hypervisor');
  typed = $state('');
  differs = $state(false);
  busy = $state(false);
  fixing = $state<string | null>(null);
  fields = $state<FieldProblems>({});
  above = $state<Problem | null>(null);
  deploy = $state<{ step: string; fraction: number | null }[]>([]);
  hostId = $state<string | null>(null);

  /** What it shall be when the person came for that; null: what it is fit for. */
  readonly wanted: HostRole | null;

  /** Compared by the person in this run: not asked for again when the log-in fails before it reaches the server. */
  #confirmed: string | null = null;
  /** Goes up when the person goes back or away: an answer to what was asked before is no longer meant. */
  #round = 0;
  /** The answer to *add it* was lost: it may have been added all the same. */
  #unanswered = false;

  readonly #unlisten = session.client.on('deploy', (event) => {
    if (event.draftId !== this.draft?.draftId) return;
    const last = this.deploy.at(-1);
    if (last?.step === event.step) last.fraction = event.fraction;
    else this.deploy.push({ step: event.step, fraction: event.fraction });
  });

  constructor(wanted: HostRole | null = null, address = '') {
    this.wanted = wanted;
    this.form.address = address;
  }

  /** `reuse` false: an earlier host's log-in is no answer here. */
  async loadDefaults(reuse = true): Promise<void> {
    const defaults = await call('hosts.defaults', {});
    this.proposed = true;
    if (!defaults.ok) return;
    this.defaults = reuse ? defaults.value : { ...defaults.value, reuseSecretOf: null };
    // Whoever has gone on already meant what stood there.
    if (this.step === 'address' && !this.busy) this.form = withDefaults(this.form, this.defaults);
  }

  /** Host whose log-in can be used again; null when none. */
  reusable(): string | null {
    return this.defaults?.reuseSecretOf ?? null;
  }

  /** Leaves nothing open on the server when the person walks away. */
  leave(): void {
    this.#unlisten();
    this.#round += 1;
    if (this.draft && this.step === 'checks') void call('hosts.abandon', { draftId: this.draft.draftId });
  }

  setMethod(method: Method): void {
    this.form.method = method;
    this.fields = {};
  }

  clear(field: keyof FieldProblems): void {
    delete this.fields[field];
  }

  back(): void {
    this.#round += 1;
    this.busy = false;
    this.above = null;
    this.differs = false;
    if (this.step === 'checks' && this.draft) {
      void call('hosts.abandon', { draftId: this.draft.draftId });
      this.draft = null;
    }
    this.step = 'address';
  }

  async probe(): Promise<void> {
    this.form = splitAddress(this.form);
    this.fields = validate(this.form);
    this.above = null;
    const port = portOf(this.form);
    if (Object.keys(this.fields).length > 0 || port === null || this.busy) return;
    this.busy = true;
    const offer = await call('hosts.probe', { address: this.form.address, port });
    this.busy = false;
    if (!offer.ok) return this.#refuse(offer.problem);
    this.offer = offer.value;
    this.typed = '';
    this.differs = false;
    if (offer.value.known === 'known' || offer.value.fingerprint === this.#confirmed) await this.login();
    else this.step = 'fingerprint';
  }

  async trustChanged(): Promise<void> {
    if (this.typed.trim() === this.form.address) await this.login();
    else this.fields = { typed: m.addHost.changed.mismatch };
  }

  async login(): Promise<void> {
    const port = portOf(this.form);
    if (!this.offer || port === null || this.busy) return;
    this.#confirmed = this.offer.fingerprint;
    this.busy = true;
    const round = this.#round;
    const draft = await call('hosts.login', {
      address: this.form.address,
      port,
      user: this.form.user.trim(),
      login: loginOf(this.form),
      reuseSecretOf: this.form.method === 'same' ? this.reusable() : null,
      fingerprint: this.offer.fingerprint,
      ...(this.form.sudoPassword ? { sudoPassword: this.form.sudoPassword } : {}),
    });
    if (round !== this.#round) {
      if (draft.ok) void call('hosts.abandon', { draftId: draft.value.draftId });
      return;
    }
    this.busy = false;
    if (!draft.ok) return this.#refuse(draft.problem);
    this.#adopt(draft.value);
    this.name = draft.value.name;
    this.role =
      this.wanted !== null && draft.value.canAdd[this.wanted] ? this.wanted : likelyRole(draft.value);
    this.step = 'checks';
  }

  async fix(fix: string): Promise<void> {
    if (!this.draft || this.fixing) return;
    this.fixing = fix;
    this.above = null;
    const draft = await call('hosts.fix', { draftId: this.draft.draftId, fix });
    this.fixing = null;
    if (draft.ok) this.#adopt(draft.value);
    else this.above = draft.problem;
  }

  async install(): Promise<void> {
    if (!this.draft || this.busy) return;
    if (this.#foundAdded()) return;
    this.fields = this.#checkName();
    this.above = null;
    if (Object.keys(this.fields).length > 0) return;
    this.busy = true;
    this.deploy = [];
    this.step = 'install';
    const added = await call('hosts.add', {
      draftId: this.draft.draftId,
      name: this.name.trim(),
      site: this.site.trim(),
      role: this.role,
    });
    this.busy = false;
    if (added.ok) {
      this.hostId = added.value.hostId;
      this.step = 'done';
      return;
    }
    this.#unanswered = isUnanswered(added.problem);
    // Of the fields only the name stands on this step; address and log-in were two steps before.
    const atName = added.problem.field === 'name' ? placeProblem(added.problem) : null;
    this.fields = atName?.fields ?? {};
    this.above = atName === null ? added.problem : atName.above;
    this.step = 'checks';
  }

  /** Whoever asks again for what was done already is shown that it is. */
  #foundAdded(): boolean {
    if (!this.#unanswered) return false;
    const { name, form } = this;
    const there = Object.values(session.fleet.hosts).find(
      (host) => host.name === name.trim() && host.address === form.address,
    );
    if (!there) return false;
    this.hostId = there.id;
    this.step = 'done';
    return true;
  }

  #checkName(): FieldProblems {
    const name = this.name.trim();
    if (name === '') return { name: m.addHost.found.nameMissing };
    const taken = Object.values(session.fleet.hosts).some((host) => host.name === name);
    return taken ? { name: m.addHost.found.nameTaken } : {};
  }

  #adopt(draft: HostDraft): void {
    this.draft = draft;
    this.above = null;
    this.fields = {};
  }

  /** Back to the page where what was entered can be mended; nothing of it is lost. */
  #refuse(problem: Problem): void {
    const { fields, above } = placeProblem(problem);
    this.fields = fields;
    this.above = above;
    this.step = 'address';
  }
}

/** A hypervisor whose checks can still be mended is not taken for a witness box. */
function likelyRole(draft: HostDraft): HostRole {
  const mendable = draft.checks.some((check) => check.state === 'failed' && check.fix !== undefined);
  return draft.canAdd.hypervisor || mendable || !draft.canAdd.witness ? 'hypervisor' : 'witness';
}
