import { expect, it } from 'vitest';
import { Learning } from './learning.ts';

function work() {
  let [end, fail] = [(): void => undefined, (_error: Error): void => undefined];
  const promise = new Promise<void>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  promise.catch(() => undefined);
  return { promise, end: () => end(), fail: () => fail(new Error('disk full')) };
}
const settled = async (promise: Promise<void>): Promise<boolean> => {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  for (let turns = 0; turns < 20; turns += 1) await Promise.resolve();
  return over;
};

it('waits for everything that was learnt of a pair until then, whatever becomes of it', async () => {
  const learning = new Learning();
  const [first, second, other] = [work(), work(), work()];
  learning.begins('mail', first.promise);
  learning.begins('mail', second.promise);
  learning.begins('web', other.promise);
  const done = learning.done('mail');
  second.end();
  expect(await settled(done)).toBe(false);
  first.fail();
  expect(await settled(done)).toBe(true);
  expect(await settled(learning.done('web'))).toBe(false);
});

it('waits for nothing where nothing is learnt', async () => {
  const learning = new Learning();
  expect(await settled(learning.done('mail'))).toBe(true);
  learning.begins('mail', Promise.resolve());
  await learning.done('mail');
  expect(await settled(learning.done('mail'))).toBe(true);
});
