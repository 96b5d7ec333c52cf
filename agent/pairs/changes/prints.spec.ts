import { describe, expect, it } from 'vitest';
import { type Print, touchedOf } from './prints.ts';

const PATH = '/i/mail.qcow2';
const print = (more: Partial<Print> = {}): Print => ({
  file: '8:17',
  sizeBytes: 4096,
  writtenMs: 1000.5,
  closed: true,
  ...more,
});
const touched = (was: Print | null, is: Print | null): string | null =>
  touchedOf({ [PATH]: was }, { [PATH]: is });

describe('touchedOf', () => {
  it('believes an image that is as it was, and one that was never seen before', () => {
    expect(touched(print(), print())).toBeNull();
    expect(touchedOf({}, { [PATH]: print() })).toBeNull();
    expect(touched(null, print())).toBeNull();
  });

  it.each([
    [{ writtenMs: 1000.6 }, /written to/],
    [{ sizeBytes: 8192 }, /written to/],
    [{ file: '8:18' }, /Another file/],
  ])('notices a closed image with %o', (more, text) => {
    expect(touched(print(), print(more))).toMatch(text);
  });

  it('notices that one is gone', () => {
    expect(touched(print(), null)).toMatch(/is gone/);
    expect(touched(print({ closed: false }), null)).toMatch(/is gone/);
  });

  it.each([
    [false, false],
    [false, true],
    [true, false],
  ])(
    'lets our own writes be while it is open (before: closed %s, now: closed %s), but not another file',
    (was, is) => {
      const later = { writtenMs: 2000, sizeBytes: 8192, closed: is };
      expect(touched(print({ closed: was }), print(later))).toBeNull();
      expect(touched(print({ closed: was }), print({ ...later, file: '8:18' }))).toMatch(/Another file/);
    },
  );
});
