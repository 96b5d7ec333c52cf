import { expect, it } from 'vitest';
import { figure } from '../lab/failover/figures.ts';
import { recordsIn, sumOf } from '../lab/failover/replica-records.ts';
import { timeline } from '../lab/failover/timeline.ts';
import { type Acknowledged, RecordTruth } from '../lab/record-truth.ts';
import { gaps, longestGap } from '../lab/recorder.ts';

it('the middle and the worst of what was measured', () => {
  expect(figure([3, 1, null, 2])).toEqual({ median: 2, max: 3 });
  expect(figure([1, 2])).toEqual({ median: 1.5, max: 2 });
  expect(figure([null])).toBeNull();
});

const acks = (...times: number[]): Acknowledged[] =>
  times.map((at, number) => ({ at, number, nonce: String(number) }));

it('gaps between acknowledgements', () => {
  expect(longestGap(acks(0, 20, 1_520, 1_540))).toEqual({ seconds: 1.5, from: 20, to: 1_520 });
  expect(gaps(acks(0, 600, 610, 1_300), 0.5).map(({ seconds }) => seconds)).toEqual([0.6, 0.69]);
  expect(longestGap([])).toEqual({ seconds: 0, from: 0, to: 0 });
});

it('an outage in its parts, from what agents, QEMU and client say', () => {
  const entry = (at: number, event: string) => ({ seq: at, at, actor: 'agent', event, text: '', host: 'b' });
  const entries = [
    entry(100, 'take-over'),
    entry(2_200, 'candidate'),
    entry(2_300, 'take-over'),
    entry(9_000, 'x'),
  ];
  const parts = timeline({ seconds: 6, from: 1_000, to: 7_000 }, 3_000, entries);
  expect(parts).toEqual({
    outageS: 6,
    detectS: 1.2,
    decideS: 0.1,
    startS: 0.7,
    answerS: 4,
    vmStartS: 4,
    haPartS: 2,
  });
  expect(timeline({ seconds: 0.1, from: 0, to: 100 }, undefined, []).haPartS).toBeNull();
});

it('a rewrite whose answer never came leaves both possible, and the number is written no more', () => {
  const truth = new RecordTruth();
  truth.acked({ number: 1, nonce: 'a' });
  truth.tried({ number: 1, nonce: 'b' });
  expect([truth.accepts(1, 'a'), truth.accepts(1, 'b'), truth.rewritable(0)]).toEqual([true, true, null]);
});

it('a rewrite that was acknowledged is the only truth', () => {
  const truth = new RecordTruth();
  truth.acked({ number: 1, nonce: 'a' });
  truth.tried({ number: 1, nonce: 'b' });
  truth.acked({ number: 1, nonce: 'b' });
  expect([truth.accepts(1, 'a'), truth.accepts(1, 'b'), truth.rewritable(0)]).toEqual([false, true, 1]);
  expect(truth.accepts(1, undefined)).toBe(false);
});

it('finds whole records in an image wherever they lie', () => {
  const image = Buffer.alloc(64 * 1024);
  const place = (offset: number, number: number, nonce: string): void => {
    const record = image.subarray(offset, offset + 4096);
    record.write('USRECRD1');
    record.writeBigUInt64LE(BigInt(number), 8);
    record.write(nonce, 24);
    record.writeUInt32LE(sumOf(record), 4092);
  };
  place(4096, 7, 'x.7');
  place(16384, 8, 'x.8');
  place(32768, 9, 'x.9');
  image[32768 + 3000] = 1;
  expect([...recordsIn(image)]).toEqual([
    [7, 'x.7'],
    [8, 'x.8'],
  ]);
});
