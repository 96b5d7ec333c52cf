import { describe, expect, it } from 'vitest';
import {
  type ExternalCommands,
  type ExternalMode,
  MODE_DEFAULTS,
  type ReplicationMode,
  SYNC,
} from '../../../agent/protocol/index.ts';
import { readArguments } from '../../../src-main/cli/arguments.ts';
import type { VmView } from '../../../src-main/contract/index.ts';
import { fleet, host, pair, vm } from '../../../src-main/contract/testing-fleet.ts';
import { cliOf } from './cli.ts';
import type { GivenOrder } from './given.ts';
import { onHosts } from './on-hosts.ts';

function withDisk(view: VmView): VmView {
  const file = { target: 'vda', path: '/images/my shop.qcow2', format: 'qcow2', sizeBytes: 2 ** 30 };
  return { ...view, vm: { ...view.vm, disks: [{ ...file, readOnly: false, device: 'disk' }] } };
}

const snapshot = fleet(
  [host('atlas'), host('boreas'), host('pi', { role: 'witness' })],
  [withDisk(vm('atlas', 'my shop')), vm('boreas', 'print')],
  [pair('mail', 'atlas', 'boreas', 'primary-lost')],
);
const pairId = Object.keys(snapshot.pairs)[0] ?? '';
const vmUuid = snapshot.vms[Object.keys(snapshot.vms)[0] ?? '']?.vm.uuid ?? '';

const COMMANDS: ExternalCommands = {
  state: ['/sbin/replica', 'state', 'r 0', ''],
  promote: ['/sbin/replica', 'promote'],
  demote: ['/sbin/replica', 'demote'],
};
const external = (synchronous: boolean): ExternalMode => ({
  kind: 'external',
  synchronous,
  everyS: 7,
  commands: { atlas: COMMANDS, boreas: COMMANDS },
});
/** The command line names the commands once, for both hosts. */
const typed = (mode: ReplicationMode) => (mode.kind === 'external' ? { ...mode, commands: COMMANDS } : mode);

/** As a shell would split it. */
function argv(line: string): string[] {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  expect(words[0]).toBe('understudy');
  return words.slice(1);
}

/** What the command line makes of what is shown. */
function read(order: GivenOrder): unknown[] {
  return cliOf(order, snapshot).map((line) => {
    const given = readArguments(argv(line));
    if (!given.ok) throw new Error(given.problem.message);
    return given.order;
  });
}

describe('the command line understands what is shown, as the same order', () => {
  it('of a failover, with the name that vouches and the point', () => {
    const params = { pairId, seen: 'unproven' as const, typedName: 'mail', point: 'a1' };
    expect(read({ method: 'pair.failover', params })).toEqual([
      { command: 'failover', machine: 'mail', vouch: 'mail', point: 'a1' },
    ]);
    const proven = { pairId, seen: 'proven' as const, typedName: null, point: null };
    expect(read({ method: 'pair.failover', params: proven })).toMatchObject([{ vouch: null, point: null }]);
  });

  it('of a switchover, and of several', () => {
    const params = { pairId, way: 'cold' as const, switchOff: true };
    expect(read({ method: 'pair.switchover', params })).toEqual([
      { command: 'switchover', machine: 'mail', way: 'cold', switchOff: true },
    ]);
    const all = { hostId: 'atlas', kind: 'away' as const, pairIds: [pairId], way: 'auto' as const };
    expect(read({ method: 'evacuation.start', params: all })).toMatchObject([
      { machine: 'mail', way: 'auto' },
    ]);
  });

  it('of a drill of the newest point; of an earlier one it has no word', () => {
    expect(read({ method: 'pair.drill', params: { pairId, point: null } })).toEqual([
      { command: 'drill', machine: 'mail' },
    ]);
    expect(read({ method: 'pair.drill', params: { pairId, point: 'a1' } })).toEqual([]);
  });

  it.each<ReplicationMode>([
    SYNC,
    MODE_DEFAULTS.async,
    MODE_DEFAULTS.interval,
    { kind: 'shared' },
    external(false),
    external(true),
  ])('of a protection that is kept $kind', (replication) => {
    const params = {
      ...{ hostId: 'atlas', vmUuid, standby: 'boreas', replication },
      ...{ policy: 'manual' as const, profile: 'fast' as const, witness: 'pi', drill: 'first' as const },
    };
    expect(read({ method: 'protect.start', params })).toEqual([
      {
        ...{ command: 'protect', machine: 'my shop', standby: 'boreas', replication: typed(replication) },
        ...{ policy: 'manual', profile: 'fast', witness: 'pi', drill: 'first' },
      },
    ]);
  });

  it('says nothing where the command line cannot say it', () => {
    const said = (replication: ReplicationMode): string[] =>
      cliOf(
        { method: 'protect.start', params: { hostId: 'atlas', vmUuid, standby: 'boreas', replication } },
        snapshot,
      );
    expect(said({ kind: 'sync', memory: true })).toEqual([]);
    const retention = { last: 1, hourly: 0, daily: 0, weekly: 0 };
    expect(said({ kind: 'interval', everyS: 60, retention })).toEqual([]);
    const mode = external(true);
    const other = { ...COMMANDS, demote: null };
    expect(said({ ...mode, commands: { atlas: COMMANDS, boreas: other } })).toEqual([]);
    const quoted = { ...COMMANDS, promote: ['/sbin/replica', 'a"b'] };
    expect(said({ ...mode, commands: { atlas: quoted, boreas: quoted } })).toEqual([]);
    expect(cliOf({ method: 'protect.end', params: { pairId } }, snapshot)).toEqual([]);
  });
});

describe('what is done on the hosts', () => {
  it('for a copy that others keep: nothing is copied, the other host is asked', () => {
    const lines = (replication: ReplicationMode): string =>
      onHosts(
        { method: 'protect.start', params: { hostId: 'atlas', vmUuid, standby: 'boreas', replication } },
        snapshot,
      )
        .flatMap((one) => [one.host, ...one.lines])
        .join('\n');
    expect(lines(SYNC)).toContain('blockdev-mirror');
    expect(lines({ kind: 'shared' })).not.toMatch(/mirror|create/);
    expect(lines({ kind: 'shared' })).toMatch(/boreas\ncat .+\.understudy-token/);
    expect(lines(external(true))).not.toMatch(/mirror|create|token/);
    expect(lines(external(true)).match(/\/sbin\/replica state 'r 0' ''/g)).toHaveLength(2);
  });

  const DISK = '/images/mail.qcow2';
  const kept = (mode: ReplicationMode): typeof snapshot => {
    const view = pair('mail', 'atlas', 'boreas', 'primary-lost');
    for (const { status } of Object.values(view.members))
      status.spec.disks = [
        { target: 'vda', format: 'qcow2', sizeBytes: 1, paths: { atlas: DISK, boreas: DISK } },
      ];
    view.replication.mode = mode;
    return { ...snapshot, pairs: { [pairId]: view } };
  };
  const orders = {
    failover: { method: 'pair.failover', params: { pairId, seen: 'proven', typedName: null, point: null } },
    switchover: { method: 'pair.switchover', params: { pairId, way: 'auto' } },
    resync: { method: 'pair.resync', params: { pairId } },
    end: { method: 'protect.end', params: { pairId } },
  } satisfies Record<string, GivenOrder>;
  const said = (order: GivenOrder, mode: ReplicationMode): string[] =>
    onHosts(order, kept(mode)).flatMap((one) => [`${one.host}:`, ...one.lines]);

  it.each(Object.entries(orders))('of a %s: what others keep is neither mirrored nor deleted', (_, order) => {
    for (const mode of [{ kind: 'shared' } as const, external(true)])
      expect(said(order, mode).join('\n')).not.toMatch(/mirror|export|job|rm |create/);
  });

  it('of a failover: the copy is made startable as its way of keeping asks for', () => {
    const { failover } = orders;
    expect(said(failover, SYNC).join()).toContain('block-export-del');
    expect(said(failover, SYNC).join()).not.toContain('qemu-img');
    expect(said(failover, MODE_DEFAULTS.interval)).toContain(`qemu-img create -f qcow2 -b POINT ${DISK}`);
    expect(said(failover, { kind: 'shared' })[2]).toMatch(`qemu-img info ${DISK}`);
    expect(said(failover, external(false))[2]).toBe('/sbin/replica promote');
  });

  it('of a switchover: one kept by points is mirrored first, one that others keep is handed over between shutdown and start', () => {
    const { switchover } = orders;
    expect(said(switchover, MODE_DEFAULTS.async).slice(0, 4)).toEqual([
      'atlas:',
      expect.stringContaining('block-dirty-bitmap-remove'),
      expect.stringContaining('blockdev-mirror vda'),
      expect.stringContaining('migrate mail'),
    ]);
    expect(said(switchover, external(true))).toEqual([
      ...['atlas:', 'virsh shutdown mail', '/sbin/replica demote', expect.stringContaining('# the record')],
      ...['boreas:', '/sbin/replica promote', 'virsh start mail'],
    ]);
  });

  it('of a change of mode: the old way ends, the new one begins', () => {
    const change: GivenOrder = {
      method: 'pair.mode',
      params: { pairId, replication: MODE_DEFAULTS.interval },
    };
    expect(said(change, SYNC).join()).toMatch(/block-job-cancel.*block-dirty-bitmap-add/);
    const back: GivenOrder = { method: 'pair.mode', params: { pairId, replication: SYNC } };
    expect(said(back, MODE_DEFAULTS.interval).join()).toMatch(/block-dirty-bitmap-remove.*blockdev-mirror/);
  });

  it('is told host by host, in its order', () => {
    const shut = onHosts({ method: 'pair.switchover', params: { pairId, way: 'cold' } }, snapshot);
    expect(shut.map((one) => one.host)).toEqual(['atlas', 'boreas']);
    expect(shut[0]?.lines[0]).toBe('virsh shutdown mail');
    expect(shut[1]?.lines.at(-1)).toBe('virsh start mail');
    const removed = onHosts(
      { method: 'hosts.remove', params: { hostId: 'pi', evenIfUnreachable: false, keepHistory: true } },
      snapshot,
    );
    expect(removed).toMatchObject([
      { host: 'pi', lines: [expect.any(String), expect.stringContaining('audit.log')] },
    ]);
    expect(onHosts({ method: 'pair.resync', params: { pairId: 'gone' } }, snapshot)).toEqual([]);
  });
});
