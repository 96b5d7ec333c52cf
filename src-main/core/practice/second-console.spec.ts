import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ProblemError, type Task } from '../../../agent/protocol/index.ts';
import type { Session } from '../session.ts';
import { openPracticeBench, type PracticeBench, type PracticeConsole } from './testing/practice-session.ts';

/** A new laptop with the way to one host, beside the console that set the fleet up: real agents, SSH and certificates. */
let bench: PracticeBench;
let laptop: PracticeConsole;

beforeEach(async () => {
  bench = await openPracticeBench({
    bootDelayMs: 100,
    pace: { copyBps: 4e9, memoryBps: 20e9, startMs: 50, bootMs: 200, shutdownMs: 100 },
  });
  laptop = await bench.another('ben');
}, 60_000);

afterEach(async () => {
  expect(bench.practice.world.violations).toEqual([]);
  await laptop.close();
  await bench.close();
});

const hostOf = (session: Session, name: string) => {
  const found = session.fleet.hosts().find(({ record }) => record.name === name);
  if (!found) throw new Error(`no host ${name}`);
  return found;
};
const pairOf = (session: Session, name: string) => session.fleet.pairs().find((pair) => pair.name === name);
const taskOf = (session: Session, id: string): Task | undefined => session.fleet.snapshot().tasks[id]?.task;

async function until(state: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await state())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** As the wizard does it, under the name it offers. */
async function add({ session }: PracticeConsole, name: string): Promise<string> {
  const access = bench.practice.hosts.find((host) => host.name === name);
  if (!access) throw new Error(`no practice host ${name}`);
  const { address, port, user, password } = access;
  const { signal } = new AbortController();
  const { fingerprint } = await session.wizard.probe(address, port, signal);
  const login = { method: 'password' as const, password };
  const order = { address, port, user, login, reuseSecretOf: null, fingerprint };
  const draft = await session.wizard.login(order, signal);
  const { draftId } = draft;
  const { hostId } = await session.wizard.add({ draftId, name: draft.name, site: '', role: 'hypervisor' });
  await until(() => session.fleet.get(hostId)?.reach === 'answers');
  return hostId;
}

/** What the host proves itself with, and whom it believes. */
async function identity(
  session: Session,
  name: string,
): Promise<{ certificate: string; trustedCas: string[] }> {
  const answer = await hostOf(session, name).link.call('agent.trust', { add: [], actor: 'spec' });
  if (!answer.ok) throw new ProblemError(answer.problem);
  return answer.value;
}

it('takes the fleet over from one host: offered the others, everything as it was, names and sites included', async () => {
  await bench.session.members.rename(hostOf(bench.session, 'atlas').record.id, 'titan', 'Cellar');
  const id = await add(laptop, 'atlas');
  expect(hostOf(laptop.session, 'titan').record).toMatchObject({ id, site: 'Cellar' });
  await until(() => laptop.reported.length === 2);
  expect(laptop.reported.map(({ kind, details }) => [kind, details?.name])).toEqual([
    ['fleet-member-unknown', 'boreas'],
    ['fleet-member-unknown', 'cora'],
  ]);
  for (const name of ['boreas', 'cora']) await add(laptop, name);
  await until(() => pairOf(laptop.session, 'mail')?.health === 'in-sync');
  expect(pairOf(laptop.session, 'mail')?.id).toBe(pairOf(bench.session, 'mail')?.id);
  expect((await identity(laptop.session, 'titan')).trustedCas).toHaveLength(1);
  expect(bench.reported).toEqual([]);
});

it('shows at both who orders what, and nothing is done twice', async () => {
  for (const name of ['atlas', 'boreas']) await add(laptop, name);
  await until(() => pairOf(laptop.session, 'mail')?.health === 'in-sync');
  const pairId = pairOf(laptop.session, 'mail')?.id ?? '';
  const order = async ({ session }: PracticeConsole) => {
    try {
      return (await session.protect.switchover({ requestId: randomUUID(), pairId })).taskId;
    } catch (error) {
      if (error instanceof ProblemError) return error.problem.kind;
      throw error;
    }
  };
  const [by, with_] = await Promise.all([order(bench), order(laptop)]);
  const given = [by, with_].filter((answer) => answer !== 'pair-busy');
  expect(given).toHaveLength(1);
  const id = given[0] ?? '';
  for (const { session } of [bench, laptop]) {
    await until(() => taskOf(session, id)?.state === 'done');
    expect(taskOf(session, id)).toMatchObject({ by: id === by ? 'spec' : 'ben', kind: 'switchover' });
  }
  const uuid = Object.values(bench.session.fleet.snapshot().vms).find(({ vm }) => vm.name === 'mail')?.vm
    .uuid;
  const running = bench.practice.world.hosts.filter((host) => host.runs(uuid ?? ''));
  expect(running.map((host) => host.name)).toEqual(['boreas']);

  await laptop.session.members.rename(hostOf(laptop.session, 'boreas').record.id, 'notos', 'Attic');
  await until(() => bench.session.fleet.hosts().some(({ record }) => record.name === 'notos'));
  expect(hostOf(bench.session, 'notos').record.site).toBe('Attic');
});

it('adds a host that all believe, by an authority of its own; certificates stay, and the first console is told', async () => {
  const { id } = hostOf(bench.session, 'cora').record;
  for (const pair of bench.session.fleet
    .pairs()
    .filter((each) => [each.primary, each.standby].includes(id))) {
    const { taskId } = await bench.session.protect.end({ requestId: randomUUID(), pairId: pair.id });
    await until(() => taskOf(bench.session, taskId)?.state === 'done');
    await until(() => pairOf(bench.session, pair.name) === undefined);
  }
  await bench.session.members.remove(id, { evenIfUnreachable: false, keepHistory: false });
  for (const name of ['atlas', 'boreas']) await add(laptop, name);
  const before = await identity(laptop.session, 'atlas');
  await add(laptop, 'cora');
  const after = await identity(laptop.session, 'atlas');
  expect(after.certificate).toBe(before.certificate);
  expect(after.trustedCas).toHaveLength(2);
  expect((await identity(laptop.session, 'cora')).trustedCas).toHaveLength(2);
  // Each of the three hears the other two over mutual TLS.
  for (const name of ['atlas', 'boreas', 'cora']) {
    await until(async () => {
      const answer = await hostOf(laptop.session, name).link.call('sight.list', {});
      return answer.ok && answer.value.sights.filter(({ reachable }) => reachable).length === 2;
    });
  }
  // At once, although it was attached all the time.
  await until(() => bench.reported.some(({ kind }) => kind === 'other-console'));
  const told = bench.reported.find(({ kind }) => kind === 'other-console');
  expect(told?.details?.console).toMatch(/^ben on /);
  await until(() => bench.reported.some(({ kind }) => kind === 'fleet-member-unknown'));
});
