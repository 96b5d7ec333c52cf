import { randomUUID } from 'node:crypto';
import { type Problem, ProblemError, problemOf } from '../../../agent/protocol/index.ts';
import type { Session } from '../session.ts';
import type { Practice } from './practice.ts';
import type { PracticeAccess } from './practice-host.ts';

/** Copies made before the first look do not let anybody wait. Bytes per second and pair. */
const FILL_BPS = 40e9;
/** For agents to find each other and for the copies made beforehand, ms. */
const LIMIT_MS = 30_000;
const LOOK_MS = 50;

/**
 * Brings a session to the practice's first picture by the same services a person's clicks use: every host added,
 * the planned pairs protected and in sync.
 */
export async function fillPractice(practice: Practice, session: Session): Promise<void> {
  const ids = new Map<string, string>();
  for (const host of practice.hosts) ids.set(host.name, await addHost(session, host));
  const { pace } = practice.world;
  const { copyBps } = pace;
  pace.copyBps = FILL_BPS;
  try {
    await Promise.all(practice.plan.pairs.map((pair) => protect(session, ids, pair)));
  } finally {
    pace.copyBps = copyBps;
  }
}

async function addHost({ wizard }: Session, host: PracticeAccess): Promise<string> {
  const { address, port, user, password, name, site } = host;
  const { signal } = new AbortController();
  const { fingerprint } = await wizard.probe(address, port, signal);
  const login = { method: 'password' as const, password };
  const order = { address, port, user, login, reuseSecretOf: null, fingerprint };
  const { draftId } = await wizard.login(order, signal);
  const { hostId } = await wizard.add({ draftId, name, site, role: 'hypervisor' });
  return hostId;
}

async function protect(
  session: Session,
  ids: Map<string, string>,
  pair: { vm: string; on: string; standby: string },
): Promise<void> {
  const hostId = ids.get(pair.on) ?? '';
  const standby = ids.get(pair.standby) ?? '';
  const vmUuid = await eventually(() => uuidOf(session, hostId, pair.vm));
  await eventually(async () => {
    const { checks } = await session.protect.check({ hostId, vmUuid, standby }, new AbortController().signal);
    return checks.some((check) => check.state === 'failed') ? null : true;
  });
  const { taskId } = await session.protect.start({ requestId: randomUUID(), hostId, vmUuid, standby });
  await eventually(() => finished(session, taskId));
}

function finished({ fleet }: Session, taskId: string): true | null {
  const task = fleet.snapshot().tasks[taskId]?.task;
  if (task?.problem) throw new ProblemError(task.problem);
  return task?.state === 'done' ? true : null;
}

function uuidOf({ fleet }: Session, hostId: string, name: string): string | null {
  const vms = Object.values(fleet.snapshot().vms);
  return vms.find((view) => view.hostId === hostId && view.vm.name === name)?.vm.uuid ?? null;
}

/** The first value that is not null; hosts just added need a moment until they answer and see each other. */
async function eventually<T>(look: () => T | null | Promise<T | null>): Promise<T> {
  const until = Date.now() + LIMIT_MS;
  let last: Problem = notReady();
  while (Date.now() < until) {
    try {
      const found = await look();
      if (found !== null) return found;
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      last = problemOf(error);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new ProblemError(last);
}

const notReady = (): Problem => ({
  kind: 'practice-not-ready',
  message: 'The practice hosts did not get ready in time.',
  next: 'Leave the practice and start it again.',
});
