import { describe, expect, it } from 'vitest';
import { MODE_DEFAULTS, type ReplicationMode } from '../../../agent/protocol/index.ts';
import { type PrintedCommand, readCommands } from '../testing/printed-commands.ts';
import { gather, runbookOf } from './build.ts';
import { htmlOf } from './html.ts';
import { COMMANDS, fleetOf, SECRET } from './runbook.spec-kit.ts';

const UUID = '6d1ac9b2-5f0c-4b0e-8a44-6a1c1c1b2d3e';
const external: ReplicationMode = {
  kind: 'external',
  synchronous: false,
  everyS: 5,
  commands: { 'h-atlas': COMMANDS, 'h-boreas': COMMANDS },
};
const MODES: [string, ReplicationMode][] = [
  ['sync', { kind: 'sync' }],
  ['in memory', { kind: 'sync', memory: true }],
  ['interval', MODE_DEFAULTS.interval],
  ['async', MODE_DEFAULTS.async],
  ['shared', { kind: 'shared' }],
  ['external', external],
];

const page = (...given: Parameters<typeof fleetOf>): string =>
  htmlOf(runbookOf(gather(fleetOf(...given), false)), 0, '1.0');
const commands = (procedure: string, ...given: Parameters<typeof fleetOf>): PrintedCommand[] =>
  readCommands(page(...given)).filter((one) => one.procedure === procedure);
const lines = (...given: Parameters<typeof commands>): string[] =>
  commands(...given)
    .filter(({ ifAnswers }) => ifAnswers === null)
    .map(({ run }) => run);
const at = (all: string[], text: string): number => all.findIndex((one) => one.includes(text));

describe.each(MODES)('a machine whose copy is kept %s', (_name, mode) => {
  it('is proved to stand still before anything, and started last, under no guard and no agent', () => {
    const all = lines('on-standby', mode);
    const order = [
      'disable --now understudy-agent',
      'guard/protected',
      'restart understudy-guard',
      'virsh define',
      'virsh start',
    ];
    const places = order.map((text) => at(all, text));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    const before = commands('on-standby', mode).filter(({ ifAnswers }) => ifAnswers !== null);
    expect(before.map(({ host, run }) => [host, run])).toEqual([
      ['atlas', 'systemctl disable --now understudy-agent.service'],
      ['atlas', 'virsh destroy web'],
      ['atlas', `virsh list --uuid | grep -c ${UUID}`],
    ]);
  });

  it('has no secret on its sheet, nor its definition', () => {
    const html = page(mode);
    expect(html).not.toContain(SECRET);
    expect(html).not.toContain('graphics');
  });

  it('goes back to normal with the machine down before the agent looks', () => {
    for (const way of ['back-from-standby', 'back-from-owner']) {
      const all = lines(way, mode);
      expect(all[0]).toBe('virsh shutdown web');
      expect(at(all, 'virsh domstate')).toBeLessThan(at(all, 'enable --now understudy-agent'));
    }
  });

  it('is started again where it was only once the other host is out of it', () => {
    const all = commands('on-owner', mode);
    const there = all.filter(({ host }) => host === 'boreas');
    expect(all.slice(0, there.length)).toEqual(there);
    expect(there.map(({ run, expect: wanted }) => wanted ?? run)).toEqual([
      '"owner":"h-atlas"',
      '0',
      'systemctl disable --now understudy-agent.service',
      '0',
      '"owner":"h-atlas"',
    ]);
    // Where it runs there, that is the newer machine: never ended from here.
    expect(there.some(({ run }) => run.includes('destroy'))).toBe(false);
    const own = all.filter(({ host }) => host === 'atlas').map(({ run }) => run);
    expect(at(own, 'virsh destroy')).toBeLessThan(at(own, 'virsh start'));
    expect(at(own, 'virsh define')).toBe(-1);
  });
});

describe('what is done to the copy', () => {
  it('a mirrored one is looked at, closed in order, and then free', () => {
    const all = lines('on-standby', { kind: 'sync' });
    expect(at(all, 'votes/p1.json')).toBeLessThan(at(all, 'stop understudy-storage'));
    expect(at(all, 'stop understudy-storage')).toBeLessThan(at(all, "qemu-img info '/copies/web vda.qcow2'"));
    expect(at(all, "qemu-img info '/copies/web vdb.qcow2'")).toBeGreaterThan(0);
    expect(at(all, 'is-active understudy-storage')).toBeGreaterThan(at(all, 'stop understudy-storage'));
  });

  it('one that acknowledges from memory is asked whether its daemon has lived before that is stopped', () => {
    const html = page({ kind: 'sync', memory: true });
    expect(html).toContain('acknowledges writes from memory');
    const all = lines('on-standby', { kind: 'sync', memory: true });
    expect(at(all, 'is-active understudy-storage')).toBeLessThan(at(all, 'stop understudy-storage'));
    expect(page({ kind: 'sync' })).not.toContain('acknowledges writes from memory');
  });

  it('one kept by points gets a disk over the newest, and nothing is written over', () => {
    const all = lines('on-standby', MODE_DEFAULTS.interval);
    const made = all.filter((one) => one.includes('qemu-img create'));
    expect(made).toHaveLength(2);
    expect(made[0]).toContain(`test ! -e '/copies/web vda.qcow2'`);
    expect(made[1]).toContain('"vdb"');
  });

  it('shared disks are not closed by anybody, only seen to be free', () => {
    const all = lines('on-standby', { kind: 'shared' });
    expect(at(all, 'understudy-storage')).toBe(-1);
    expect(at(all, 'qemu-img info')).toBeGreaterThan(0);
  });

  it('an external one is promoted by its own command, as it stands', () => {
    const all = lines('on-standby', external);
    const promote = all.indexOf(`/usr/local/sbin/repl promote 'r 0'`);
    expect(promote).toBeGreaterThan(0);
    expect(promote).toBeLessThan(at(all, 'virsh start'));
    expect(lines('on-owner', external)).toContain(`/usr/local/sbin/repl promote 'r 0'`);
  });
});

describe('what is said', () => {
  it('warns of a copy that is set aside, unclean or touched', () => {
    const quarantined = {
      kind: 'quarantined' as const,
      since: 1,
      supersededBy: { n: 2, by: '' },
      ownEpoch: { n: 1, by: '' },
    };
    expect(page({ kind: 'sync' }, { local: quarantined })).toContain('an old copy that was set aside');
    const unclean = { kind: 'standby' as const, exports: 'closed' as const, unclean: true as const };
    expect(page({ kind: 'sync' }, { local: unclean })).toContain('ended uncleanly');
    expect(page()).not.toContain('class="warning">The copy on boreas ended uncleanly');
  });

  it('names the other machines that the steps touch', () => {
    const fleet = fleetOf();
    const web = fleet.pairs.p1;
    if (!web) throw new Error('no pair');
    fleet.pairs.p2 = { ...web, id: 'p2', name: 'mail' };
    fleet.pairs.p3 = {
      ...web,
      ...{ id: 'p3', name: 'erp', primary: 'h-boreas', standby: 'h-atlas' },
      automation: { ...web.automation, armed: true },
    };
    const html = htmlOf(runbookOf(gather(fleet, false), 'p1'), 0, '1.0');
    expect(html).toContain('boreas keeps copies of other machines too: mail.');
    expect(html).toContain('by a lease that its agent renews: erp.');
  });

  it('says how to log in, and takes a machine’s odd name for what it is', () => {
    const html = page({ kind: 'sync' }, {}, `a<b>"x' y`);
    expect(html).toContain('ssh -p 2222 ada@10.0.0.2');
    expect(html).not.toContain('a<b>');
    expect(lines('on-standby', { kind: 'sync' }, {}, `a<b>"x' y`).at(-1)).toBe(`virsh domstate ${UUID}`);
  });
});
