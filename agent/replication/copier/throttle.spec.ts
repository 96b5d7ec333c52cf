import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

const MIB = 2 ** 20;

/** Time passes only while something sleeps. */
function bench() {
  let now = 0;
  const throttle = new Throttle(
    () => now,
    async (ms) => {
      now += ms;
    },
  );
  const send = async (pieces: number): Promise<number> => {
    const began = now;
    for (let n = 0; n < pieces; n += 1) await throttle.take(MIB);
    return now - began;
  };
  return { throttle, send };
}

describe('the copier’s throttle', () => {
  it('keeps nothing waiting without a rate', async () => expect(await bench().send(1_000)).toBe(0));

  it('lets so many bytes pass in a second', async () => {
    const { throttle, send } = bench();
    throttle.set(5 * MIB);
    const ms = await send(51);
    expect(ms).toBeGreaterThan(9_500);
    expect(ms).toBeLessThan(10_500);
  });

  it('obeys a change in the middle of waiting', async () => {
    const { throttle, send } = bench();
    throttle.set(64 * 1024);
    await send(1);
    const waiting = send(2);
    throttle.set(null);
    expect(await waiting).toBeLessThan(200);
    throttle.set(10 * MIB);
    expect(await send(11)).toBeGreaterThan(900);
  });
});
