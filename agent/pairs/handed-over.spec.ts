import { expect, it } from 'vitest';
import type { LeaseRecord } from '../lease/record.ts';
import { handedOver } from './handed-over.ts';

const record = (of: Partial<LeaseRecord>, since = 1_700_000_000_000): LeaseRecord =>
  ({
    change: 'hand-over',
    epoch: { n: 7, by: '' },
    replica: { mode: 'sync', state: 'none', point: null, since },
    ...of,
  }) as LeaseRecord;

it('names every hand-over otherwise', () => {
  const names = [
    handedOver(record({})),
    handedOver(record({ epoch: { n: 8, by: '' } })),
    handedOver(record({}, 1_700_000_000_001)),
  ];
  expect(new Set(names).size).toBe(3);
  // Part of the name of QEMU's bitmaps, which end in a dash and a number.
  for (const name of names) expect(name).toMatch(/^[a-z0-9]+$/);
});

it('has no name for what was not given away, nor once the new owner copies', () => {
  expect(handedOver(record({ change: 'takeover' }))).toBeNull();
  const replica = { mode: 'sync', state: 'catching-up', point: null, since: 1_700_000_000_000 } as const;
  expect(handedOver(record({ replica }))).toBeNull();
});
