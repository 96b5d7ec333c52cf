import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { parsePermission } from '../lease/deadline-file.ts';
import {
  A,
  B,
  type Bench,
  bootMs,
  live,
  protectedList,
  reasonAgainst,
  setUpGuard,
  stateOf,
  until,
} from './guard.spec-kit.ts';

describe.runIf(reasonAgainst() === null)('guard: what cannot be read, and its parser', () => {
  const set = setUpGuard();
  const { runs, said, stopped } = set;
  let bench: Bench;
  beforeEach(() => {
    bench = set.bench();
  });

  describe('what cannot be read', () => {
    const DAMAGE: [string, (name: string) => void][] = [
      ['half a line', (name) => writeFileSync(name, 'understudy-permission 1 7 - dead')],
      ['nothing', (name) => writeFileSync(name, '')],
      ['another version', (name) => writeFileSync(name, 'understudy-permission 2 7 - ended\n')],
      ['a megabyte', (name) => writeFileSync(name, 'x'.repeat(1 << 20))],
      ['NUL bytes', (name) => writeFileSync(name, 'understudy-permission 1 7 - standing\n\0')],
      ['a folder', (name) => mkdirSync(name)],
      ['a pipe', (name) => expect(spawnSync('mkfifo', [name]).status).toBe(0)],
    ];
    test.each(DAMAGE)('%s: the last permission holds until its deadline', async (_, damage) => {
      bench.protect(A, B);
      bench.permit(A, live());
      bench.permit(B, 'standing');
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      const deadline = bootMs() + 700;
      bench.permit(A, `deadline ${deadline}`);
      await until('taken in', () =>
        bench.status().machines.get(A)?.permission.endsWith(`deadline ${deadline}`),
      );
      for (const uuid of [A, B]) {
        const [beside, place] = [join(bench.folder, `.${uuid}.tmp`), join(bench.folder, uuid)];
        damage(beside);
        // A folder takes no file's place. A guard that looks in between finds none, and stops: that is not what is tried here.
        if (statSync(beside).isDirectory()) rmSync(place);
        renameSync(beside, place);
      }
      await until('told', () => bench.status().told.length === 2);
      await stopped(a);
      await said(A, 'stopped');
      expect(bench.status().processes.find(({ pid }) => pid === a)?.since).toBeGreaterThanOrEqual(deadline);
      runs(b);
    });

    test('with nothing read before it stops, and never kills', async () => {
      bench.protect(A);
      writeFileSync(join(bench.folder, A), 'rubbish\n');
      const pid = await bench.qemu(A);
      await bench.startGuard();
      await stopped(pid);
      await bench.rest();
      expect(stateOf(pid)).toBe('T');
    });

    test('a list: what was protected stays so, what was not stays free', async () => {
      bench.protect(A);
      bench.permit(A, live());
      const [a, b] = [await bench.qemu(A), await bench.qemu(B)];
      await bench.startGuard();
      bench.write('.protected', `understudy-protected 1\n${B}\n${A.slice(0, 20)}`);
      await until('told', () => bench.status().told.includes('- list-unreadable'));
      expect(bench.status().strength).toBe('weak');
      bench.permit(A, 'deadline 0');
      await stopped(a);
      runs(b);
      bench.protect(A);
      await until('no longer told', () => bench.status().told.length === 0);
    });
  });

  describe("its parser and the agent's", () => {
    /** How the guard reads each of the files. */
    const read = (texts: (string | Uint8Array)[], how = '--parse'): string[] => {
      const names = texts.map((text, n) => {
        const name = join(bench.runtime, `text-${n}`);
        writeFileSync(name, text);
        return name;
      });
      const result = spawnSync(set.programs().guard, [how, ...names], { encoding: 'utf8' });
      expect(result.stderr).toBe('');
      expect(result.status).toBe(0);
      return result.stdout.trimEnd().split('\n');
    };
    const agents = (text: string): string => {
      const p = parsePermission(text);
      if (p === null) return 'unreadable';
      const [ms, resumed] = [p.kind === 'deadline' ? p.ms : 0, p.kind === 'ended' ? 0 : (p.resumed ?? 0)];
      return `${p.epoch.n} ${p.epoch.by === '' ? '-' : p.epoch.by} ${p.kind} ${ms} ${resumed}`;
    };

    const word = fc.constantFrom(
      'understudy-permission',
      '1',
      '2',
      '0',
      '7',
      '-',
      'boreas',
      '-a',
      'a-',
      '.x',
      'deadline',
      'standing',
      'ended',
      'resumed',
      '123456789012345',
      '1234567890123456',
      '00012',
      '+1',
      ' ',
      '',
      'é',
      '\0',
      '\n',
      '\r',
      'x'.repeat(64),
      'x'.repeat(65),
    );
    const nearly = fc
      .tuple(
        fc.constantFrom('1', '7', '123456789012345'),
        fc.constantFrom('-', 'boreas', 'x'.repeat(64)),
        fc.array(word, { maxLength: 4 }),
        fc.constantFrom('\n', '', '\n\n'),
      )
      .map(([n, by, rest, end]) => `understudy-permission 1 ${n} ${by} ${rest.join(' ')}${end}`);
    const line = fc
      .tuple(
        fc.nat(),
        fc.constantFrom('-', 'h1', 'a.b_c-d'),
        fc.constantFrom('standing', 'ended', 'deadline 5', 'deadline 999999999999999'),
        fc.constantFrom('', ' resumed 12', ' resumed 123456789012345'),
      )
      .map(([n, by, kind, order]) => `understudy-permission 1 ${n} ${by} ${kind}${order}\n`);
    const words = fc.array(word, { maxLength: 10 }).map((all) => all.join(' '));
    const flipped = fc.tuple(line, fc.nat(), fc.constantFrom(...'0 -\n\0xé9')).map(([text, at, letter]) => {
      const index = at % text.length;
      return text.slice(0, index) + letter + text.slice(index + 1);
    });

    test('agree on every line', () => {
      fc.assert(
        fc.property(
          fc.array(fc.oneof(line, nearly, words, flipped), { minLength: 200, maxLength: 200 }),
          (texts) => {
            expect(read(texts)).toEqual(texts.map(agents));
          },
        ),
        { numRuns: 10 },
      );
    });

    test('a list is taken whole or not at all', () => {
      const uuid = fc.uuid();
      const list = fc.array(uuid, { maxLength: 6 }).map(protectedList);
      const damaged = fc
        .tuple(list, fc.nat(), fc.constantFrom(...'0gA-\n\0 é', ''))
        .map(([text, at, letter]) => {
          const index = at % text.length;
          return text.slice(0, index) + letter + text.slice(index + 1);
        });
      const expected = (text: string): string =>
        /^understudy-protected 1\n([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\n)*$/.test(
          text,
        )
          ? String(text.split('\n').length - 2)
          : 'unreadable';
      fc.assert(
        fc.property(fc.array(fc.oneof(list, damaged), { minLength: 100, maxLength: 100 }), (texts) => {
          expect(read(texts, '--parse-list')).toEqual(texts.map(expected));
        }),
        { numRuns: 10 },
      );
    });

    test('bytes of any kind are refused without harm', () => {
      fc.assert(
        fc.property(
          fc.array(fc.uint8Array({ maxLength: 400 }), { minLength: 200, maxLength: 200 }),
          (texts) => {
            expect(new Set(read(texts))).toEqual(new Set(['unreadable']));
          },
        ),
        { numRuns: 5 },
      );
    });
  });
});
