import { expect, test } from 'vitest';
import { readArguments } from './arguments.ts';

const order = (line: string) => {
  const read = readArguments(line.split(' '));
  return read.ok ? read.order : read.problem.message;
};

test('every command with what belongs to it', () => {
  expect(order('status')).toEqual({ command: 'status' });
  expect(order('drill erp --json')).toEqual({ command: 'drill', machine: 'erp' });
  expect(order('switchover erp --way=live --switch-off')).toEqual({
    command: 'switchover',
    machine: 'erp',
    way: 'live',
    switchOff: true,
  });
  expect(order('failover erp --vouch erp --point p7')).toEqual({
    command: 'failover',
    machine: 'erp',
    vouch: 'erp',
    point: 'p7',
  });
  expect(order('protect erp --standby boreas --mode async --rpo 20 --witness none')).toMatchObject({
    standby: 'boreas',
    replication: { kind: 'async', rpoS: 20 },
    witness: 'none',
    policy: null,
    drill: null,
  });
});

test('shared storage, and a replication of your own with its commands', () => {
  const line = ['protect', 'erp', '--standby', 'boreas', '--mode'];
  const read = (...more: string[]) => {
    const given = readArguments([...line, ...more]);
    return given.ok ? given.order : given.problem;
  };
  expect(read('shared', '--policy', 'automatic')).toMatchObject({
    replication: { kind: 'shared' },
    policy: 'automatic',
  });
  const least = ['--state', '/sbin/replica state "r 0"', '--promote', '/sbin/replica promote'];
  expect(read('external', ...least)).toMatchObject({
    replication: {
      kind: 'external',
      synchronous: false,
      everyS: 5,
      commands: {
        state: ['/sbin/replica', 'state', 'r 0'],
        promote: ['/sbin/replica', 'promote'],
        demote: null,
      },
    },
    policy: null,
  });
  const more = ['--demote', '/sbin/replica demote', '--every', '2', '--synchronous', '--policy', 'automatic'];
  expect(read('external', ...least, ...more)).toMatchObject({
    replication: { synchronous: true, everyS: 2, commands: { demote: ['/sbin/replica', 'demote'] } },
    policy: 'automatic',
  });
  expect(read('external', ...least, '--policy', 'automatic')).toMatchObject({
    kind: 'usage',
    message: expect.stringContaining('--policy automatic does not go with it'),
    next: expect.stringContaining('--synchronous'),
  });
  expect(read('external', '--state', '/sbin/a "b', '--promote', '/sbin/a')).toMatchObject({
    message: 'A double quote in --state is not closed.',
  });
  expect(read('external', ...least, '--demote', '/sbin/a --password=x')).toMatchObject({
    kind: 'usage',
    message: expect.stringContaining('demote command seems to carry a secret'),
  });
  expect(read('external', '--state', 'replica', '--promote', '/sbin/a')).toMatchObject({
    kind: 'usage',
    message: expect.stringContaining('does not begin with the full path'),
    next: expect.stringContaining('/usr/local/sbin/replica'),
  });
});

test.each([
  ['frob', 'There is no command "frob".'],
  ['drill', 'understudy drill needs the name of a machine.'],
  ['status erp', '"erp" is one name too many.'],
  ['drill erp crm', '"crm" is one name too many.'],
  ['status --vouch erp', 'understudy status knows no --vouch.'],
  ['protect erp', 'understudy protect needs --standby HOST.'],
  ['protect erp --standby b --rpo 5', '--rpo goes with --mode async only.'],
  [
    'protect erp --standby b --mode raid',
    '--mode is one of sync, async, interval, shared, external, not "raid".',
  ],
  ['protect erp --standby b --mode shared --every 5', '--every goes with --mode interval or external only.'],
  ['protect erp --standby b --state /a', '--state goes with --mode external only.'],
  ['protect erp --standby b --mode shared --synchronous', '--synchronous goes with --mode external only.'],
  [
    'protect erp --standby b --mode external --state /a',
    '--mode external needs --promote COMMAND: the full path of a program, then its arguments.',
  ],
  [
    'protect erp --standby b --mode external --state /a --promote /a --every 301',
    'The state of the replication is asked for every 1 s to 5 min.',
  ],
  ['protect erp --standby b --mode async --rpo 2', 'What may be lost at most is between 5 s and 60 min.'],
  [
    'protect erp --standby b --mode async --policy automatic',
    'A copy that lacks what was written last never starts by itself, so --policy automatic does not go with it.',
  ],
  [
    'protect erp --standby b --mode shared --policy automatic --drill first',
    'With --mode shared a copy cannot be tried out beside the running machine, so no drill can be passed first.',
  ],
  ['drill erp --synchronous', 'understudy drill knows no --synchronous.'],
  ['status --timeout soon', '--timeout must be a whole number of seconds, not "soon".'],
])('%s is not understood', (line, message) => {
  expect(order(line)).toBe(message);
});

test('what belongs to every command', () => {
  const read = readArguments(['status', '--timeout', '5', '--no-wait', '--data-dir', '/d', '--json']);
  expect(read).toMatchObject({
    ok: true,
    common: { json: true, wait: false, practice: false, dataDir: '/d', timeoutMs: 5_000 },
  });
  expect(readArguments(['--json', '--frob'])).toMatchObject({ ok: false, json: true });
});
