import { expect, it } from 'vitest';
import { to } from './router.ts';
import { ALWAYS, KeySequence, LETTERS, type Pressed } from './shortcuts.ts';

const key = (text: string, change: Partial<Pressed> = {}): Pressed => ({
  key: text,
  mod: false,
  shift: false,
  alt: false,
  typing: false,
  at: 0,
  ...change,
});

it('takes two letters one after the other, and not when the second comes late', () => {
  const keys = new KeySequence();
  expect(keys.press(key('g'), true)).toBeNull();
  expect(keys.press(key('l', { at: 900 }), true)).toEqual({ go: to.list });
  keys.press(key('g', { at: 2000 }), true);
  expect(keys.press(key('l', { at: 4000 }), true)).toBeNull();
});

it('every one in the sheet does what it says', () => {
  for (const { keys, deed } of LETTERS) {
    const sequence = new KeySequence();
    const answers = keys.map((each, at) => sequence.press(key(each, { at, shift: each === '?' }), true));
    expect(answers.at(-1)).toEqual(deed);
  }
  expect(new KeySequence().press(key('k', { mod: true }), false)).toEqual(ALWAYS[0]?.deed);
  expect(new KeySequence().press(key('F1'), false)).toEqual(ALWAYS[1]?.deed);
});

it('no two begin alike', () => {
  const starts = LETTERS.map(({ keys }) => keys.join(' '));
  expect(new Set(starts).size).toBe(starts.length);
  for (const one of LETTERS.filter(({ keys }) => keys.length === 1)) {
    expect(LETTERS.filter(({ keys }) => keys[0] === one.keys[0])).toHaveLength(1);
  }
});

it('letters are letters while something is typed, with Ctrl, and when they are switched off', () => {
  const keys = new KeySequence();
  expect(keys.press(key('?', { typing: true }), true)).toBeNull();
  expect(keys.press(key('?'), false)).toBeNull();
  expect(keys.press(key('?', { mod: true }), true)).toBeNull();
  expect(keys.press(key('K', { mod: true, shift: true }), true)).toBeNull();
  // In a field the palette and the sheet still open: their keys type nothing.
  expect(keys.press(key('k', { mod: true, typing: true }), true)).toEqual({ open: 'palette' });
});
