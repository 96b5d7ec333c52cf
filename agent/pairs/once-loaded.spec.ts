import { expect, it } from 'vitest';
import { onceLoaded } from './once-loaded.ts';

it('answers nobody before what is on disk was read', async () => {
  let finish = (): void => undefined;
  const loaded = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const held = new Map<string, string>();
  const handlers = onceLoaded(
    { 'record.read': async ({ pairId }: { pairId: string }) => held.get(pairId) ?? null },
    loaded,
  );
  const early = handlers['record.read']({ pairId: 'p1' });
  await new Promise((resolve) => setImmediate(resolve));
  held.set('p1', 'quarantined');
  finish();
  expect(await early).toBe('quarantined');
  expect(await handlers['record.read']({ pairId: 'p2' })).toBeNull();
});
