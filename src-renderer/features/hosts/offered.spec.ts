import { expect, it } from 'vitest';
import { offered } from './offered.ts';

it('offers the members that another console added, by name, and nothing else', () => {
  const notice = (name: string, address: string) => ({
    kind: 'fleet-member-unknown',
    message: `${name} belongs to this fleet too.`,
    next: 'Add it.',
    details: { name, address },
  });
  const other = { kind: 'database-damaged', message: 'Damaged.', next: 'Add a host.' };
  expect(offered([notice('cora', '10.0.0.3'), other, notice('boreas', '10.0.0.2')])).toEqual([
    { name: 'boreas', address: '10.0.0.2' },
    { name: 'cora', address: '10.0.0.3' },
  ]);
});
