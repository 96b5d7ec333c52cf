import type {
  Epoch,
  LocalCopy,
  PairRecord,
  Problem,
  Sight,
  Workload,
} from '../../../agent/protocol/index.ts';
import { compareEpoch, compareRecord, ProblemError } from '../../../agent/protocol/index.ts';
import type { PairView, Verdict } from '../../contract/index.ts';
import { type Fleet, statusOf } from '../fleet/fleet.ts';
import type { HostEntry } from '../fleet/host-entry.ts';
import { type Orders, type Started, unwrap } from '../orders/orders.ts';
import type { HostSight } from '../pairs/inputs.ts';
import type { OldHostWord, Onlooker, StandbyWord, VerdictInputs } from './inputs.ts';
import { isWorse, judge } from './judge.ts';

/** How long each party may take to answer before the verdict is given without it. */
const ASK_MS = 3_000;

export interface FailoverOrder {
  requestId: string;
  pairId: string;
  /** The verdict the person saw. */
  seen: 'proven' | 'unproven';
  typedName: string | null;
  /** Of a copy that is kept by points: the one to start from; without it the newest. */
  point?: string | null | undefined;
}

/** Gathers the evidence, gives the verdict, and orders the failover a person confirmed. */
export class FailoverService {
  readonly #fleet: Fleet;
  readonly #orders: Orders;
  readonly #now: () => number;
  /** What each dialog showed last: a confirmation counts for exactly that. */
  readonly #shown = new Map<string, { standby: string; epoch: Epoch }>();

  constructor(deps: { fleet: Fleet; orders: Orders; now: () => number }) {
    this.#fleet = deps.fleet;
    this.#orders = deps.orders;
    this.#now = deps.now;
  }

  async verdict(pairId: string): Promise<Verdict> {
    const pair = unwrap(this.#fleet.pair(pairId));
    const verdict = await this.#evaluate(pair);
    this.#shown.set(pairId, { standby: pair.standby, epoch: epochOf(pair) });
    return verdict;
  }

  /** Throws ProblemError `verdict-changed`, `wrong-name`, or the verdict's own refusal; nothing is ordered then. */
  async failover(order: FailoverOrder): Promise<Started> {
    const pair = unwrap(this.#fleet.pair(order.pairId));
    const verdict = await this.#evaluate(pair);
    if (verdict.refusal) throw new ProblemError(verdict.refusal);
    if (isWorse(verdict.result, order.seen) || !this.#isAsShown(pair)) {
      throw new ProblemError(verdictChanged(pair, verdict));
    }
    if (verdict.typedName !== null && order.typedName?.trim() !== verdict.typedName) {
      throw new ProblemError(wrongName(verdict.typedName));
    }
    return this.#orders.give({
      requestId: order.requestId,
      hostId: pair.standby,
      method: 'pair.failover',
      params: {
        pairId: pair.id,
        expected: epochOf(pair),
        forced: verdict.result !== 'proven' || isUnclean(statusOf(pair, pair.standby)?.local),
        evidence: evidenceOf(verdict),
        point: order.point ?? null,
      },
      subject: `Fail over ${pair.name} to ${this.#fleet.nameOf(pair.standby)}`,
      pairId: pair.id,
      evidence: evidenceOf(verdict),
    });
  }

  #isAsShown(pair: PairView): boolean {
    const shown = this.#shown.get(pair.id);
    return shown?.standby === pair.standby && compareEpoch(shown.epoch, epochOf(pair)) === 0;
  }

  async #evaluate(pair: PairView): Promise<Verdict> {
    const old = this.#fleet.get(pair.primary);
    const standby = this.#fleet.get(pair.standby);
    const [oldWord, standbyWord, onlookers] = await Promise.all([
      old ? askOldHost(old, pair) : null,
      standby ? askStandby(standby, pair) : null,
      Promise.all(this.#others(pair).map((host) => askOnlooker(host, pair))),
    ]);
    return judge({
      now: this.#now(),
      machine: pair.name,
      pairId: pair.id,
      old: this.#sightOf(pair.primary),
      oldId: pair.primary,
      oldWord,
      standbyWord,
      standby: standby ? standby.sight() : this.#sightOf(pair.standby),
      standbyId: pair.standby,
      onlookers,
      record: statusOf(pair, pair.standby)?.record ?? null,
      newest: newestOf(pair),
      point: statusOf(pair, pair.standby)?.point ?? null,
      unclean: isUnclean(statusOf(pair, pair.standby)?.local),
      points: pair.replication.points,
      follow: pair.replication.follow,
      atRisk: pair.objectives?.atRisk ?? null,
      distrusted: distrustOf(pair),
    });
  }

  /** Everybody but the old host: the standby first, then witnesses and other hosts. */
  #others(pair: PairView): HostEntry[] {
    const rank = ({ record }: HostEntry): number =>
      record.id === pair.standby ? 0 : record.role === 'witness' ? 1 : 2;
    return this.#fleet
      .hosts()
      .filter((host) => host.record.id !== pair.primary)
      .sort((a, b) => rank(a) - rank(b));
  }

  #sightOf(hostId: string): HostSight {
    const host = this.#fleet.get(hostId);
    return host ? host.sight() : { name: this.#fleet.nameOf(hostId), reach: 'silent', silentSince: null };
  }
}

/** Asks the old host's agent anew, not the cache; null when it does not answer. */
async function askOldHost(host: HostEntry, pair: PairView): Promise<OldHostWord | null> {
  if (host.reach !== 'answers') return null;
  const answer = await host.link.call('state.subscribe', {}, { deadlineMs: ASK_MS });
  if (!answer.ok) return null;
  const uuid = workloadOf(pair)?.uuid;
  const local = answer.value.pairs.find((status) => status.spec.pairId === pair.id)?.local;
  return {
    vm: answer.value.vms.find((vm) => vm.uuid === uuid)?.state ?? null,
    hypervisorReachable: answer.value.facts.hypervisor.reachable,
    local: local?.kind ?? null,
    frozen: local?.kind === 'primary' && local.vm === 'frozen',
  };
}

/** How the lease stands at the standby, asked anew; only of an armed pair can it prove anything. */
async function askStandby(host: HostEntry, pair: PairView): Promise<StandbyWord | null> {
  if (host.reach !== 'answers' || !pair.automation.armed) return null;
  const answer = await host.link.call('state.subscribe', {}, { deadlineMs: ASK_MS });
  if (!answer.ok) return null;
  const status = answer.value.pairs.find((each) => each.spec.pairId === pair.id);
  return status ? { record: status.record, lease: status.lease } : null;
}

async function askOnlooker(host: HostEntry, pair: PairView): Promise<Onlooker> {
  const as =
    host.record.id === pair.standby ? 'standby' : host.record.role === 'witness' ? 'witness' : 'host';
  return { name: host.record.name, as, sight: await askSight(host, pair.primary) };
}

async function askSight(host: HostEntry, ofHostId: string): Promise<Sight | null> {
  if (host.reach !== 'answers') return null;
  const answer = await host.link.call('sight.list', {}, { deadlineMs: ASK_MS });
  if (!answer.ok) return null;
  return answer.value.sights.find((sight) => sight.hostId === ofHostId) ?? null;
}

const isUnclean = (local: LocalCopy | undefined): boolean =>
  local?.kind === 'standby' && local.unclean === true;

/** A comparison found the copy to differ, and it has not been made good yet. */
function distrustOf({ verify }: PairView): VerdictInputs['distrusted'] {
  if (verify?.state !== 'differs') return null;
  const found = verify.results.find(({ outcome }) => outcome === 'differs');
  return { at: found?.at ?? 0, bytes: found?.found?.differingBytes ?? 0 };
}

function workloadOf(pair: PairView): Workload | null {
  return Object.values(pair.members)[0]?.status.spec.workload ?? null;
}

/** The newest record any member showed. A pair has at least one member's word. */
function newestOf(pair: PairView): PairRecord {
  const records = Object.values(pair.members).map((member) => member.status.record);
  return records.reduce((a, b) => (compareRecord(b, a) > 0 ? b : a));
}

function epochOf(pair: PairView): Epoch {
  return newestOf(pair).epoch;
}

function evidenceOf(verdict: Verdict): Record<string, string> {
  const pieces = verdict.evidence.map(({ source, text }): [string, string] => [source, text]);
  return { ...Object.fromEntries(pieces), verdict: verdict.result, replica: verdict.replica.text };
}

function verdictChanged(pair: PairView, verdict: Verdict): Problem {
  return {
    kind: 'verdict-changed',
    message: `What is known of ${pair.name} changed while you were reading: ${verdict.sentence}`,
    next: 'Read the new verdict and decide again; nothing was started.',
  };
}

function wrongName(name: string): Problem {
  return {
    kind: 'wrong-name',
    message: `The name typed is not "${name}".`,
    next: `Type ${name} exactly as it is written.`,
    field: 'typedName',
  };
}
