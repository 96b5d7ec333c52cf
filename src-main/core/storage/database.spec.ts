import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ProblemError } from '../../../agent/protocol/index.ts';
import { openDatabase } from './database.ts';
import { migrations } from './migrations.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'understudy-db-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'console.db');
const now = () => Date.UTC(2026, 0, 2, 3, 4, 5);

function problemKindOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProblemError) return error.problem.kind;
    throw error;
  }
  return 'none';
}

test('a fresh database gets every migration, and opens again unchanged', () => {
  const first = openDatabase(file(), now);
  first.db.exec("INSERT INTO setting VALUES ('theme', 'dark')");
  expect(first.db.pragma('user_version', { simple: true })).toBe(migrations.length);
  expect(first.db.pragma('journal_mode', { simple: true })).toBe('wal');
  first.db.close();
  const again = openDatabase(file(), now);
  expect(again.notice).toBeNull();
  expect(again.db.prepare('SELECT value FROM setting').pluck().get()).toBe('dark');
  again.db.close();
});

test('a file that is no database is kept aside and replaced', () => {
  writeFileSync(file(), 'this is not a database, but long enough to be looked at'.repeat(40));
  const { db, notice } = openDatabase(file(), now);
  expect(db.prepare('SELECT count(*) FROM host').pluck().get()).toBe(0);
  db.close();
  expect(notice).toMatchObject({ kind: 'database-damaged' });
  expect(readdirSync(folder)).toContain('console.db.damaged-2026-01-02T03-04-05-000Z');
});

test('a database that lost its tail is kept aside and replaced', () => {
  const { db } = openDatabase(file(), now);
  db.exec('CREATE TABLE filler (x TEXT)');
  const insert = db.prepare('INSERT INTO filler VALUES (?)');
  for (let i = 0; i < 500; i++) insert.run('x'.repeat(500));
  db.close();
  truncateSync(file(), 64 * 1024);
  const reopened = openDatabase(file(), now);
  expect(reopened.notice?.kind).toBe('database-damaged');
  reopened.db.close();
});

test('a database of a newer version is refused and left alone', () => {
  const { db } = openDatabase(file(), now);
  db.pragma(`user_version = ${migrations.length + 1}`);
  db.close();
  expect(problemKindOf(() => openDatabase(file(), now))).toBe('database-newer');
  expect(readdirSync(folder)).toEqual(['console.db']);
});

test('a second console on the same folder is refused', () => {
  const { db } = openDatabase(file(), now);
  db.exec("INSERT INTO setting VALUES ('theme', 'dark')");
  expect(problemKindOf(() => openDatabase(file(), now))).toBe('data-in-use');
  db.close();
});
