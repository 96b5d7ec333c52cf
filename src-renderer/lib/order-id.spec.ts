import { describe, expect, it } from 'vitest';
import { OrderId } from './order-id.ts';

const of = (kind: string) => ({ kind, message: 'No.', next: 'Wait.' });
const order = { method: 'pair.switchover', params: { pairId: 'p', way: 'live' } };

describe('the id of an order', () => {
  it.each(['console-lost', 'no-answer', 'outcome-unknown'])(
    'stays when nobody knows whether it was taken: %s',
    (kind) => {
      const id = new OrderId();
      const first = id.of(order);
      id.failed(of(kind));
      expect(id.of({ ...order })).toBe(first);
    },
  );

  it.each(['busy', 'request-used'])('is another once it was refused: %s', (kind) => {
    const id = new OrderId();
    const first = id.of(order);
    id.failed(of(kind));
    expect(id.of(order)).not.toBe(first);
  });

  it('is another for another order', () => {
    const id = new OrderId();
    const first = id.of(order);
    id.failed(of('console-lost'));
    expect(id.of({ ...order, params: { pairId: 'p', way: 'cold' } })).not.toBe(first);
  });
});
