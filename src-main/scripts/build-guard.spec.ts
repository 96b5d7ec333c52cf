import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildGuard } from './build-guard.mjs';

const folder = mkdtempSync(join(tmpdir(), 'build-guard-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ARCHITECTURES = ['x64', 'arm64'] as const;
/** e_machine of elf(5). */
const MACHINE = { x64: 62, arm64: 183 };

describe('the build of the guard', () => {
  const { built, missing } = buildGuard(folder);

  test.each(ARCHITECTURES)(
    'for %s there is a static program, or a sentence that says what it takes',
    (arch) => {
      const entry = built[arch];
      if (entry === undefined) {
        expect(missing.join('\n')).toMatch(
          new RegExp(`guard for ${arch} hosts is missing: (install gcc-|it is built on)`),
        );
        return;
      }
      const elf = readFileSync(entry.file);
      expect(elf.readUInt16LE(18)).toBe(MACHINE[arch]);
      expect(elf.includes('/lib/ld-linux')).toBe(false);
      expect(entry.bytes).toBe(elf.length);
      expect(entry.sha256).toBe(createHash('sha256').update(elf).digest('hex'));
    },
  );

  test('what is built for this machine runs, and for others where they can be emulated', () => {
    const permission = join(folder, 'permission');
    writeFileSync(permission, 'understudy-permission 1 7 boreas deadline 5 resumed 9\n');
    for (const arch of ARCHITECTURES) {
      const entry = built[arch];
      const emulator = arch === process.arch ? [] : [`qemu-${arch === 'x64' ? 'x86_64' : 'aarch64'}-static`];
      if (entry === undefined || spawnSync(emulator[0] ?? 'true', ['--version']).error) continue;
      const [program = '', ...args] = [...emulator, entry.file, '--parse', permission];
      expect(spawnSync(program, args, { encoding: 'utf8' }).stdout).toBe('7 boreas deadline 5 9\n');
    }
  });
});
