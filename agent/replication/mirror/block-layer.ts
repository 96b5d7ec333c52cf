import { dirname } from 'node:path';
import * as v from 'valibot';
import type { Hypervisor } from '../../hypervisor/hypervisor.ts';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import { blockName, jobId } from '../names.ts';
import { deviceNodeOf, monitorSocket } from './block-graph.ts';

/** One of QEMU's jobs (QMP BlockJobInfo). */
const Job = v.object({
  device: v.string(),
  len: v.number(),
  offset: v.number(),
  ready: v.boolean(),
  status: v.string(),
  'io-status': v.optional(v.string()),
});
const Jobs = v.array(Job);
export type Job = v.InferOutput<typeof Job>;

/** So long that QEMU's own timer never lets a held write go; only the forwarder does. Seconds. */
const RECONNECT_DELAY_S = 100_000;
const LOOKS = 200;
const LOOK_PAUSE_MS = 50;
/** What ends at all ends soon, as a rule, and a guest may stand still meanwhile: the first looks come quickly. */
const QUICK_LOOKS = 10;
const QUICK_PAUSE_MS = 5;

/** What a mirror asks of QEMU. */
export type Blocks = Pick<BlockLayer, keyof BlockLayer>;

/** What replication asks of one guest's QEMU, through its monitor. */
export class BlockLayer {
  readonly #hypervisor: Hypervisor;
  readonly #vmUuid: string;
  readonly #pairId: string;

  constructor(hypervisor: Hypervisor, vmUuid: string, pairId: string) {
    this.#hypervisor = hypervisor;
    this.#vmUuid = vmUuid;
    this.#pairId = pairId;
  }

  /** Directory that this guest's QEMU can reach under its confinement: that of its own monitor socket. */
  async socketDirectory(): Promise<Result<string>> {
    const answer = await this.#ask('query-chardev');
    if (!answer.ok) return answer;
    const path = monitorSocket(answer.value);
    if (path) return ok(dirname(path));
    return fail({
      kind: 'monitor-unknown',
      message: 'QEMU does not say where its monitor socket is, so the replication socket has no place.',
      next: 'Shut the machine down and start it again through libvirt, then try again.',
    });
  }

  /** Name of the block node under the guest's disk, by the image's path. */
  async deviceNode(target: string, path: string): Promise<Result<string>> {
    const answer = await this.#ask('query-block');
    if (!answer.ok) return answer;
    const node = deviceNodeOf(answer.value, path);
    if (node) return ok(node);
    return fail({
      kind: 'disk-not-found',
      message: `The running machine has no disk ${target} on ${path}.`,
      next: 'Compare the running machine with its definition (virsh domblklist), then try again.',
      details: { target, path },
    });
  }

  addReplica(target: string, socket: string): Promise<Result<unknown>> {
    return this.#ask('blockdev-add', {
      driver: 'nbd',
      'node-name': blockName('replica', this.#pairId, target),
      server: { type: 'unix', path: socket },
      export: target,
      'reconnect-delay': RECONNECT_DELAY_S,
      discard: 'unmap',
    });
  }

  /** @param sync `none`: only what is written from now on */
  startMirror(target: string, device: string, sync: 'full' | 'none' = 'full'): Promise<Result<unknown>> {
    return this.#ask('blockdev-mirror', {
      'job-id': jobId(this.#pairId, target),
      device,
      target: blockName('replica', this.#pairId, target),
      sync,
      'copy-mode': 'write-blocking',
      'on-target-error': 'report',
      'filter-node-name': blockName('mirror', this.#pairId, target),
      'auto-dismiss': true,
    });
  }

  /** How fast this pair's jobs copy what was there before, bytes/s each; 0: as fast as it goes. What the guest writes never waits. */
  async setSpeed(bytesPerS: number): Promise<Result<void>> {
    const jobs = await this.jobs();
    if (!jobs.ok) return jobs;
    for (const { device } of jobs.value) {
      const set = await this.#ask('block-job-set-speed', { device, speed: bytesPerS });
      if (!set.ok && !isGone(set.problem)) return set;
    }
    return ok(undefined);
  }

  /** This pair's jobs. */
  async jobs(): Promise<Result<Job[]>> {
    const answer = await this.#ask('query-block-jobs');
    if (!answer.ok) return answer;
    const own = v
      .parse(Jobs, answer.value)
      .filter(({ device }) => device.startsWith(jobId(this.#pairId, '')));
    return ok(own);
  }

  /** Whether the guest's processors run; null when its monitor does not answer. */
  async running(): Promise<boolean | null> {
    const answer = await this.#ask('query-status');
    const status = v.safeParse(v.object({ running: v.boolean() }), answer.ok ? answer.value : null);
    return status.success ? status.output.running : null;
  }

  /** Ends the jobs: drained when they are ready and `force` is not set. Resolves when all are gone. */
  async cancelJobs(force: boolean): Promise<Result<void>> {
    const jobs = await this.jobs();
    if (!jobs.ok) return jobs;
    for (const { device } of jobs.value) {
      const cancelled = await this.#ask('block-job-cancel', { device, force });
      if (!cancelled.ok && !isGone(cancelled.problem)) return cancelled;
    }
    return this.untilNoJobs(LOOKS, QUICK_LOOKS);
  }

  /** @param quick how many of the looks follow each other closely, because somebody waits */
  async untilNoJobs(looks: number, quick = 0): Promise<Result<void>> {
    for (let look = 0; look < looks; look += 1) {
      const jobs = await this.jobs();
      if (!jobs.ok) return jobs;
      if (jobs.value.length === 0) return ok(undefined);
      await pause(look < quick);
    }
    return fail(stuck('its mirror job does not end'));
  }

  /** Takes the replica's nodes out; one that is not there is no failure. */
  async removeReplicas(targets: string[]): Promise<Result<void>> {
    for (const target of targets) {
      const removed = await this.#removeReplica(blockName('replica', this.#pairId, target));
      if (!removed.ok) return removed;
    }
    return ok(undefined);
  }

  async #removeReplica(node: string): Promise<Result<void>> {
    for (let look = 0; look < LOOKS; look += 1) {
      const removed = await this.#ask('blockdev-del', { 'node-name': node });
      if (removed.ok || isGone(removed.problem)) return ok(undefined);
      // The job lets go of its node a moment after it vanished from the list.
      if (!/in use|busy/i.test(removed.problem.message)) return removed;
      await pause(look < QUICK_LOOKS);
    }
    return fail(stuck('its connection to the copy stays in use'));
  }

  #ask(command: string, args?: Record<string, unknown>): Promise<Result<unknown>> {
    return this.#hypervisor.monitor(this.#vmUuid, command, args);
  }
}

/** QEMU says so of a job or node that is not there (class DeviceNotFound or GenericError, by command). */
const isGone = (problem: Problem): boolean =>
  /not found|failed to find|cannot find|no such/i.test(`${problem.message} ${problem.details?.text ?? ''}`);

const stuck = (what: string): Problem => ({
  kind: 'mirror-stuck',
  message: `QEMU did not take the mirror apart: ${what}.`,
  next: 'Try again; if it stays so, the machine must be shut down once.',
});

const pause = (quick: boolean): Promise<void> =>
  new Promise((done) => setTimeout(done, quick ? QUICK_PAUSE_MS : LOOK_PAUSE_MS));
