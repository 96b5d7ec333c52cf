import { expect, it, test } from 'vitest';
import { readArguments } from '../cli/arguments.ts';
import { USAGE } from '../cli/words.ts';
import { COMMANDS, commandWords } from './command-words.ts';

test.each([
  ['/opt/understudy drill mail --json', true, ['drill', 'mail', '--json']],
  ['/opt/understudy cli status', true, ['status']],
  ['/opt/understudy --no-sandbox status --json', true, ['status', '--json']],
  ['/opt/understudy --help', true, ['--help']],
  ['electron /opt/app cli status', false, ['status']],
  ['electron --no-sandbox /opt/app failover mail', false, ['failover', 'mail']],
  ['electron /opt/app', false, null],
  ['/opt/understudy', true, null],
  ['/opt/understudy --practice', true, null],
])('%s', (line, packaged, words) => {
  expect(commandWords(line.split(' '), packaged)).toEqual(words);
});

it('knows the commands that the command line knows', () => {
  const told = [...USAGE.matchAll(/^ {2}([a-z]+) /gm)].map(([, command]) => command);
  expect([...COMMANDS].sort()).toEqual([...new Set(told)].sort());
  for (const command of COMMANDS)
    expect(readArguments([command, 'mail', '--standby', 'atlas'])).not.toMatchObject({
      problem: { message: expect.stringMatching(/no command/i) },
    });
});
