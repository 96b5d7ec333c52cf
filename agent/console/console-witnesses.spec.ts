import { beforeEach, describe, expect, it } from 'vitest';
import type { Envelope } from '../lease/messages.ts';
import type { Peers } from '../peers/peers.ts';
import { fail, ok, type Peer } from '../protocol/index.ts';
import { systemClock } from '../system-clock.ts';
import { ConsoleWitnesses, type WitnessLine } from './console-witnesses.ts';

const PI = {
  hostId: 'pi',
  name: 'pi',
  address: '10.0.0.7',
  port: 7420,
  replicationPort: 7421,
  role: 'witness',
};

/** The other members, of whom pi is one; what was sent to them is kept. */
function members() {
  const sent: Envelope[] = [];
  const peers: Peers = {
    to: () => ({ call: async () => fail({ kind: 'asked-a-member', message: '', next: '' }) }),
    get: (hostId) => (hostId === 'pi' ? (PI as Peer) : null),
    sights: () => [],
    sight: () => null,
    send: (envelope) => void sent.push(envelope),
    onEnvelope: () => () => undefined,
    onSight: () => () => undefined,
    openStream: async () => ({ ok: false, problem: { kind: 'none', message: '', next: '' } }),
    onStream: () => undefined,
  };
  return { peers, sent };
}

function lineOf(hostId: string) {
  const told: { notice: string; value: unknown }[] = [];
  const line: WitnessLine = {
    hostId,
    name: 'a laptop',
    console: { notify: (notice, value) => void told.push({ notice, value }) },
  };
  return { line, told };
}

const envelope = (from: string, to: string): Envelope => ({
  pairId: 'p1',
  from,
  to,
  config: 1,
  progress: { incarnation: 1, writes: 1 },
  origin: null,
  seen: null,
  chosen: null,
  body: { kind: 'gossip' },
});

let fleet: ReturnType<typeof members>;
let witnesses: ConsoleWitnesses;
beforeEach(() => {
  fleet = members();
  witnesses = new ConsoleWitnesses(fleet.peers, systemClock);
});

describe('a console that votes', () => {
  it('is reached over its own connection, everybody else as before', () => {
    const { line, told } = lineOf('console-1');
    witnesses.attach(line);
    const mine = envelope('atlas', 'console-1');
    const theirs = envelope('atlas', 'pi');
    witnesses.send(mine);
    witnesses.send(theirs);
    expect(told).toEqual([{ notice: 'envelope', value: { envelope: mine } }]);
    expect(fleet.sent).toEqual([theirs]);
    expect(witnesses.get('console-1')).toMatchObject({ name: 'a laptop', role: 'witness' });
    expect(witnesses.get('pi')).toBe(PI);
  });

  it('is believed only what it says in its own name', () => {
    const heard: Envelope[] = [];
    witnesses.onEnvelope((one) => heard.push(one));
    const { line } = lineOf('console-1');
    witnesses.attach(line);
    witnesses.receive(line, envelope('pi', 'atlas'));
    witnesses.receive(line, 'nonsense');
    witnesses.receive(line, envelope('console-1', 'atlas'));
    expect(heard.map(({ from }) => from)).toEqual(['console-1']);
    expect(() => witnesses.attach(lineOf('pi').line)).toThrow(/under the id of a host/);
  });

  it('answers what a witness is asked; an answer that breaks the contract is none', async () => {
    const { line, told } = lineOf('console-1');
    witnesses.attach(line);
    const forget = () => witnesses.to('console-1').call('pair.forget', { pairId: 'p1' });
    const first = forget();
    expect(told).toMatchObject([{ notice: 'witnessCall', value: { id: 1, method: 'pair.forget' } }]);
    witnesses.answered(lineOf('console-1').line, { id: 1, result: {}, problem: null });
    witnesses.answered(line, { id: 1, result: {}, problem: null });
    expect(await first).toEqual(ok({}));
    const second = forget();
    witnesses.answered(line, { id: 2, result: 'what?', problem: null });
    expect(await second).toMatchObject({ ok: false, problem: { kind: 'malformed' } });
    const foreign = witnesses.to('console-1').call('peer.hello', { hostId: 'atlas', bootId: 'b' });
    expect(await foreign).toMatchObject({ ok: false, problem: { kind: 'malformed' } });
  });

  it('that is gone answers nothing, loses what is sent, and keeps its name', async () => {
    const { line } = lineOf('console-1');
    witnesses.attach(line);
    const asked = witnesses.to('console-1').call('pair.forget', { pairId: 'p1' });
    witnesses.detach(line);
    expect(await asked).toMatchObject({ ok: false, problem: { kind: 'peer-unreachable' } });
    expect(await witnesses.to('console-1').call('pair.forget', { pairId: 'p1' })).toMatchObject({
      problem: { kind: 'peer-unreachable' },
    });
    witnesses.send(envelope('atlas', 'console-1'));
    expect(fleet.sent).toEqual([]);
    expect(witnesses.get('console-1')?.name).toBe('a laptop');
  });

  it('that connects again is reached there, whenever the former connection ends', () => {
    const former = lineOf('console-1');
    const now = lineOf('console-1');
    witnesses.attach(former.line);
    witnesses.attach(now.line);
    witnesses.detach(former.line);
    witnesses.send(envelope('atlas', 'console-1'));
    expect([former.told.length, now.told.length]).toEqual([0, 1]);
  });
});
