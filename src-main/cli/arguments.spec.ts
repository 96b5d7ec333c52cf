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
    drill: 'first',
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
  ['protect erp --standby b --mode raid', '--mode is one of sync, async, interval, not "raid".'],
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
