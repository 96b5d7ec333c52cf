import { describe, expect, it } from 'vitest';
import type { ChangesStatus } from '../../../agent/protocol/index.ts';
import type { PairView } from '../../../src-main/contract/index.ts';
import {
  armed,
  at,
  fleet,
  host,
  manual,
  offline,
  pair,
  task,
  vm,
} from '../../../src-main/contract/testing-fleet.ts';
import { headline } from './headline.ts';

const two = [host('atlas'), host('boreas')];
const say = (snapshot: Parameters<typeof headline>[0]) => headline(snapshot, at);

const NOTHING = { open: null, followed: [], touched: null };
function saying(name: string, by: 'atlas' | 'boreas', changes: ChangesStatus): PairView {
  const view = pair(name, 'atlas', 'boreas');
  const own = view.members.atlas;
  if (!own) throw new Error('no word of atlas');
  return { ...view, members: { ...view.members, [by]: { ...own, status: { ...own.status, changes } } } };
}

describe('machines that others have changed', () => {
  const ask = { kind: 'check-networks', message: 'boreas: It has no bridge br-lab.', next: 'Make one.' };
  const open = { since: at, lacks: false, changes: [{ kind: 'nic' as const, text: 'Other bridge.' }], ask };
  const machines = [vm('atlas', 'mail'), vm('atlas', 'db')];

  it('asks for what stands in the way, and a copy that was touched comes first', () => {
    const asked = saying('mail', 'atlas', { ...NOTHING, open });
    expect(say(fleet(two, machines, [asked]))).toMatchObject({
      tone: 'attention',
      text: 'mail was changed, and boreas cannot follow.',
      detail: `${ask.message} ${ask.next}`,
      action: { href: '#/pairs/pair-mail' },
    });
    const touched = saying('db', 'boreas', { ...NOTHING, touched: { since: at, text: 'It is gone.' } });
    expect(say(fleet(two, machines, [asked, touched]))).toMatchObject({
      tone: 'danger',
      text: 'Somebody else has been at the copy of db on boreas.',
    });
  });

  it('says nothing of what is being followed', () => {
    const followed = saying('mail', 'atlas', { ...NOTHING, open: { ...open, ask: null } });
    expect(say(fleet(two, [machines[0] ?? vm('atlas', 'mail')], [followed])).text).toBe(
      'The machine is protected.',
    );
  });
});

describe('the sentence above the picture', () => {
  it('says that all is well and what the loss of a host would mean', () => {
    const line = say(fleet(two, [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas')]));
    expect(line).toMatchObject({ tone: 'ok', text: 'The machine is protected.' });
    expect(line.action).toEqual({ label: 'Choose a witness…', href: '#/witness' });
    expect(line.detail).toBe(
      'If atlas fails now, mail can start on boreas. Nothing that was acknowledged would be lost.',
    );
  });

  it('tells what starts by itself, after how long, and what waits for a click', () => {
    const pairs = [
      pair('mail', 'atlas', 'boreas', 'in-sync', { automation: armed('atlas', 'boreas') }),
      pair('db', 'atlas', 'boreas', 'in-sync', { automation: armed('atlas', 'boreas') }),
    ];
    const machines = [vm('atlas', 'mail'), vm('atlas', 'db')];
    const well = say(fleet(two, machines, pairs));
    expect(well).toMatchObject({ tone: 'ok', action: null });
    expect(well.detail).toMatch(
      /^If atlas fails now, db and mail start on boreas by themselves after about 5 s\./,
    );
    const files = pair('files', 'atlas', 'boreas');
    const mixed = say(fleet(two, [...machines, vm('atlas', 'files')], [...pairs, files]));
    expect(mixed.detail).toContain('files waits for your click.');
  });

  it('names an automatic pair that is not armed, why, and what mends it', () => {
    const obstacle = { kind: 'voter-missing', text: 'pi has been silent since 14:02:03.', saidBy: ['atlas'] };
    const automation = armed('atlas', 'boreas', 'pi', at, {
      armed: false,
      obstacles: [{ ...obstacle, mend: 'host', hostId: 'pi' }],
    });
    const hosts = [...two, host('pi', { role: 'witness' })];
    const unarmed = pair('mail', 'atlas', 'boreas', 'in-sync', { automation });
    const line = say(fleet(hosts, [vm('atlas', 'mail')], [unarmed]));
    expect(line).toMatchObject({ tone: 'attention', text: 'mail is not armed.', detail: obstacle.text });
    expect(line.action).toEqual({ label: 'Look at pi', href: '#/hosts/pi' });
    const paused = { ...unarmed, automation: { ...automation, paused: true } };
    expect(say(fleet(hosts, [vm('atlas', 'mail')], [paused])).text).toBe('The machine is protected.');
  });

  it('tells what a silent witness means, and only after what matters more', () => {
    const hosts = [...two, host('pi', { role: 'witness', connection: offline })];
    const armedPair = pair('mail', 'atlas', 'boreas', 'in-sync', { automation: armed('atlas', 'boreas') });
    const line = say(fleet(hosts, [vm('atlas', 'mail')], [armedPair]));
    expect(line).toMatchObject({ tone: 'attention', text: 'pi does not answer.' });
    expect(line.detail).toContain('It gives the third vote for mail. Nothing is stopped');
    const worse = pair('mail', 'atlas', 'boreas', 'not-in-sync', { automation: armed('atlas', 'boreas') });
    expect(say(fleet(hosts, [vm('atlas', 'mail')], [worse])).text).toBe(
      'mail runs without a current standby.',
    );
  });

  it('lets the standby step in before it asks anybody, and counts down', () => {
    const stepsIn = { hostId: 'boreas', at: at + 2_000, missingSince: at - 2_000 };
    const automation = armed('atlas', 'boreas', 'pi', at, { stepsIn });
    const coming = pair('mail', 'atlas', 'boreas', 'stepping-in', { automation });
    const line = say(fleet(two, [vm('atlas', 'mail')], [coming]));
    expect(line.text).toBe('atlas is not heard. mail comes back by itself.');
    expect(line.detail).toBe('boreas steps in in 2 s unless atlas is heard.');
    const frozen = pair('mail', 'atlas', 'boreas', 'frozen', { automation: manual });
    expect(say(fleet(two, [], [frozen])).text).toBe('mail is frozen on atlas.');
  });

  it('promises nothing about pairs that are not in sync', () => {
    const line = say(fleet(two, [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas', 'not-in-sync')]));
    expect(line.text).toBe('mail runs without a current standby.');
    expect(line.action).toEqual({ label: 'Copy mail anew…', href: '#/pairs/pair-mail/return' });
  });

  it('names the lost host, everything that went with it, and one button', () => {
    const hosts = [host('atlas', { connection: offline }), host('boreas')];
    const pairs = ['mail', 'db'].map((name) => pair(name, 'atlas', 'boreas', 'primary-lost'));
    const line = say(fleet(hosts, [vm('atlas', 'mail'), vm('atlas', 'db')], pairs));
    expect(line.text).toBe('atlas does not answer. db and mail are down with it.');
    expect(line.tone).toBe('danger');
    expect(line.action).toEqual({ label: 'Fail over db…', href: '#/pairs/pair-db/failover' });
  });

  it('does not call hosts lost that only wait for a log-in', () => {
    const connection = { ...offline, retryAt: null };
    const hosts = [host('atlas', { connection }), host('boreas', { connection })];
    const line = say(fleet(hosts, [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas', 'unknown')]));
    expect(line).toMatchObject({ tone: 'attention', text: 'atlas and boreas wait for you.' });
    expect(line.detail).toContain(offline.problem.message);
    expect(line.action).toEqual({ label: 'Look at atlas', href: '#/hosts/atlas' });
  });

  it('tells what came back, and does not hide what is still down', () => {
    const hosts = [host('atlas', { connection: offline }), host('boreas')];
    const rescued = pair('mail', 'boreas', 'atlas', 'standby-lost', {
      home: 'atlas',
      onStageSince: { hostId: 'boreas', at },
    });
    const calm = say(fleet(hosts, [vm('boreas', 'mail')], [rescued]));
    expect(calm.text).toBe('atlas is down. mail came back on boreas.');
    expect(calm.detail).toContain('Nothing is asked of you now.');
    const worse = say(fleet(hosts, [vm('boreas', 'mail'), vm('atlas', 'files')], [rescued]));
    expect(worse.detail).toContain('files has no standby and is down with it.');
    expect(worse.detail).not.toContain('Nothing is asked');
  });

  it('puts a lost machine before a returned host, and that before an unprotected machine', () => {
    const aside = pair('shop', 'boreas', 'atlas', 'quarantined');
    const lost = pair('db', 'cora', 'boreas', 'primary-lost');
    const hosts = [...two, host('cora', { connection: offline })];
    expect(say(fleet(hosts, [], [aside, lost])).text).toContain('cora does not answer');
    const back = say(fleet(two, [vm('atlas', 'print')], [aside]));
    expect(back.text).toBe('atlas is back. Its old copy of shop is set aside.');
    expect(back.action?.href).toBe('#/pairs/pair-shop/return');
  });

  it('follows a switchover instead of calling the machine stopped', () => {
    const moving = pair('mail', 'atlas', 'boreas', 'stopped');
    const line = say(
      fleet(two, [vm('atlas', 'mail', 'stopped')], [moving], [task(moving.id, 'switchover', 'atlas')]),
    );
    expect(line).toMatchObject({ tone: 'progress', text: 'mail is changing hosts.' });
    expect(say(fleet(two, [], [moving])).text).toBe('mail is stopped.');
  });

  it('shows how far a copy is and how long it takes', () => {
    const line = say(fleet(two, [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas', 'copying')]));
    expect(line.text).toBe('mail is being copied.');
    expect(line.detail).toBe('25 %, a few seconds left.');
  });

  it('leads on: one host, then what is not protected', () => {
    expect(say(fleet([host('atlas')], [vm('atlas', 'mail')])).action?.href).toBe('#/add-host');
    const line = say(fleet(two, [vm('atlas', 'mail'), vm('atlas', 'db')], [pair('db', 'atlas', 'boreas')]));
    expect(line.text).toBe('1 of 2 machines are protected.');
    expect(line.action?.label).toBe('Protect mail…');
  });

  it('says that a host is silent even when nothing of value ran there', () => {
    const line = say(fleet([host('atlas'), host('boreas', { connection: offline })]));
    expect(line.text).toBe('boreas does not answer.');
    expect(line.action?.href).toBe('#/hosts/boreas');
  });
});
