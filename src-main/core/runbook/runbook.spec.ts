import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { FleetSnapshot, RunbookStatus } from '../../contract/index.ts';
import { problemOf } from '../testing/bench.ts';
import type { Printer } from './printing.ts';
import { fleetOf } from './runbook.spec-kit.ts';
import { RUNBOOK_FILE, RunbookService } from './runbook.ts';

let folder = '';
let fleet: FleetSnapshot;
let now = 1_000;
let told: RunbookStatus[] = [];
const kept = new Map<string, unknown>();

const open = (dataDir: string | null = join(folder, 'data'), printer?: Printer) =>
  new RunbookService({
    ...{ dataDir, version: '1.0', practice: false },
    ...(printer ? { printer } : {}),
    fleet: { snapshot: () => fleet },
    settings: { get: (key) => kept.get(key), put: (key, value) => void kept.set(key, value) },
    now: () => now,
    emit: (status) => told.push(status),
  });
const file = () => join(folder, 'data', 'runbook', RUNBOOK_FILE);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'understudy-runbook-'));
  fleet = fleetOf();
  [now, told] = [1_000, []];
  kept.clear();
});
afterEach(() => rmSync(folder, { recursive: true }));

it('writes what is known, again only when that changes, and tells since when it is so', async () => {
  const service = open();
  await service.write();
  expect(readFileSync(file(), 'utf8')).toContain('start web on boreas');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(told).toMatchObject([{ writtenAt: 1_000, files: [file()], machines: 1, problem: null }]);
  now = 2_000;
  await service.write();
  expect(told).toHaveLength(1);
  fleet = fleetOf({ kind: 'shared' });
  await service.write();
  expect(told.at(-1)?.writtenAt).toBe(2_000);
  expect(readFileSync(file(), 'utf8')).toContain('both hosts reach the same disks');
});

it('writes what changed a moment ago before it closes, and nothing afterwards', async () => {
  const service = open();
  service.changed({ pairs: {} });
  await service.close();
  expect(existsSync(file())).toBe(true);
  fleet = fleetOf({ kind: 'shared' });
  await service.write();
  expect(readFileSync(file(), 'utf8')).not.toContain('both hosts reach the same disks');
});

it('keeps the last one when this console has no hosts any more, and writes none of a practice fleet', async () => {
  await open().write();
  fleet = { hosts: {}, vms: {}, pairs: {}, tasks: {} };
  await open().write();
  expect(readFileSync(file(), 'utf8')).toContain('start web on boreas');
  const practice = open(null);
  await practice.write();
  expect(told).toHaveLength(1);
});

it('writes a second one where the person says, remembers it, and says when that place is gone', async () => {
  const stick = mkdtempSync(join(folder, 'stick-'));
  const service = open();
  await service.setFolder(stick);
  expect(existsSync(join(stick, RUNBOOK_FILE))).toBe(true);
  rmSync(stick, { recursive: true });
  const next = open();
  await next.write();
  expect(told.at(-1)).toMatchObject({
    folder: stick,
    files: [file()],
    problem: { kind: 'runbook-not-written' },
  });
  // The stick's mount point must not be filled by us.
  expect(existsSync(stick)).toBe(false);
  expect(await problemOf(next.setFolder('relative/path'))).toMatchObject({ kind: 'no-such-folder' });
  await next.setFolder(null);
  expect(told.at(-1)).toMatchObject({ folder: null, problem: null });
});

it('has a PDF made of what it wrote, where the shell can, and lists it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const printed: string[] = [];
  const service = open(undefined, async (html) => {
    printed.push(html);
    return Buffer.from('%PDF-');
  });
  await service.write();
  await vi.advanceTimersByTimeAsync(1_000);
  vi.useRealTimers();
  await vi.waitFor(() => expect(told.at(-1)?.files).toEqual([file(), file().replace('.html', '.pdf')]));
  expect(printed).toEqual([file()]);
  expect(readFileSync(file().replace('.html', '.pdf'), 'utf8')).toBe('%PDF-');
  await service.close();
});

it('lays no more sheets on one page than a browser can take; the file has them all', () => {
  const web = fleet.pairs.p1;
  if (!web) throw new Error('no pair');
  const many = Array.from({ length: 101 }, (_, n) => [`q${n}`, { ...web, id: `q${n}` }] as const);
  fleet.pairs = Object.fromEntries(many);
  const service = open();
  expect(service.page(null)).toMatchObject({ tooMany: true });
  expect(service.page(null).body).not.toContain('data-pair');
  expect(service.page('q7')).toMatchObject({ tooMany: false });
  expect(service.page('q7').body).toContain('data-pair="q7"');
  expect(service.file().text.match(/data-pair/g)).toHaveLength(101);
});

it('shows one machine or all, and the whole file for download', () => {
  const service = open();
  expect(service.page(null).machines).toEqual([{ pairId: 'p1', name: 'web' }]);
  expect(service.page('p1').body).toContain('data-pair="p1"');
  expect(service.page('p2').body).not.toContain('data-pair');
  expect(service.file()).toMatchObject({
    name: RUNBOOK_FILE,
    text: expect.stringContaining('<!doctype html>'),
  });
});
