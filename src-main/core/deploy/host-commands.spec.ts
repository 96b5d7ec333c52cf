import { execFileSync } from 'node:child_process';
import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { answersOf, hostCommand, quote } from './host-command.ts';
import * as commands from './host-commands.ts';

/** As on a host: the script by standard input. */
const sh = (script: string): string => execFileSync('/bin/sh', ['-s'], { input: script, encoding: 'utf8' });
/** Does the shell understand it? Runs nothing. */
const parses = (script: string): void => void execFileSync('/bin/sh', ['-n'], { input: script });

describe('a host command', () => {
  it('says in its first line what it is and with which parameters', () => {
    const script = hostCommand(
      'greet',
      (to: { name: string }) => `say hello ${quote(to.name)}\n`,
      (answers) => answers.one('hello'),
    );
    const [first = ''] = script.script({ name: "O'Neill" }).split('\n');
    const [, , name, params = ''] = first.split(' ');
    expect(name).toBe('greet');
    expect(JSON.parse(Buffer.from(params, 'base64').toString())).toEqual({ name: "O'Neill" });
    expect(script.parse(sh(script.script({ name: "O'Neill; exit $(id) `id`" })))).toBe(
      "O'Neill; exit $(id) `id`",
    );
  });

  it('is read whatever else the shell prints', () => {
    const answers = answersOf('Welcome!\nA = B\nfree=12\nlist=a\nlist=b = c\nempty=\n');
    expect(answers.number('free')).toBe(12);
    expect(answers.all('list')).toEqual(['a', 'b = c']);
    expect([answers.one('empty'), answers.one('missing'), answers.number('list')]).toEqual(['', '', null]);
  });
});

describe('the commands', () => {
  it('look and inspect this machine without changing it', () => {
    const who = commands.look.parse(sh(commands.look.script({})));
    expect(who.uid).toBe(process.getuid?.());
    const found = commands.inspect.parse(sh(commands.inspect.script({})));
    expect(found).toMatchObject({ system: 'Linux', hostname: hostname() });
    expect(found.freeKib).toBeGreaterThan(0);
    expect(Math.abs((found.clockMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('are all understood by the shell', () => {
    const files = [
      { name: 'agent.cjs', sha256: 'ab', to: '/opt/understudy/agent.cjs', mode: '644', packed: false },
    ];
    const packed = [{ name: 'node.gz', sha256: 'cd', to: '/opt/understudy/node', mode: '755', packed: true }];
    for (const script of [
      commands.becomeRoot.script({}),
      commands.startLibvirt.script({}),
      commands.prepare.script({ user: 'admin' }),
      commands.place.script({ files: [...files, ...packed], runtime: 'private cd', hostNode: '' }),
      commands.place.script({ files: [], runtime: 'host', hostNode: '/usr/bin/node' }),
      commands.start.script({ version: '1.0.0+abc', restart: true, restartGuard: true, tellLibvirt: true }),
      commands.start.script({
        version: '1.0.0+abc',
        restart: false,
        restartGuard: false,
        tellLibvirt: false,
      }),
      commands.freeSpace.script({}),
      commands.remove.script({ keepHistory: false }),
    ]) {
      parses(script);
    }
  });

  it('removal keeps the state only when told to', () => {
    expect(commands.remove.script({ keepHistory: false })).toMatch(/rm -rf .* \/var\/lib\/understudy$/m);
    expect(commands.remove.script({ keepHistory: true })).not.toMatch(/rm -rf .* \/var\/lib\/understudy$/m);
  });
});
