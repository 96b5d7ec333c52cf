import { type Problem, ProblemError, type UnclaimedMachine } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import type { KeptPair } from './store.ts';

interface LetGoOrder {
  vmUuid: string;
  actor: string;
  /** The person has made sure that no other host runs the machine, or may ever run it by this host's vote. */
  vouched: boolean;
}

/**
 * The guard's list against the pairs of this host. A machine on it that no pair names belongs to a pair whose file here
 * is lost or damaged: the other hosts may still count on this one to keep it down. So it stays on the list, where nobody
 * starts it, until the other member has told of the pair again or a person lets it go.
 */
export class Guarded {
  readonly #context: PairContext;
  readonly #changed: () => void;
  #known: UnclaimedMachine[] = [];

  /** `changed`: what `unclaimed` says has changed. */
  constructor(context: PairContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** At a start, before anything else: every machine of a pair is protected. */
  async restore(): Promise<void> {
    for (const { spec, notes } of this.#kept())
      if (!notes.ended) await this.#context.deps.guard.protect(spec.workload.uuid);
  }

  /** Once the pairs are loaded and the hypervisor has answered: what a crash left undone, and what was lost. */
  async reconcile(): Promise<void> {
    const { log } = this.#context.deps;
    // Its protection had ended when the agent did. Left for the next start when it cannot be written down.
    for (const { spec, notes } of this.#kept())
      if (notes.ended)
        await this.#context.letGo(spec).catch((error) => log('warn', `${spec.pairId}: ${String(error)}`));
    this.look();
  }

  /** Which machines the guard protects here though no pair names them, as last looked. */
  get unclaimed(): UnclaimedMachine[] {
    return this.#known;
  }

  /** Looks anew and writes down what has changed. */
  look(): void {
    const { guard, selfName } = this.#context.deps;
    const [before, now] = [this.#known, this.#orphans(guard.protects()).map((uuid) => this.#describe(uuid))];
    const isIn = (list: UnclaimedMachine[], uuid: string) => list.some(({ vmUuid }) => vmUuid === uuid);
    for (const { vmUuid, problem } of now) {
      if (isIn(before, vmUuid)) continue;
      this.#context.audit('pair-lost', null, `${problem.message} ${problem.next}`, { vmUuid });
    }
    const protects = new Set(guard.protects());
    for (const { vmUuid, name } of before)
      if (!isIn(now, vmUuid) && protects.has(vmUuid))
        this.#context.audit('pair-found', null, `${selfName()} knows the pair of ${name} again.`, { vmUuid });
    this.#known = now;
    if (JSON.stringify(before) !== JSON.stringify(now)) this.#changed();
  }

  /** Throws ProblemError while something speaks against it. */
  async letGo({ vmUuid, actor, vouched }: LetGoOrder): Promise<void> {
    const { guard, selfName } = this.#context.deps;
    // Given before.
    if (!guard.protects().includes(vmUuid)) return;
    const name = this.#nameOf(vmUuid);
    const against = this.#against(vmUuid, name) ?? (vouched ? null : this.#doubt(name));
    if (against) throw new ProblemError(against);
    const word = vouched ? ', vouching that no other host runs it' : '';
    const text = `${actor} lets ${name} go on ${selfName()}${word}: its guard has no more to do with it.`;
    this.#context.audit('let-go', null, text, { vmUuid }, actor);
    await guard.letGo(vmUuid);
    this.look();
  }

  #kept(): KeptPair[] {
    const { store } = this.#context;
    return store.ids().flatMap((pairId) => store.kept(pairId) ?? []);
  }

  #orphans(protects: string[]): string[] {
    const named = new Set(this.#kept().map(({ spec }) => spec.workload.uuid));
    return protects.filter((uuid) => !named.has(uuid));
  }

  #nameOf(vmUuid: string): string {
    return this.#context.vm(vmUuid)?.name ?? `the machine ${vmUuid}`;
  }

  #describe(vmUuid: string): UnclaimedMachine {
    const name = this.#nameOf(vmUuid);
    const host = this.#context.deps.selfName();
    return {
      vmUuid,
      name,
      problem: {
        kind: 'pair-lost',
        message: `${host} protects ${name}, but has lost what it knew of its pair.`,
        next: `Bring back the host that keeps the other copy: ${host} learns of the pair from there by itself. Let the machine go only when there is no such host any more.`,
      },
    };
  }

  /** What no word of a person outweighs. */
  #against(vmUuid: string, name: string): Problem | null {
    const { guard, selfName } = this.#context.deps;
    if (!this.#orphans([vmUuid]).includes(vmUuid))
      return {
        kind: 'machine-paired',
        message: `${name} belongs to a pair that ${selfName()} knows.`,
        next: 'End its protection instead.',
      };
    if (!guard.stopped(vmUuid)) return null;
    return {
      kind: 'machine-frozen',
      message: `${name} stands still on ${selfName()}: its right to run there is over, and another host may run it.`,
      next: `End that process first (virsh destroy ${name} on ${selfName()}), then let the machine go.`,
    };
  }

  /** Why somebody may still count on this host; only a person can know better. */
  #doubt(name: string): Problem | null {
    const { peers, selfName } = this.#context.deps;
    const { nodes, store, self } = this.#context;
    const member = nodes.ids().some((pairId) => {
      const isMember = nodes.record(pairId)?.members.includes(self) === true;
      return isMember && store.kept(pairId) === null;
    });
    const silent = peers
      .sights()
      .filter(({ hostId, reachable }) => !reachable && peers.get(hostId)?.role !== 'witness');
    if (!member && silent.length === 0) return null;
    const names = silent.map((sight) => sight.name).join(', ');
    const why = member ? `A record still names ${selfName()}` : `${names} cannot be asked`;
    return {
      kind: 'let-go-in-doubt',
      message: `${why}: another host may keep a copy of ${name}, and run it.`,
      next: 'Let it go only when you know that no other host runs it or ever will, or bring that host back first.',
    };
  }
}
