import { expect, it } from 'vitest';
import type { Envelope } from '../lease/messages.ts';
import { founding } from '../lease/record.ts';
import { createRecord } from '../lease/transitions.ts';
import { LeaseWire } from './lease-wire.ts';

const record = createRecord({
  pairId: '7e8100f6-0372-4e95-80c1-7f9db6af6836',
  members: ['e2f08719-6049-45e1-b46a-aa5708fd1dba', '721f0e26-1ff5-4521-845d-6b50961af58c'],
  voters: ['e2f08719-6049-45e1-b46a-aa5708fd1dba'],
  owner: 'e2f08719-6049-45e1-b46a-aa5708fd1dba',
  wall: 0,
});
const chosen = founding(record);
const renewal = (id: number, change: Partial<Envelope> = {}): Envelope => ({
  pairId: record.pairId,
  from: record.members[0],
  to: record.members[1],
  config: 1,
  progress: { incarnation: 3, writes: 17 },
  origin: { incarnation: 2, writes: 9 },
  seen: null,
  chosen,
  body: { kind: 'lease', id, candidate: false, leaseMs: 4000 },
  ...change,
});

/** Over a real link everything is JSON. */
const overTheWire = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

it('gives back every message as it was, whatever changed', () => {
  const [near, far] = [new LeaseWire(), new LeaseWire()];
  const later = { ...chosen, record: { ...record, version: 2, armed: true } };
  const messages: Envelope[] = [
    renewal(1),
    renewal(2),
    renewal(3, { chosen: later }),
    renewal(4, { chosen: null, seen: { incarnation: 1, writes: 1 } }),
    renewal(5, { body: { kind: 'granted', id: 5, holds: chosen.ballot } }),
    renewal(6, { pairId: 'another' }),
    renewal(7, { origin: null, body: { kind: 'granted', id: 7, holds: chosen.ballot } }),
    renewal(8),
  ];
  for (const bundle of [messages.slice(0, 3), messages.slice(3)]) {
    expect(far.decode(overTheWire(near.encode(bundle)))).toEqual(bundle);
  }
});

it('sends a renewal in less than a tenth of its size', () => {
  const wire = new LeaseWire();
  wire.encode([renewal(1)]);
  expect(JSON.stringify(wire.encode([renewal(2)])).length).toBeLessThan(
    JSON.stringify(renewal(2)).length / 10,
  );
});

it('refuses what refers to nothing, or is no message', () => {
  expect(new LeaseWire().decode([{ n: 0, body: { kind: 'lease', id: 1 } }])).toBeNull();
  const wire = new LeaseWire();
  expect(wire.decode(overTheWire(new LeaseWire().encode([renewal(1)])))).not.toBeNull();
  expect(wire.decode([{ n: 0, body: { kind: 'lease', id: 'one' } }])).toBeNull();
  expect(wire.decode([{ n: 0, head: { config: 'new' }, body: { kind: 'gossip' } }])).toBeNull();
});
