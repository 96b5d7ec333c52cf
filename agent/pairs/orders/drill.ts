import * as v from 'valibot';
import { type Stage, type TrialCopy, type TrialPlan, trialCopy } from '../../drill/stage.ts';
import {
  type DrillCheck,
  type DrillResult,
  ExportAddress,
  type PairSpec,
  type Problem,
  ProblemError,
  RestorePoint,
  type Result,
} from '../../protocol/index.ts';
import type { Step, StepIo, TaskDefinition } from '../../tasks/runner.ts';
import { must, type PairContext } from '../context.ts';
import { pointModeOf } from '../modes.ts';
import { isLive, type StoredPair } from '../store.ts';
import { hypervisorAnswers } from '../waits.ts';
import { answered } from './drill-answer.ts';
import { frozenGround, type Ground, leaveGround, restoreGround } from './drill-ground.ts';
import { broken, busy, ended, INTERRUPTED, MADE_WAY, refuseDrill } from './drill-problems.ts';

const Ms = v.optional(v.nullable(v.number()), null);
const DrillData = v.object({
  pairId: v.string(),
  subject: v.string(),
  here: v.string(),
  /** The order's id, which becomes the result's. */
  id: v.string(),
  by: v.string(),
  /** How long the copy is left standing, paused, after its check, s. */
  standS: v.number(),
  addresses: v.optional(v.array(v.string()), []),
  evidence: v.optional(v.string(), ''),
  /** Of a copy that is kept by points: the one that is wanted (null: the newest), and the one that it was. */
  wanted: v.optional(v.nullable(v.string()), null),
  restorePoint: v.optional(v.nullable(RestorePoint), null),
  /** Where it is read. */
  offered: v.optional(v.nullable(ExportAddress), null),
  pointMs: Ms,
  startMs: Ms,
  answerMs: Ms,
  undoMs: Ms,
});
export type DrillData = v.InferOutput<typeof DrillData>;

/** What the trials' own room knows. */
export interface DrillRoom {
  fingerprint(spec: PairSpec): string;
  check(spec: PairSpec): DrillCheck;
  keep(pairId: string, result: DrillResult): Promise<void>;
  othersRun(pairId: string): boolean;
}

/** Tries the standby's copy out beside the running replication: journalled, cancellable, and gone without a trace. */
export function drillOrder(context: PairContext, room: DrillRoom): TaskDefinition<DrillData> {
  const trial = new Trial(context, room);
  const step = (
    id: string,
    label: (data: DrillData) => string,
    run: (data: DrillData, io: StepIo) => Promise<void>,
  ): Step<DrillData> => ({
    id,
    label,
    cancellable: true,
    async run(data, io) {
      // What an agent before this one had begun is not gone on with: its clock, and what broke meanwhile, are lost.
      if (io.resumed || !trial.begun(data, id === 'check')) throw new ProblemError(INTERRUPTED);
      await run(data, io);
    },
  });
  return {
    kind: 'drill',
    data: DrillData,
    steps: [
      step(
        'check',
        ({ here }) => `See whether ${here} has room for it`,
        (data) => trial.check(data),
      ),
      step(
        'point',
        ({ wanted }) => (wanted === null ? 'Take a point of the copy' : 'Take the chosen restore point'),
        (data, io) => trial.point(data, io),
      ),
      step(
        'stage',
        () => 'Set up disks, and a network with no way out',
        (data) => trial.build(data),
      ),
      step(
        'start',
        ({ subject }) => `Start the copy of ${subject}`,
        (data, io) => trial.start(data, io),
      ),
      step(
        'answer',
        () => 'Wait for its answer',
        (data, io) => trial.answer(data, io),
      ),
      {
        id: 'clear',
        label: () => 'Take everything down',
        cancellable: false,
        run: (data) => trial.clear(data),
      },
      {
        id: 'keep',
        label: () => 'Keep the result',
        cancellable: false,
        run: (data) => trial.keep(data, null),
      },
    ],
    async undo(data, problem) {
      await trial
        .clear(data)
        .catch((error) => context.deps.log('warn', `drill of ${data.subject}: ${String(error)}`));
      await trial.keep(data, problem);
    },
  };
}

class Trial {
  readonly #context: PairContext;
  readonly #room: DrillRoom;
  /** Trials whose first step ran in this life of the agent. */
  readonly #begun = new Set<string>();

  constructor(context: PairContext, room: DrillRoom) {
    this.#context = context;
    this.#room = room;
  }

  begun({ id }: DrillData, first: boolean): boolean {
    if (first) this.#begun.add(id);
    return this.#begun.has(id);
  }

  async check(data: DrillData): Promise<void> {
    const pair = this.#context.pair(data.pairId);
    const refused =
      refuseDrill(this.#context, pair) ?? (this.#room.othersRun(data.pairId) ? busy(data) : null);
    if (refused) throw new ProblemError(refused);
    const disks = this.#context.disks(pair.spec, this.#context.self);
    const noRoom = await this.#stage.refusal(this.#definition(pair), disks);
    if (noRoom) throw new ProblemError(noRoom);
    const asked = await this.#context.deps.peers
      .to(this.#context.other(pair.spec))
      .call('vm.state', { vmUuid: pair.spec.workload.uuid });
    data.addresses = (asked.ok ? asked.value.addresses : undefined) ?? [];
  }

  async point(data: DrillData, io: StepIo): Promise<void> {
    // One that a killed agent left is not this drill's.
    must(await leaveGround(this.#context.deps.target, this.#at(data)));
    const { tookMs, point, remote } = must(await this.#ground(data).take());
    data.pointMs = tookMs;
    data.restorePoint = point;
    data.offered = remote;
    if (point) io.note(`as of ${new Date(point.at).toISOString()}`);
    else io.note(`the copy waited ${tookMs.toFixed(1)} ms`);
  }

  async build(data: DrillData): Promise<void> {
    const copy = trialCopy(data.pairId, data.subject);
    const definition = must(await this.#stage.build(copy, this.#plan(data)));
    must(await this.#context.deps.hypervisor.define(definition));
  }

  async start(data: DrillData, io: StepIo): Promise<void> {
    const { hypervisor, clock } = this.#context.deps;
    const copy = trialCopy(data.pairId, data.subject);
    const began = clock.bootMs();
    must(await hypervisor.prepareRun(copy.uuid));
    // Not one instruction before its cards are inside.
    must(await this.#stage.enclose(copy, this.#plan(data)));
    if (io.signal.aborted) throw new ProblemError(MADE_WAY);
    must(await hypervisor.resume(copy.uuid));
    data.startMs = Math.round(clock.bootMs() - began);
  }

  async answer(data: DrillData, io: StepIo): Promise<void> {
    const { clock, hypervisor } = this.#context.deps;
    const copy = trialCopy(data.pairId, data.subject);
    const check = this.#room.check(this.#context.pair(data.pairId).spec);
    const began = clock.bootMs();
    const over = () => this.#over(data, copy);
    const { evidence } = await answered(
      { clock, hypervisor, stage: this.#stage, over },
      { copy, check, addresses: data.addresses },
      io.signal,
    );
    data.answerMs = Math.round(clock.bootMs() - began);
    data.evidence = evidence;
    io.note(evidence);
    if (data.standS > 0) await this.#stand(copy, data, io);
  }

  /** Left as it is, paused, so that what it costs the replication can be looked at. */
  async #stand(copy: TrialCopy, data: DrillData, io: StepIo): Promise<void> {
    const { clock, hypervisor } = this.#context.deps;
    must(await hypervisor.freeze(copy.uuid));
    io.note(`${data.evidence}; standing, paused`);
    const until = clock.bootMs() + data.standS * 1000;
    while (clock.bootMs() < until) {
      if (io.signal.aborted) throw new ProblemError(MADE_WAY);
      const problem = await this.#over(data, copy);
      if (problem) throw new ProblemError(problem);
      await new Promise<void>((done) => void clock.setTimeout(done, 100));
    }
  }

  /** Why a trial that runs has to end. */
  async #over(data: DrillData, copy: TrialCopy): Promise<Problem | null> {
    const disks = this.#disks(data);
    if (!isLive(this.#context.vmState(copy.uuid))) return ended(data);
    const stands = await this.#ground(data).stands();
    if (!stands.ok) return stands.problem;
    return stands.value ? this.#stage.tight(disks) : broken(data);
  }

  /** Guest, disks, network, point: in this order nothing is pulled from under anything. Idempotent, at whatever was left. */
  async clear(data: DrillData): Promise<void> {
    const { hypervisor, target, stage } = this.#context.deps;
    // After an agent's start nobody may have said yet what runs here.
    await hypervisorAnswers(this.#context);
    const copy = trialCopy(data.pairId, data.subject);
    const disks = this.#disks(data);
    const state = this.#context.vmState(copy.uuid);
    // Each goes on whatever became of the one before: what is left is less then, and the first failure is told.
    const done: Result<void>[] = [];
    if (isLive(state)) done.push(await hypervisor.destroy(copy.uuid));
    if (state !== null) done.push(await hypervisor.undefine(copy.uuid));
    if (stage) done.push(await stage.clear(copy, disks));
    // Finer than the host's clock since boot, which counts hundredths.
    const began = performance.now();
    done.push(await leaveGround(target, { pairId: data.pairId, disks }));
    data.undoMs = Math.round((performance.now() - began) * 10) / 10;
    for (const each of done) must(each);
  }

  async keep(data: DrillData, problem: Problem | null): Promise<void> {
    const pair = this.#context.store.get(data.pairId);
    if (!pair) return;
    const { pointMs, startMs, answerMs, undoMs, evidence, id, by } = data;
    const outcome = problem === null ? 'passed' : problem.kind === 'cancelled' ? 'cancelled' : 'failed';
    const result: DrillResult = {
      ...{ id, by, outcome, problem, evidence, pointMs, startMs, answerMs, undoMs },
      at: this.#context.now(),
      host: this.#context.self,
      fingerprint: this.#room.fingerprint(pair.spec),
      ...(data.restorePoint === null ? {} : { restorePoint: data.restorePoint }),
    };
    await this.#room.keep(data.pairId, result);
    const said = problem === null ? `works: ${evidence}.` : `was not shown to work: ${problem.message}`;
    const { restorePoint } = data;
    const which = restorePoint ? `, as of ${new Date(restorePoint.at).toISOString()},` : '';
    this.#context.audit(
      `drill-${outcome}`,
      pair,
      `The copy of ${data.subject} on ${data.here}${which} ${said}`,
      {
        ...(restorePoint ? { restorePoint: restorePoint.id } : {}),
        ...(pointMs === null ? {} : { pointMs: pointMs.toFixed(1) }),
        ...(answerMs === null ? {} : { answerMs: String(answerMs) }),
        ...(undoMs === null ? {} : { undoMs: String(undoMs) }),
      },
    );
  }

  get #stage(): Stage {
    const { stage } = this.#context.deps;
    if (!stage) throw new Error('no stage on this host');
    return stage;
  }

  #disks({ pairId }: DrillData) {
    const kept = this.#context.store.kept(pairId);
    return kept ? this.#context.disks(kept.spec, this.#context.self) : [];
  }

  #at(data: DrillData) {
    return { pairId: data.pairId, disks: this.#disks(data) };
  }

  /** By the restore point once one was taken: a newer one does not become this drill's. */
  #ground(data: DrillData): Ground {
    const { target } = this.#context.deps;
    const byPoints = pointModeOf(this.#context.pair(data.pairId)) !== null;
    if (data.restorePoint === null && !byPoints) return frozenGround(target, this.#at(data));
    return restoreGround(target, this.#at(data), data.restorePoint?.id ?? data.wanted);
  }

  #definition({ spec }: StoredPair): string {
    return spec.definitions[this.#context.self] ?? '';
  }

  #plan(data: DrillData): TrialPlan {
    if (data.offered === null) throw new Error('nothing to stand on');
    return {
      definition: this.#definition(this.#context.pair(data.pairId)),
      disks: this.#disks(data),
      point: data.offered,
      addresses: data.addresses,
    };
  }
}
