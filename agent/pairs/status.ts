import { GUARD_BOUND_MS, timingOf } from '../lease/timing.ts';
import type { Hindrance, LeaseView, LocalCopy, PairStatus } from '../protocol/index.ts';
import type { PairContext } from './context.ts';
import type { HostSite } from './site.ts';
import { isLive, type StoredPair } from './store.ts';

/** Why an owner does not start its guest, in words. */
const WAITING: Record<string, (standby: string, problem: string | null) => string> = {
  'ask-standby': (standby) => `${standby} cannot be asked whether it runs the machine`,
  'no-record': () => "the pair's record is not known here yet",
  'no-majority': () => 'too few voters of the pair answer',
  'state-lost': () => 'this host has lost its record of it: a person has to decide',
  'no-capacity': () => 'this host cannot start it now: its hypervisor does not answer',
  'no-lease': () => 'the voters have not given the lease yet',
  unclean: () =>
    'its storage ended uncleanly while it acknowledged from memory, so writes may be missing; a person may force it',
  'closing-export': () => 'the copy is being closed to the other host’s writes',
  'forced-met': (standby) => `a person has started it on ${standby}`,
  starting: (_standby, problem) => problem ?? 'it is being started',
};

function waitingFor(
  context: PairContext,
  pair: StoredPair,
  site: HostSite | null,
): { since: number; reason: string } | null {
  if (site?.lacksDefinition) {
    const reason = `${pair.spec.workload.name} is no longer defined on ${context.deps.selfName()}`;
    return { since: site.waitingSince(reason), reason };
  }
  const kind = context.nodes.get(pair.spec.pairId)?.waiting() ?? null;
  const standby = context.nameOf(context.other(pair.spec));
  const problem = site?.startProblem?.message ?? null;
  if (kind === null) return null;
  if (kind === 'starting' && problem === null) return null;
  const reason = WAITING[kind]?.(standby, problem) ?? kind;
  return { since: site?.waitingSince(reason) ?? context.now(), reason };
}

/** What this member tells the console of its own copy. */
function localCopy(context: PairContext, pair: StoredPair, site: HostSite | null): LocalCopy {
  const { quarantine } = pair.notes;
  if (quarantine) return { kind: 'quarantined', ...quarantine };
  if (!context.isOwner(pair)) {
    const { target } = context.deps;
    return {
      kind: 'standby',
      exports: target.isOpen(pair.spec.pairId) ? 'open' : 'closed',
      ...(target.isUnclean(pair.spec.pairId) ? { unclean: true } : {}),
    };
  }
  const { uuid } = pair.spec.workload;
  const state = context.vmState(uuid);
  const waiting = isLive(state) ? null : waitingFor(context, pair, site);
  if (waiting) return { kind: 'waiting', ...waiting };
  const frozen = isLive(state) && context.deps.guard.stopped(uuid);
  return {
    kind: 'primary',
    vm: frozen ? 'frozen' : state === 'paused' ? 'paused' : isLive(state) ? 'running' : 'stopped',
    ...(context.isUndefined(uuid) ? { defined: false } : {}),
  };
}

const WHY_NOT: Record<string, string> = {
  'policy-manual': 'Failover is set to manual.',
  mode: 'Its copy lacks what was written last: a person decides about a failover.',
  paused: 'All automation is paused.',
  maintenance: 'Maintenance is under way.',
  'no-witness': 'There is no witness: without a third vote nobody can decide by himself.',
  'no-drill': 'The copy has not been tried out yet: run a drill, or decide to arm without one.',
  'not-begun': 'The machine is just changing sides.',
  'not-in-sync': 'The copies do not agree yet.',
  'guest-not-running': 'The machine does not run.',
  'guest-frozen': 'The machine is frozen until its right to run is clear.',
  'hand-over': 'The machine is about to change sides.',
};

/** Hindrances that name a voter are `kind:host-id`. */
function hindrance(context: PairContext, raw: string): Hindrance {
  const [kind = raw, hostId] = raw.split(':');
  const name = hostId === undefined ? '' : context.nameOf(hostId);
  const { view } = context.deps.guard;
  if (kind === 'guard-unfit' && context.certificateEnds)
    return { kind: 'certificate-ends', text: context.certificateEnds };
  if (kind === 'guard-unfit') return { kind, text: view.why ?? 'The guard does not run as it must.' };
  if (kind === 'voter-missing') return { kind, text: `${name} does not answer.` };
  if (kind === 'voter-behind') return { kind, text: `${name} does not hold the newest record yet.` };
  return { kind, text: WHY_NOT[kind] ?? raw };
}

export function leaseView(context: PairContext, pair: StoredPair): LeaseView {
  const { pairId, workload } = pair.spec;
  const timing = timingOf(pair.record.profile, GUARD_BOUND_MS);
  const view = context.nodes.get(pairId)?.view();
  const { guard } = context.deps;
  return {
    leaseMs: timing.leaseMs,
    holdMs: timing.holdMs,
    leftMs: view?.leftMs ?? null,
    heldMs: view?.heldMs ?? null,
    known: view?.known ?? false,
    voters: (view?.voters ?? []).map(({ id, heardMsAgo, current }) => ({
      hostId: id,
      name: context.nameOf(id),
      heardMsAgo,
      current,
    })),
    guard: {
      fit: guard.view.state === 'armed',
      on: guard.on(workload.uuid, pair.record.epoch.n),
      why: guard.view.why,
    },
    hindrances: context.isOwner(pair)
      ? (view?.hindrances ?? []).map(({ kind }) => hindrance(context, kind))
      : [],
    at: context.now(),
  };
}

function changesOf({ notes }: StoredPair): Pick<PairStatus, 'changes'> {
  const { changed = null, followed = [], touched = null } = notes;
  const none = changed === null && touched === null && followed.length === 0;
  return none ? {} : { changes: { open: changed, followed, touched } };
}

export function pairStatus(context: PairContext, pair: StoredPair, site: HostSite | null): PairStatus {
  const peerId = context.other(pair.spec);
  const sight = context.deps.peers.sight(peerId);
  const points = context.isOwner(pair) ? [] : context.deps.target.restore.list(pair.spec.pairId);
  return {
    spec: pair.spec,
    record: pair.record,
    local: localCopy(context, pair, site),
    mirror: context.isOwner(pair) ? context.deps.source.status(pair.spec.pairId) : null,
    asides: pair.notes.aside
      .filter(({ keep }) => keep)
      .map(({ path, bytes = null, since = null, under }) => ({
        path,
        bytes,
        since,
        under: under !== undefined,
      })),
    point: pair.notes.image === 'point' ? { wholeUntil: pair.notes.point?.wholeUntil ?? null } : null,
    ...(points.length > 0 ? { restorePoints: points } : {}),
    lease: leaseView(context, pair),
    drill: context.drills.status(pair),
    verify: context.verifies.status(pair),
    risk: context.risks.status(pair),
    ...changesOf(pair),
    peer: {
      hostId: peerId,
      reachable: sight?.reachable ?? false,
      since: sight?.since ?? pair.spec.createdAt,
    },
  };
}
