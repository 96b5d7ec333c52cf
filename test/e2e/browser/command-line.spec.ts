import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '../fixtures.ts';
import { ROOT } from '../headless.ts';
import type { Home } from '../home.ts';
import { DrillCard } from '../pages/drill.ts';
import { PairPage } from '../pages/pair.ts';

interface Said {
  code: number;
  json: Record<string, unknown>;
  aside: string;
}

/** The built command line, as a program of the person whose home that is. */
function command(home: Home, ...args: string[]): Promise<Said> {
  const argv = [join(ROOT, 'dist', 'cli', 'cli.cjs'), ...args, '--json', '--data-dir', home.dataDir];
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { env: { ...process.env, ...home.env } }, (error, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      resolve({ code: Number(error?.code ?? 0), json: JSON.parse(last), aside: stderr });
    });
  });
}

test('commands reach the console that runs, and its page shows what they do', async ({
  hand,
  home,
  startConsole,
  page,
}) => {
  const console = await startConsole(['--practice']);
  await page.goto(console.url);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  const status = await command(home, 'status');
  expect(status).toMatchObject({ code: 0, json: { ok: true, command: 'status' } });
  const drilled = await command(home, 'drill', 'mail');
  expect(drilled).toMatchObject({
    code: 0,
    json: { ok: true, machine: 'mail', result: { outcome: 'passed' } },
  });
  expect(drilled.aside).toContain('Start the copy of mail');
  await new PairPage(hand, 'mail').open();
  await new DrillCard(hand).saysThatItWorks('boreas');
});

test('protects a machine whose copy somebody else keeps, and refuses what is not so', async ({
  home,
  startConsole,
}) => {
  await startConsole(['--practice']);
  const protect = (machine: string, ...more: string[]): Promise<Said> =>
    command(home, 'protect', machine, '--standby', 'atlas', ...more);
  const replica = (verb: string): string[] => [`--${verb}`, `/usr/local/sbin/replica ${verb}`];
  const external = ['--mode', 'external', ...replica('state')];

  expect(await protect('print', '--mode', 'shared')).toMatchObject({
    code: 1,
    json: { problem: { kind: 'check-failed', message: expect.stringMatching(/atlas has no .*print/) } },
  });
  expect(await protect('voip', '--mode', 'shared')).toMatchObject({ code: 0, json: { ok: true } });

  expect(await protect('dc01', ...external)).toMatchObject({
    code: 2,
    json: { problem: { message: expect.stringContaining('--promote COMMAND') } },
  });
  expect(await protect('dc01', ...external, '--promote', '/usr/local/sbin/other')).toMatchObject({
    code: 1,
    json: { problem: { message: expect.stringContaining('There is no /usr/local/sbin/other on atlas.') } },
  });
  const whole = [...external, ...replica('promote'), ...replica('demote'), '--synchronous', '--every', '1'];
  expect(await protect('dc01', ...whole)).toMatchObject({ code: 0, json: { ok: true } });

  const { json } = await command(home, 'status');
  expect(json.machines).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ name: 'voip', standby: 'atlas', mode: 'shared' }),
      expect.objectContaining({ name: 'dc01', standby: 'atlas', mode: 'external' }),
    ]),
  );
});

test('without one that runs a command opens the folder itself, and says what it does not find', async ({
  home,
}) => {
  expect(await command(home, 'status')).toMatchObject({ code: 1, json: { problem: { kind: 'no-hosts' } } });
  expect(await command(home, 'status', '--frob')).toMatchObject({
    code: 2,
    json: { problem: { kind: 'usage' } },
  });
});

test('a console that was killed leaves no door that is in the way', async ({ home, startConsole }) => {
  const console = await startConsole(['--practice']);
  await console.kill();
  expect(await command(home, 'status')).toMatchObject({ code: 1, json: { problem: { kind: 'no-hosts' } } });
  await startConsole(['--practice']);
  expect(await command(home, 'status')).toMatchObject({ code: 0 });
});
