import type { VerifyResult } from '../../../agent/protocol/verify.ts';
import type { VerifyView } from '../../../src-main/contract/index.ts';
import { bytes } from '../../lib/format.ts';
import { m } from '../../lib/messages.ts';
import type { Mark } from '../../lib/pair-state.ts';
import { duration } from '../../lib/time.ts';

export function verifyMark({ state }: VerifyView): Mark {
  const word = m.verify.state[state];
  switch (state) {
    case 'alike':
      return { tone: 'ok', icon: 'check', word };
    case 'differs':
      return { tone: 'danger', icon: 'cross', word };
    case 'repaired':
      return { tone: 'attention', icon: 'wrench', word };
    case 'failed':
      return { tone: 'attention', icon: 'clock', word };
    case 'never':
      return { tone: 'neutral', icon: 'ring', word };
  }
}

/** `when`: of the last result. */
export function verifySentence({ state }: VerifyView, host: string, when: string): string {
  return m.verify.says[state](host, when);
}

/** `when`: says a moment (wall clock, ms). */
export function figuresOf(
  { found, repairedAt, tookMs }: VerifyResult,
  when: (at: number) => string,
): { name: string; value: string }[] {
  if (!found) return [];
  const words = m.verify.facts;
  const rows = [{ name: words.compared, value: bytes(found.totalBytes) }];
  if (found.writtenBytes > 0) rows.push({ name: words.written, value: bytes(found.writtenBytes) });
  if (found.differingBytes > 0) rows.push({ name: words.differing, value: bytes(found.differingBytes) });
  rows.push({ name: words.took, value: duration(tookMs) });
  if (repairedAt !== null) rows.push({ name: words.repaired, value: when(repairedAt) });
  return rows;
}

/** Where the copies differed, as far as it is told. */
export function placesOf({ found }: VerifyResult): string[] {
  if (!found || found.differingBytes === 0) return [];
  const words = m.verify;
  const told = found.places.reduce((sum, { length }) => sum + length, 0);
  const places = found.places.map(({ target, offset, length }) =>
    words.place(target, bytes(length), bytes(offset)),
  );
  return told < found.differingBytes ? [...places, words.more] : places;
}
