import { CONTRACT } from '../lease/rules.ts';
import { replicaBecomes } from '../lease/transitions.ts';
import { fail, ok, type Problem, ProblemError, type Result } from '../protocol/index.ts';
import { OLD_DISK, type PointsLink } from '../replication/replication.ts';
import { takeInDisks } from './changes/take-in.ts';
import type { PairContext } from './context.ts';
import { KeepGoing } from './keep-going.ts';
import { pointModeOf } from './modes.ts';
import { isLive } from './store.ts';
import { hypervisorAnswers } from './waits.ts';

/** How often the standby is asked how far it has read, ms. */
const ASK_MS = 300;
const MOST_SILENCES = 20;
/** Problems of the way there, not of what was asked. */
const SILENCE = ['peer-unreachable', 'link-closed', 'deadline', 'cancelled'];

/** The standby's points as this owner reaches them. */
export function pointsLink(context: PairContext, pairId: string, overQuarantine: boolean): PointsLink {
  const peer = () => context.deps.peers.to(context.other(context.pair(pairId).spec));
  return {
    async begin() {
      const chosen = context.nodes.chosen(pairId);
      const pair = context.store.get(pairId);
      if (chosen === null || pair === null) return fail(notKnown);
      const begun = await peer().call('points.begin', { spec: pair.spec, chosen, overQuarantine });
      if (!begun.ok) return begun;
      const { remote, newest, oldDisk } = begun.value;
      return ok({ remote, newest: newest?.id ?? (oldDisk ? OLD_DISK : null) });
    },
    async compared(stopped) {
      for (let silences = 0; !stopped(); ) {
        const asked = await peer().call('points.compare', { pairId });
        if (asked.ok && asked.value.remote) return ok(asked.value.remote);
        silences = asked.ok ? 0 : silences + 1;
        const silent = !asked.ok && SILENCE.includes(asked.problem.kind);
        if (!asked.ok && (!silent || silences > MOST_SILENCES)) return asked;
        await new Promise<void>((done) => void context.deps.clock.setTimeout(done, ASK_MS));
      }
      return fail(givenUp);
    },
    async seal(point): Promise<Result<void>> {
      const sealed = await peer().call('points.seal', { pairId, point });
      return sealed.ok ? ok(undefined) : sealed;
    },
  };
}

/** Begins to make points on the standby, at once. Throws ProblemError. */
export async function follow(context: PairContext, pairId: string, overQuarantine: boolean): Promise<void> {
  const { source, peers } = context.deps;
  const pair = context.pair(pairId);
  const mode = pointModeOf(pair);
  const other = context.other(pair.spec);
  const peer = peers.get(other);
  if (!mode || !peer) throw new ProblemError(context.unreachable(other));
  const { uuid } = pair.spec.workload;
  await hypervisorAnswers(context);
  if (!isLive(context.vmState(uuid))) throw new ProblemError(notRunning(context, pairId));
  const listed = await peers.to(other).call('points.list', { pairId });
  if (!listed.ok) throw new ProblemError(listed.problem);
  const followed = await source.follow({
    pairId,
    vmUuid: uuid,
    disks: context.disks(pair.spec, context.self),
    address: peer.address,
    mode,
    link: pointsLink(context, pairId, overQuarantine),
    last: listed.value.points.at(-1) ?? null,
  });
  if (!followed.ok) throw new ProblemError(followed.problem);
}

/** The standby has a complete point: written into the record, once. */
export async function recordPoints(context: PairContext, pairId: string): Promise<void> {
  const pair = context.store.get(pairId);
  const point = context.deps.source.status(pairId)?.follow?.point ?? null;
  if (!pair || point === null || !context.isOwner(pair) || !pointModeOf(pair)) return;
  const { record } = pair;
  if (record.replica.state === 'stale' || !record.begun) return;
  const stale = replicaBecomes(record.epoch.n, context.self, 'stale', point.at, CONTRACT);
  await context.swap(pairId, stale);
}

/** Keeps the copies that are kept by points going. */
export class Following {
  readonly #context: () => PairContext;
  readonly #going: KeepGoing;

  constructor(context: () => PairContext) {
    this.#context = context;
    this.#going = new KeepGoing(context, {
      word: 'following',
      idle: (pairId) => context().deps.source.status(pairId) === null || this.#leftOver(pairId),
      before: (pairId) => context().alignMembers(pairId),
      begin: async (pairId, over) => {
        await takeInDisks(context(), pairId);
        await follow(context(), pairId, over);
      },
    });
  }

  request(pairId: string): void {
    this.#going.request(pairId);
  }

  /** A mirror of before, that has ended or is about to. */
  #leftOver(pairId: string): boolean {
    return this.#context().deps.source.status(pairId)?.follow === undefined;
  }
}

const notRunning = (context: PairContext, pairId: string): Problem => {
  const { name } = context.pair(pairId).spec.workload;
  return {
    kind: 'guest-stopped',
    message: `${name} does not run on ${context.deps.selfName()}: points are made of a running machine.`,
    next: `Start ${name}; its copy then follows by itself.`,
  };
};

const notKnown: Problem = {
  kind: 'pair-unknown',
  message: 'The pair is not known here any more.',
  next: 'Look at the map again.',
};

const givenUp: Problem = {
  kind: 'point-ended',
  message: 'Making the point was broken off.',
  next: 'It is tried again by itself.',
};
