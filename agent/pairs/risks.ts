import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type AtRisk,
  NO_OBJECTIVES,
  type PairRecord,
  type RiskHistory,
  type RiskStatus,
  type RtoMeasure,
  rpoStanding,
  type Standing,
  secondsAtRisk,
} from '../protocol/index.ts';
import { atRisk, type Startable } from './at-risk.ts';
import type { PairContext } from './context.ts';
import { measureAnswer } from './measure-answer.ts';
import { RiskFile } from './risk-file.ts';
import { MINUTE_MS, worse } from './risk-ring.ts';
import type { Risking } from './risking.ts';
import { isLive, type StoredPair } from './store.ts';

/** From one look at what is at risk to the next, ms: a question to the guest's monitor each time while its copy is behind. */
const LOOK_MS = 5_000;
/** What goes to and fro over its target is not told more often than this, ms. */
const TOLD_AGAIN_MS = 3_600_000;
/** How long QEMU may take to say how much was written, ms. */
const ASK_MS = 3_000;
const MEASURES_SHOWN = 5;

/** What is known of one pair between two looks. */
interface Watched {
  file: RiskFile;
  /** The newest that was seen; null before the first of this life of the agent. */
  record: PairRecord | null;
  behindBytes: number | null;
  /** QEMU has been asked for that, and has not answered yet. */
  asking: boolean;
  startable: Startable | undefined;
  /** Wall clock (ms) at which the machine was seen running last; null before that. */
  ranAt: number | null;
  /** The minute under way. */
  minute: { at: number; seconds: number | null; bytes: number | null } | null;
  standing: Standing | null;
  /** When a missed target was told last, and whether that still stands. */
  toldAt: number;
  told: boolean;
  shown: string;
}

/** Looks at what a failure would cost, keeps its history, and says when it is more than it may be. */
export class Risks implements Risking {
  readonly #context: PairContext;
  readonly #changed: (pairId: string) => void;
  readonly #watched = new Map<string, Watched>();
  #next = 0;
  #busy = false;
  #stopped = false;

  constructor(context: PairContext, changed: (pairId: string) => void) {
    this.#context = context;
    this.#changed = changed;
  }

  async load(): Promise<void> {
    const { store } = this.#context;
    await Promise.all(store.ids().map((pairId) => this.#of(pairId).file.load(this.#context.now())));
    await this.#removeOrphans();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const watched of this.#watched.values()) this.#close(watched);
    await Promise.all([...this.#watched.values()].map(({ file }) => file.close()));
  }

  status(pair: StoredPair): RiskStatus {
    const { file } = this.#of(pair.spec.pairId);
    return {
      atRisk: this.#context.isOwner(pair) ? this.#now(pair) : null,
      measures: file.measures.slice(0, MEASURES_SHOWN),
    };
  }

  history(pairId: string): RiskHistory {
    return this.#of(pairId).file.history;
  }

  async tick(): Promise<void> {
    const { clock, source } = this.#context.deps;
    if (this.#busy || this.#stopped || clock.bootMs() < this.#next) return;
    this.#busy = true;
    try {
      await this.#forgetEnded();
      if (source.ready) for (const pair of this.#context.store.all()) await this.#look(pair);
    } finally {
      this.#next = clock.bootMs() + LOOK_MS;
      this.#busy = false;
    }
  }

  /** The moment in which the copy stops having everything is in the record: kept, whatever follows. */
  recordChanged(pairId: string, after: PairRecord): void {
    if (this.#stopped || this.#context.store.kept(pairId) === null) return;
    const watched = this.#of(pairId);
    const { file, record: before } = watched;
    watched.record = after;
    if (after.owner !== this.#context.deps.selfHostId()) return;
    const { mode, state, since } = after.replica;
    if (state === 'in-sync' && file.whole !== null) this.#countLast(pairId, watched, file.whole);
    // What the standby said of a half-made copy was of the one before.
    if (state === 'in-sync') watched.startable = undefined;
    if (mode === 'sync' && state === 'stale' && (before === null || before.replica.state === 'in-sync'))
      void file.setWhole(file.whole ?? since);
    else if (mode !== 'sync' || state === 'in-sync' || state === 'none') void file.setWhole(null);
    const taken = after.change === 'takeover' && before !== null && before.owner !== after.owner;
    // One that a person ordered is measured from the order: the time to decide is not the copy's.
    if (!taken || this.#context.tasks.running(pairId)?.kind === 'failover') return;
    const lost = this.#context.deps.peers.sight(before.owner);
    this.cameUp(pairId, 'takeover', lost?.lastHeardAt ?? this.#context.now());
  }

  cameUp(pairId: string, source: RtoMeasure['source'], began: number): void {
    const pair = this.#context.store.get(pairId);
    if (!pair) return;
    void measureAnswer(this.#context, pairId, () => this.#stopped).then(async (found) => {
      if (found === null) return;
      const { at, until } = found;
      await this.#of(pairId).file.measured({
        ...{ source, at, until, host: this.#context.self },
        ms: Math.max(0, Math.round(at - began)),
      });
      this.#changed(pairId);
    });
  }

  switchedOver(pairId: string, host: string, ms: number): void {
    const at = this.#context.now();
    const measure = { source: 'switchover', at, host, ms: Math.round(ms), until: 'running' } as const;
    void this.#of(pairId).file.measured(measure);
  }

  async #look(pair: StoredPair): Promise<void> {
    const { pairId } = pair.spec;
    const watched = this.#of(pairId);
    watched.record ??= pair.record;
    if (!this.#context.isOwner(pair) || pair.notes.ended) {
      this.#close(watched);
      watched.ranAt = null;
      return;
    }
    if (this.#mayWrite(pair)) watched.ranAt = this.#context.now();
    await this.#ask(pair, watched);
    if (this.#stopped) return;
    const found = this.#now(pair);
    if (found.kind !== 'unknown') this.#count(watched, found);
    this.#tell(pair, watched, found);
    const shown = JSON.stringify({ ...found, at: 0 });
    if (shown !== watched.shown) this.#changed(pairId);
    watched.shown = shown;
  }

  /** What only the guest's QEMU, and the standby, can say. */
  async #ask({ spec, record }: StoredPair, watched: Watched): Promise<void> {
    const { mode, state } = record.replica;
    const behind = mode === 'sync' && (state === 'stale' || state === 'catching-up');
    if (!behind) {
      Object.assign(watched, { behindBytes: null, startable: undefined });
      return;
    }
    watched.behindBytes = await this.#distance(spec.pairId, watched);
    const asked = await this.#context.deps.peers
      .to(this.#context.other(spec))
      .call('record.read', { pairId: spec.pairId });
    // Silent: what it said last still lies there.
    if (asked.ok) watched.startable = asked.value.startable;
  }

  /** A guest whose monitor hangs must not keep the other machines from being looked at; it is not asked twice at a time. */
  async #distance(pairId: string, watched: Watched): Promise<number | null> {
    const { source, clock, log } = this.#context.deps;
    if (watched.asking) return null;
    watched.asking = true;
    const asked = source
      .distanceKnown(pairId)
      .then((known) => known?.bytes ?? null)
      .catch((error) => {
        log('debug', `${pairId}: ${String(error)}`);
        return null;
      })
      .finally(() => {
        watched.asking = false;
      });
    const limit = new Promise<null>((done) => void clock.setTimeout(() => done(null), ASK_MS));
    return Promise.race([asked, limit]);
  }

  /** Unless its hypervisor says that it does not run: one that cannot be asked goes on for all that is known. */
  #mayWrite({ spec }: StoredPair): boolean {
    const { hypervisor } = this.#context.deps;
    return !hypervisor.reachable || isLive(this.#context.vmState(spec.workload.uuid));
  }

  #now(pair: StoredPair): AtRisk {
    const { spec, record } = pair;
    const watched = this.#of(spec.pairId);
    const now = this.#context.now();
    const status = this.#context.deps.source.status(spec.pairId);
    return atRisk({
      ...{ mode: record.replica.mode, replica: record.replica, now },
      whole: watched.file.whole ?? this.#wholeByPoints(record, watched.file),
      follow: status?.follow ?? null,
      attended: status?.attended ?? null,
      behindBytes: watched.behindBytes,
      startable: watched.startable,
      stillSince: this.#mayWrite(pair) ? null : (watched.ranAt ?? now),
    });
  }

  /** Nobody follows now: the last that was noted of the copy, never better than it was. */
  #wholeByPoints({ replica }: PairRecord, { last }: RiskFile): number | null {
    if (replica.mode === 'sync' || last == null || last.seconds === null) return null;
    return last.at - last.seconds * 1000;
  }

  /** The copy has everything again: the longest that it had not, which is between two looks. */
  #countLast(pairId: string, watched: Watched, wholeUntil: number): void {
    const pair = this.#context.store.get(pairId);
    const at = this.#context.now();
    const stillSince = pair === null || this.#mayWrite(pair) ? null : (watched.ranAt ?? at);
    this.#count(watched, { kind: 'since', wholeUntil, stillSince, bytes: watched.behindBytes, at });
  }

  #count(watched: Watched, found: AtRisk): void {
    const at = Math.floor(found.at / MINUTE_MS) * MINUTE_MS;
    if (watched.minute && watched.minute.at !== at) this.#close(watched);
    const sample = { seconds: secondsAtRisk(found, found.at), bytes: found.bytes };
    watched.minute = { at, ...(watched.minute ? worse(watched.minute, sample) : sample) };
  }

  /** The minute is over, or is known no further: on disk. */
  #close(watched: Watched): void {
    if (watched.minute) void watched.file.minute(watched.minute);
    watched.minute = null;
  }

  /** A change for the worse, or the better, is in the audit log; what is about to be missed only of a mirror, which nothing brings back soon. */
  #tell(pair: StoredPair, watched: Watched, found: AtRisk): void {
    const { rpoS } = pair.spec.objectives ?? NO_OBJECTIVES;
    const before = watched.standing;
    const standing = rpoStanding({ rpoS, rtoS: null }, found, found.at);
    watched.standing = standing;
    const { name } = pair.spec.workload;
    if (standing === 'missed' && before !== 'missed') {
      if (found.at - watched.toldAt < TOLD_AGAIN_MS) return;
      Object.assign(watched, { toldAt: found.at, told: true });
      const seconds = secondsAtRisk(found, found.at);
      const much = seconds === null ? 'there is no copy to start from' : `the last ${Math.round(seconds)} s`;
      const text = `A failure now would cost ${name} more than it may (target ${rpoS} s): ${much}.`;
      this.#context.audit('rpo-missed', pair, text);
    } else if (standing === 'near' && before === 'met' && pair.record.replica.mode === 'sync') {
      const text = `A failure now would soon cost ${name} more than it may (target ${rpoS} s).`;
      this.#context.audit('rpo-near', pair, text);
    } else if (watched.told && standing !== 'missed') {
      watched.told = false;
      this.#context.audit('rpo-met', pair, `A failure now would cost ${name} no more than it may again.`);
    }
  }

  /** Of pairs that ended while no agent ran, or whose file could not be removed then. */
  async #removeOrphans(): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const known = this.#context.store.ids().some((pairId) => name === `${pairId}.log`);
      if (!known) await rm(join(this.#directory, name), { force: true });
    }
  }

  get #directory(): string {
    return join(this.#context.deps.stateDir, 'risks');
  }

  async #forgetEnded(): Promise<void> {
    for (const [pairId, { file }] of this.#watched) {
      if (this.#context.store.kept(pairId) !== null) continue;
      this.#watched.delete(pairId);
      await file.remove();
    }
  }

  #of(pairId: string): Watched {
    const known = this.#watched.get(pairId);
    if (known) return known;
    const { log } = this.#context.deps;
    const fresh: Watched = {
      file: new RiskFile(join(this.#directory, `${pairId}.log`), log),
      ...{ record: null, behindBytes: null, startable: undefined, ranAt: null, minute: null },
      ...{ standing: null, toldAt: Number.NEGATIVE_INFINITY, told: false, shown: '', asking: false },
    };
    this.#watched.set(pairId, fresh);
    return fresh;
  }
}
