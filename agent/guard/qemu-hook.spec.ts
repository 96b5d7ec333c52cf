import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { protectedList } from './lists.ts';

const HOOK = fileURLToPath(new URL('qemu-hook.sh', import.meta.url));
const A = '7e570000-0000-4000-8000-000000000061';
const B = '7e570000-0000-4000-8000-000000000062';
let run: string;
const file = (name: string): string => join(run, 'guard', name);
const uptimeMs = (): number => Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'qemu-hook-'));
  mkdirSync(file(''));
  writeFileSync(file('.protected'), protectedList([B, A]));
});
afterEach(() => rmSync(run, { recursive: true }));

const definition = (uuid: string): string =>
  `<domain type='kvm'>\n  <name>erp</name>\n  <uuid>${uuid}</uuid>\n  <metadata><x:uuid xmlns:x='y'/></metadata>\n  <sysinfo><entry name='uuid'>${B}</entry></sysinfo>\n</domain>\n`;

function hook(operation: string, input = definition(A)): { status: number | null; stderr: string } {
  const env = { PATH: '/nonexistent', UNDERSTUDY_RUN: run };
  const { status, stdout, stderr } = spawnSync('/bin/sh', [HOOK, 'erp', ...operation.split(' '), '-'], {
    input,
    env,
    encoding: 'utf8',
    timeout: 5_000,
  });
  expect(stdout).toBe('');
  return { status, stderr };
}

// Its clock is Linux' own.
describe.runIf(process.platform === 'linux')('the hook of libvirt', () => {
  it.each(['prepare begin', 'start begin', 'migrate begin', 'restore begin'])(
    'refuses "%s" for a protected machine, in one sentence',
    (operation) => {
      const { status, stderr } = hook(operation);
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^Understudy protects erp: .+ start it from there, or end its protection first\.\n$/,
      );
    },
  );

  it.each(['started begin', 'stopped end', 'release end', 'reconnect begin', 'attach begin'])(
    'has nothing against "%s"',
    (operation) => expect(hook(operation)).toEqual({ status: 0, stderr: '' }),
  );

  it('lets start what the agent allows, until then and no longer', () => {
    writeFileSync(file(`.start-${A}`), `${Math.floor(uptimeMs() + 60_000)}\n`);
    expect(hook('prepare begin').status).toBe(0);
    expect(hook('prepare begin', definition(B)).status).toBe(1);
    for (const text of [`${Math.floor(uptimeMs())}\n`, '', 'tomorrow\n', '-1\n', '99999999 x\n']) {
      writeFileSync(file(`.start-${A}`), text);
      expect(hook('prepare begin').status).toBe(1);
    }
  });

  it('lets an unarmed owner’s machine be started by hand, and no other', () => {
    const permitted = (rest: string) => {
      writeFileSync(file(A), `understudy-permission 1 7 - ${rest}\n`);
      return hook('prepare begin').status === 0;
    };
    expect([permitted('standing'), permitted('standing resumed 5')]).toEqual([true, true]);
    expect([permitted('deadline 900000000000'), permitted('ended'), permitted('')]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('goes by what the guard says until the agent has written its list', () => {
    rmSync(file('.protected'));
    expect(hook('prepare begin').status).toBe(0);
    writeFileSync(
      join(run, 'guard.alive'),
      `understudy-guard 1 5 armed\n${A} 0 - none absent\n.process ${B} 1 2 runs 3\n`,
    );
    expect(hook('prepare begin').status).toBe(1);
    expect(hook('prepare begin', definition(B)).status).toBe(0);
  });

  it.each([
    ['another machine', definition('7e570000-0000-4000-8000-000000000063')],
    ['no definition', ''],
    ['a definition without a UUID', '<domain><name>x</name></domain>\n'],
    ['something else', `${'x'.repeat(100_000)}\n<uuid>\n$(exit 3)\n`],
  ])('lets pass: %s', (_what, input) => {
    expect(hook('prepare begin', input)).toEqual({ status: 0, stderr: '' });
  });

  it('lets everything pass where no agent is, and whatever the list is', () => {
    writeFileSync(file('.protected'), '');
    expect(hook('prepare begin').status).toBe(0);
    rmSync(file(''), { recursive: true });
    expect(hook('prepare begin').status).toBe(0);
  });

  it('costs a few milliseconds beside 128 machines', () => {
    const others = Array.from({ length: 127 }, (_, n) => A.replace(/.{3}$/, String(n + 100)));
    writeFileSync(file('.protected'), protectedList([...others, A]));
    hook('prepare begin');
    const times = Array.from({ length: 9 }, () => {
      const start = performance.now();
      expect(hook('prepare begin').status).toBe(1);
      return performance.now() - start;
    }).sort((a, b) => a - b);
    // Generous: a shared machine. A process alone takes 1 to 2 ms of it.
    expect(times[4]).toBeLessThan(50);
    console.log(`the qemu hook beside 128 machines: ${times[4]?.toFixed(1)} ms`);
  });
});
