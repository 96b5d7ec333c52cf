import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProblemError } from '../../agent/protocol/index.ts';
import type { AppInfo, FleetSnapshot, ToPage } from '../contract/index.ts';
import { type Core, type CoreOptions, createCore } from './index.ts';
import { writeAgentAssets } from './testing/agent-assets.ts';

const VERSION = '0.0.0-spec';
let folder = '';
const opened: Core[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'understudy-core-'));
  await writeAgentAssets(folder, VERSION);
});
afterEach(async () => {
  for (const core of opened.splice(0)) await core.close();
  rmSync(folder, { recursive: true });
});

const dataDir = () => join(folder, 'data');

async function open(change: Partial<CoreOptions> = {}): Promise<Core> {
  const core = await createCore({
    dataDir: dataDir(),
    agentDir: folder,
    version: VERSION,
    shell: 'headless',
    secrets: { kind: 'memory', reason: 'a spec' },
    ...change,
  });
  opened.push(core);
  return core;
}

async function close(core: Core): Promise<void> {
  opened.splice(opened.indexOf(core), 1);
  await core.close();
}

/** A page that awaits its answers. */
function pageOf(core: Core) {
  const heard: ToPage[] = [];
  const page = core.connect((message) => heard.push(message));
  let last = 0;
  async function call(method: string, params: object = {}): Promise<unknown> {
    last += 1;
    const id = last;
    page.receive({ t: 'call', id, method, params });
    const answer = await vi.waitFor(
      () => {
        const found = heard.find((message) => message.t !== 'event' && message.id === id);
        if (!found) throw new Error(`no answer to ${method} yet`);
        return found;
      },
      { timeout: 60_000 },
    );
    if (answer.t === 'value') return answer.value;
    throw new Error(JSON.stringify(answer));
  }
  return { call, heard };
}

test('settings outlive the console, and every page hears of a change', async () => {
  const core = await open();
  const [one, other] = [pageOf(core), pageOf(core)];
  await one.call('settings.set', { theme: 'dark' });
  expect(other.heard).toMatchObject([{ t: 'event', event: 'settings', data: { theme: 'dark' } }]);
  await close(core);
  expect(await pageOf(await open()).call('settings.get')).toMatchObject({ theme: 'dark' });
});

test('a damaged database is put aside, told, and the notice can be dismissed', async () => {
  await close(await open());
  writeFileSync(join(dataDir(), 'console.db'), 'no database '.repeat(1_000));
  const page = pageOf(await open());
  expect(await page.call('app.info')).toMatchObject({ notices: [{ kind: 'database-damaged' }] });
  expect(readdirSync(dataDir()).some((name) => name.startsWith('console.db.damaged-'))).toBe(true);
  await page.call('app.dismissNotice', { index: 0 });
  expect(await page.call('app.info')).toMatchObject({ notices: [] });
});

test('a second console on the same data is refused with a sentence', async () => {
  await open();
  const error = await open().catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ProblemError);
  expect(error).toMatchObject({ problem: { kind: 'data-in-use' } });
});

test('practice is entered and left; the own fleet is kept, and pages hear what goes and comes', async () => {
  const page = pageOf(await open());
  expect(await page.call('fleet.snapshot')).toEqual({ hosts: {}, vms: {}, pairs: {}, tasks: {} });
  await page.call('practice.start');
  const { hosts, pairs } = (await page.call('fleet.snapshot')) as FleetSnapshot;
  expect(Object.values(hosts).every((host) => host.practice && host.connection.state === 'online')).toBe(
    true,
  );
  expect(Object.values(pairs).length).toBeGreaterThan(0);
  expect(await page.call('app.info')).toMatchObject({ practice: true });
  await page.call('practice.stop');
  expect(await page.call('fleet.snapshot')).toEqual({ hosts: {}, vms: {}, pairs: {}, tasks: {} });
  const told = page.heard.flatMap((message) =>
    message.t === 'event' && message.event === 'app' ? [message.data] : [],
  );
  expect(told.map((info) => (info as AppInfo).practice)).toEqual([true, false]);
  await expect(page.call('practice.power', { hostId: 'h-x', on: false })).rejects.toThrow('no-practice-host');
}, 90_000);
