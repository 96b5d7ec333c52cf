import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Body, Envelope } from '../../../agent/lease/messages.ts';
import { founding } from '../../../agent/lease/record.ts';
import { ok, type PairRecord } from '../../../agent/protocol/index.ts';
import { type Bench, openBench } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus } from '../testing/fake-link.ts';
import { armedRecord } from '../testing/pair-words.ts';

let bench: Bench;
let self: string;
beforeEach(async () => {
  bench = await openBench([hostRecord('atlas'), hostRecord('boreas')]);
  self = bench.session.witness.identity.hostId;
  for (const name of ['atlas', 'boreas']) {
    const { answers } = bench.link(name);
    answers['witness.attach'] = () => ok({});
    answers['witness.envelope'] = () => ok({});
    answers['witness.answer'] = () => ok({});
  }
});
afterEach(async () => {
  // Nobody is there who could disarm, so the goodbye of the end waits for nobody.
  for (const name of ['atlas', 'boreas']) bench.link(name).goOffline();
  await bench.close();
});

const record = (change: Partial<PairRecord> = {}): PairRecord => ({
  ...armedRecord,
  voters: ['h-atlas', 'h-boreas', self],
  ...change,
});

function goOnline(of: PairRecord = record()): void {
  bench.link('atlas').goOnline(agentState({ pairs: [pairStatus('h-atlas', { record: of })] }));
  bench.link('boreas').goOnline(agentState({ pairs: [pairStatus('h-boreas', { record: of })] }));
}

function envelope(from: string, body: Body, change: Partial<Envelope> = {}): Envelope {
  return {
    pairId: 'p1',
    from,
    to: self,
    config: 1,
    progress: { incarnation: 1, writes: 1 },
    origin: { incarnation: 0, writes: 0 },
    seen: null,
    chosen: founding(record()),
    body,
    ...change,
  };
}

const say = (name: string, value: Envelope): void =>
  bench.link(name).notice({ notice: 'envelope', value: { envelope: value } });
const lease = { kind: 'lease', id: 1, candidate: false, leaseMs: 4_000 } as const;
const heard = (name: string, kind: Body['kind']): Envelope[] =>
  bench
    .link(name)
    .callsOf('witness.envelope')
    .map((params) => (params as { envelope: Envelope }).envelope)
    .filter(({ body }) => body.kind === kind);

/** It becomes the voter of a brand-new pair, as an owner asks of every witness. */
async function keep(): Promise<void> {
  bench.link('atlas').notice({
    notice: 'witnessCall',
    value: {
      id: 7,
      method: 'record.keep',
      params: { chosen: founding(record()), brandNew: true, spec: null },
    },
  });
  await vi.waitFor(() => expect(bench.link('atlas').callsOf('witness.answer')).toHaveLength(1));
}

describe('this workstation as a witness', () => {
  test('tells the way to it to the members of its pairs only, after each connection', async () => {
    goOnline(record({ voters: ['h-atlas', 'h-boreas', 'h-pi'] }));
    expect(bench.link('atlas').callsOf('witness.attach')).toEqual([]);
    goOnline();
    const told = [{ hostId: self, name: bench.session.witness.identity.name }];
    expect(bench.link('atlas').callsOf('witness.attach')).toEqual(told);
    expect(bench.link('boreas').callsOf('witness.attach')).toEqual(told);
    expect(bench.session.fleet.pairs()[0]?.automation.witness?.name).toMatch(/^this workstation/);
  });

  test('keeps the record, then gives its vote to the owner over its own connection', async () => {
    goOnline();
    await keep();
    expect(bench.link('atlas').callsOf('witness.answer')).toEqual([
      { id: 7, result: { current: true }, problem: null },
    ]);
    say('atlas', envelope('h-atlas', lease));
    await vi.waitFor(() => expect(heard('atlas', 'granted')).toHaveLength(1));
    say('boreas', envelope('h-boreas', { ...lease, candidate: true }));
    await vi.waitFor(() => expect(heard('boreas', 'denied')).toHaveLength(1));
  });

  test('believes a host only what it says in its own name', async () => {
    goOnline();
    await keep();
    say('boreas', envelope('h-atlas', lease));
    say('atlas', envelope('h-atlas', lease, { to: 'h-boreas' }));
    bench.link('atlas').notice({ notice: 'envelope', value: { envelope: 'nonsense' } });
    say('atlas', envelope('h-atlas', { kind: 'query', id: 3 }));
    await vi.waitFor(() => expect(heard('atlas', 'state')).toHaveLength(1));
    expect(heard('atlas', 'granted')).toEqual([]);
    const foreign = record({ members: ['h-x', 'h-y'] });
    bench.link('atlas').notice({
      notice: 'witnessCall',
      value: {
        id: 8,
        method: 'record.keep',
        params: { chosen: founding(foreign), brandNew: true, spec: null },
      },
    });
    await vi.waitFor(() =>
      expect(bench.link('atlas').callsOf('witness.answer')).toContainEqual(
        expect.objectContaining({ id: 8, problem: expect.objectContaining({ kind: 'not-a-member' }) }),
      ),
    );
  });

  test('answers by ballot whether it holds what it is shown: a forced record outranks later versions', async () => {
    goOnline();
    await keep();
    const held = founding(record({ owner: 'h-boreas', epoch: { n: 9, by: 'h-boreas' }, forced: true }));
    const forced = { ...held, ballot: { ...held.ballot, force: held.record.epoch } };
    say('boreas', envelope('h-boreas', { kind: 'gossip' }, { chosen: forced }));
    const chosen = founding(record({ version: 40 }));
    const params = { chosen, brandNew: true, spec: null };
    bench.link('atlas').notice({ notice: 'witnessCall', value: { id: 8, method: 'record.keep', params } });
    await vi.waitFor(() => expect(bench.link('atlas').callsOf('witness.answer')).toHaveLength(2));
    expect(bench.link('atlas').callsOf('witness.answer')[1]).toMatchObject({ result: { current: true } });
  });

  test('says goodbye to both members before it sleeps, and that it is back', async () => {
    goOnline();
    await keep();
    const asleep = bench.session.witness.goodbye();
    await vi.waitFor(() => expect(heard('boreas', 'goodbye')[0]?.body).toMatchObject({ leaving: true }));
    expect(heard('atlas', 'goodbye')).toHaveLength(1);
    const disarmed = { ...founding(record({ armed: false, version: 4 })) };
    const newer = { ...disarmed, ballot: { ...disarmed.ballot, round: 2 } };
    say('atlas', envelope('h-atlas', { kind: 'gossip' }, { chosen: newer }));
    await asleep;
    bench.session.witness.stay();
    await vi.waitFor(() => expect(heard('atlas', 'goodbye').at(-1)?.body).toMatchObject({ leaving: false }));
  });

  test('started again it remembers, and grants nothing to a stranger to the record at first', async () => {
    goOnline();
    await keep();
    for (const name of ['atlas', 'boreas']) bench.link(name).goOffline();
    await bench.reopen();
    for (const name of ['atlas', 'boreas']) {
      bench.link(name).answers['witness.attach'] = () => ok({});
      bench.link(name).answers['witness.envelope'] = () => ok({});
    }
    goOnline();
    say('boreas', envelope('h-boreas', { ...lease, candidate: true }));
    await vi.waitFor(() => expect(heard('boreas', 'denied')).toHaveLength(1));
    expect(heard('boreas', 'denied')[0]).toMatchObject({ progress: { incarnation: 2 } });
  });

  test('lets a pair go, for good', async () => {
    goOnline();
    await keep();
    const forget = { id: 9, method: 'pair.forget' as const, params: { pairId: 'p1' } };
    bench.link('atlas').notice({ notice: 'witnessCall', value: forget });
    await vi.waitFor(() => expect(bench.link('atlas').callsOf('witness.answer')).toHaveLength(2));
    const before = bench.link('atlas').callsOf('witness.envelope').length;
    say('atlas', envelope('h-atlas', lease, { chosen: founding(record({ version: 9 })) }));
    expect(bench.link('atlas').callsOf('witness.envelope')).toHaveLength(before);
  });
});

describe('choosing it', () => {
  const order = { requestId: 'r1', pairIds: ['p1'] };

  test('both members learn the way before the owner asks for its vote', async () => {
    goOnline(record({ voters: ['h-atlas'], armed: false }));
    const atlas = bench.link('atlas');
    atlas.answers['pair.witness'] = () => ok({ record: record() });
    const { outcomes } = await bench.session.automation.setWitness({ ...order, witness: self });
    expect(outcomes).toMatchObject([{ problem: null }]);
    const given = atlas.calls.map(({ method }) => method).filter((method) => method.includes('witness'));
    expect(given).toEqual(['witness.attach', 'pair.witness']);
    expect(bench.link('boreas').callsOf('witness.attach')).toHaveLength(1);
  });

  test('is refused while a member cannot be reached from here', async () => {
    goOnline(record({ voters: ['h-atlas'], armed: false }));
    bench.link('boreas').goOffline();
    const { outcomes } = await bench.session.automation.setWitness({ ...order, witness: self });
    expect(outcomes[0]?.problem).toMatchObject({ kind: 'host-offline' });
    expect(bench.link('atlas').callsOf('pair.witness')).toEqual([]);
  });

  test('is looked at like any other box, with a word about sleep', async () => {
    goOnline(record({ voters: ['h-atlas'], armed: false }));
    const report = await bench.session.checkWitness({ witness: self, pairIds: ['p1'] });
    expect(report.usable).toBe(true);
    expect(report.checks.map(({ id, state }) => [id, state])).toContainEqual(['witness-sleeps', 'warning']);
    bench.link('boreas').goOffline();
    expect((await bench.session.checkWitness({ witness: self, pairIds: ['p1'] })).usable).toBe(false);
  });
});
