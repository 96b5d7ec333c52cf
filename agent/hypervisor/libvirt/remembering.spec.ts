import { expect, it } from 'vitest';
import { remembering } from './remembering.ts';

it('reads no text twice, and forgets the one that was asked for longest ago', () => {
  const read: string[] = [];
  const length = remembering((text: string) => {
    read.push(text);
    return text.length;
  }, 2);
  for (const text of ['a', 'bb', 'a', 'ccc', 'a', 'bb']) expect(length(text)).toBe(text.length);
  expect(read).toEqual(['a', 'bb', 'ccc', 'bb']);
});

it('tells texts apart wherever they are parted, and keeps an answer of nothing too', () => {
  let reads = 0;
  const joined = remembering((...texts: string[]) => {
    reads += 1;
    return texts.length === 2 ? null : texts.join('');
  });
  expect(joined('ab', 'c')).toBeNull();
  expect(joined('a', 'bc')).toBeNull();
  expect(joined('ab', 'c')).toBeNull();
  expect(reads).toBe(2);
});

it('asks again after an error', () => {
  let broken = true;
  const read = remembering((text: string) => {
    if (broken) throw new Error('no definition');
    return text;
  });
  expect(() => read('a')).toThrow('no definition');
  broken = false;
  expect(read('a')).toBe('a');
});
