import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Problem, Task } from '../../agent/protocol/index.ts';
import { LabConsole } from './core-client.ts';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { must, waitFor } from './run.ts';

/**
 * A fleet set up by one console is taken over by another with nothing but SSH access to its hosts, both work on it at
 * once, and the new one goes on when the old one is gone for good. The parts build on each other.
 */
const PLACES = places('adopttest');
const MINUTE = 60_000;
const ROOT = join(import.meta.dirname, '..', '..');
const MEMBERS = ['atlas', 'boreas'];
let lab: Lab;
let old: LabConsole;
let laptop: LabConsole;

beforeAll(async () => {
  await must([process.execPath, join(ROOT, 'src-main', 'scripts', 'build.mjs')], { cwd: ROOT });
  await down(PLACES);
  lab = await up({}, PLACES);
  old = await LabConsole.open(lab);
  await old.call('settings.set', { operator: 'ada' });
  for (const { name, role } of lab.hosts) await old.addHost(lab, name, role);
  await old.protect('erp', 'atlas', 'boreas');
}, 12 * MINUTE);

afterAll(async () => {
  await laptop?.close();
  await old?.close();
  await down(PLACES);
});

const sh = async (host: string, script: string): Promise<string> => {
  const done = await lab.exec(host, ['sh', '-c', script]);
  if (done.code !== 0) throw new Error(`${host}: ${script}: ${done.stderr}`);
  return done.stdout.trim();
};
const certificate = (host: string) => sh(host, 'sha256sum /var/lib/understudy/tls/host.crt');
const authorities = async (host: string) =>
  Number(await sh(host, 'grep -c BEGIN /var/lib/understudy/tls/ca.crt'));
const notices = async (desk: LabConsole, kind: string): Promise<Problem[]> =>
  (await desk.call('app.info', {})).notices.filter((notice) => notice.kind === kind);
const replica = (desk: LabConsole) =>
  Object.values(desk.pair('erp')?.members ?? {})[0]?.status.record.replica.since;
const tasks = (desk: LabConsole): Task[] => Object.values(desk.fleet.tasks).map(({ task }) => task);
const runsOn = async (): Promise<string[]> =>
  (await lab.status()).guests.find(({ name }) => name === 'erp')?.runsOn ?? [];

test(
  'one host is enough: the new laptop is offered the others and sees the same fleet; nothing is done anew',
  async () => {
    const before = { since: replica(old), certificates: await Promise.all(MEMBERS.map(certificate)) };
    laptop = await LabConsole.open(lab);
    await laptop.call('settings.set', { operator: 'ben' });
    await laptop.addHost(lab, 'atlas');
    const offers = await waitFor('the others offered', MINUTE, async () => {
      const offered = await notices(laptop, 'fleet-member-unknown');
      return offered.length === 2 ? offered : null;
    });
    const found = offers.map(({ details }) => [details?.name, details?.address]).sort();
    expect(found).toEqual(['boreas', 'cora'].map((name) => [name, lab.host(name).address]));
    await laptop.addHost(lab, 'boreas');
    await laptop.addHost(lab, 'cora', 'witness');
    expect(await notices(laptop, 'fleet-member-unknown')).toEqual([]);
    await laptop.inSync('erp');
    expect(laptop.pair('erp')?.id).toBe(old.pair('erp')?.id);
    expect(laptop.host('atlas').id).toBe(old.host('atlas').id);
    expect(replica(laptop)).toBe(before.since);
    expect(await Promise.all(MEMBERS.map(certificate))).toEqual(before.certificates);
    // Nothing was introduced so far, so nobody has anything to be told.
    expect(await notices(old, 'other-console')).toEqual([]);
  },
  3 * MINUTE,
);

test(
  'two consoles at once: both see every change and who ordered it, and nothing is carried out twice',
  async () => {
    const { id } = laptop.host('cora');
    await laptop.call('hosts.rename', { hostId: id, name: 'pi', site: 'Attic' });
    await old.until('the other console to know the name', () => old.fleet.hosts[id]?.name === 'pi');
    expect(old.fleet.hosts[id]?.site).toBe('Attic');
    await old.call('hosts.rename', { hostId: id, name: 'cora', site: '' });
    await laptop.until('and back', () => laptop.fleet.hosts[id]?.name === 'cora');

    const pairId = laptop.pair('erp')?.id ?? '';
    const order = (desk: LabConsole) =>
      desk.call('pair.switchover', { requestId: randomUUID(), pairId }).then(
        ({ taskId }) => ({ taskId, problem: null }),
        (error: { problem: Problem }) => ({ taskId: null, problem: error.problem }),
      );
    const both = await Promise.all([order(laptop), order(old)]);
    const given = both.flatMap(({ taskId }) => taskId ?? []);
    expect(given).toHaveLength(1);
    expect(both.find(({ problem }) => problem !== null)?.problem).toMatchObject({ kind: 'pair-busy' });
    const by = both[0]?.taskId ? 'ben' : 'ada';
    for (const desk of [laptop, old]) {
      await desk.taskDone(given[0] ?? '');
      expect(tasks(desk).find((task) => task.id === given[0])).toMatchObject({ kind: 'switchover', by });
      expect(tasks(desk).filter((task) => task.kind === 'switchover')).toHaveLength(1);
    }
    expect(await runsOn()).toEqual(['boreas']);
    for (const desk of [laptop, old]) await desk.inSync('erp');
  },
  5 * MINUTE,
);

test(
  'what the new laptop adds is believed by all; certificates stay, and the old console is told',
  async () => {
    const before = await Promise.all(MEMBERS.map(certificate));
    const { id } = old.host('cora');
    await old.call('hosts.remove', { hostId: id, evenIfUnreachable: false, keepHistory: false });
    await laptop.until('cora gone', () => laptop.fleet.hosts[id]?.connection.state === 'offline');
    await laptop.call('hosts.remove', { hostId: id, evenIfUnreachable: true, keepHistory: false });
    await laptop.addHost(lab, 'cora', 'witness');
    expect(await Promise.all([...MEMBERS, 'cora'].map(authorities))).toEqual([2, 2, 2]);
    expect(await Promise.all(MEMBERS.map(certificate))).toEqual(before);

    // Its vote counts only if both members and it believe each other.
    const pairIds = [laptop.pair('erp')?.id ?? ''];
    const witness = laptop.host('cora').id;
    const set = await laptop.call('witness.set', { requestId: randomUUID(), pairIds, witness });
    expect(set.outcomes.map(({ problem }) => problem)).toEqual([null]);
    await laptop.call('automation.set', {
      requestId: randomUUID(),
      scope: { kind: 'pairs', pairIds },
      change: { policy: 'automatic', drill: 'waived' },
    });
    await laptop.until('armed', () => laptop.pair('erp')?.automation.armed === true);

    // The old console was attached all the time.
    const told = await waitFor('the old console told', MINUTE, async () => {
      const found = await notices(old, 'other-console');
      return found.length > 0 ? found : null;
    });
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain('ben on ');
    const offered = await waitFor('the new member offered', MINUTE, async () => {
      const found = await notices(old, 'fleet-member-unknown');
      return found.length > 0 ? found : null;
    });
    expect(offered.map(({ details }) => details?.name)).toEqual(['cora']);
  },
  5 * MINUTE,
);

test(
  'the old console is gone for good; the new one fails over and makes the pair whole again',
  async () => {
    await old.kill();
    await lab.powerOff('boreas');
    await laptop.until('erp runs on atlas', () => laptop.pair('erp')?.primary === laptop.host('atlas').id);
    await waitFor('erp on atlas', 2 * MINUTE, async () => (await runsOn()).join() === 'atlas');
    await lab.powerOn('boreas');
    const { id } = laptop.host('boreas');
    await laptop.until('boreas back', () => laptop.fleet.hosts[id]?.connection.state === 'online');
    await laptop.until('decision to take', () => laptop.pair('erp')?.health === 'quarantined');
    await laptop.order('pair.resync', 'erp');
    await laptop.inSync('erp');
    expect(await runsOn()).toEqual(['atlas']);
  },
  8 * MINUTE,
);
