import { m } from './messages.ts';
import { to } from './router.ts';

/** What a key does. */
export type ShortcutDeed = { go: string } | { open: 'palette' | 'sheet' };

export interface Shortcut {
  /** One after the other; a single character, or the name of a key that types none. */
  keys: readonly string[];
  deed: ShortcutDeed;
  label: string;
}

const words = m.shortcuts;

/** Single letters: they can be switched off (WCAG 2.1.4), and never count while something is typed. */
export const LETTERS: readonly Shortcut[] = [
  { keys: ['g', 'm'], deed: { go: to.map }, label: m.shell.map },
  { keys: ['g', 'l'], deed: { go: to.list }, label: m.shell.list },
  { keys: ['g', 'o'], deed: { go: to.objectives }, label: m.objectives.page.title },
  { keys: ['g', 'a'], deed: { go: to.activity() }, label: m.shell.activity },
  { keys: ['g', 'w'], deed: { go: to.whatIf() }, label: m.whatIf.title },
  { keys: ['g', 'r'], deed: { go: to.runbook() }, label: m.runbook.open },
  { keys: ['g', 'h'], deed: { go: to.manual() }, label: m.manual.open },
  { keys: ['g', 's'], deed: { go: to.settings() }, label: m.shell.settings },
  { keys: ['n', 'h'], deed: { go: to.addHost }, label: m.shell.addHost },
  { keys: ['n', 'p'], deed: { go: to.protect() }, label: m.protect.title },
  { keys: ['n', 'w'], deed: { go: to.witness() }, label: m.witness.title },
  { keys: ['/'], deed: { open: 'palette' }, label: words.search },
  { keys: ['?'], deed: { open: 'sheet' }, label: words.title },
];

/** Always there. */
export const ALWAYS: readonly Shortcut[] = [
  { keys: ['Mod+K'], deed: { open: 'palette' }, label: words.search },
  { keys: ['F1'], deed: { open: 'sheet' }, label: words.title },
];

/** What the widgets answer to; only told, not handled here. */
export const WITHIN: readonly { keys: readonly string[]; label: string }[] = [
  { keys: ['Tab'], label: words.tab },
  { keys: ['↑', '↓', '←', '→'], label: words.arrows },
  { keys: ['Home', 'End'], label: words.ends },
  { keys: ['Enter'], label: words.enter },
  { keys: ['Space'], label: words.space },
  { keys: ['Esc'], label: words.escape },
];

/** How long the second letter may take, ms. */
const SEQUENCE_MS = 1500;

export interface Pressed {
  key: string;
  /** Ctrl, or Cmd on a Mac. */
  mod: boolean;
  shift: boolean;
  alt: boolean;
  /** In a field: letters are text. */
  typing: boolean;
  /** Monotonic, ms. */
  at: number;
}

/** Follows the keys and says what they mean. */
export class KeySequence {
  #first: { key: string; at: number } | null = null;

  press(pressed: Pressed, letters: boolean): ShortcutDeed | null {
    const { key, mod, alt, shift, typing, at } = pressed;
    const before = this.#first !== null && at - this.#first.at <= SEQUENCE_MS ? this.#first.key : '';
    this.#first = null;
    if (mod && !alt && !shift && key.toLowerCase() === 'k') return { open: 'palette' };
    if (key === 'F1' && !mod && !alt && !shift) return { open: 'sheet' };
    if (mod || alt || typing || !letters) return null;
    const both = LETTERS.find(({ keys }) => keys.length === 2 && keys[0] === before && keys[1] === key);
    const alone = LETTERS.find(({ keys }) => keys.length === 1 && keys[0] === key);
    if (!both && !alone && LETTERS.some(({ keys }) => keys[0] === key)) this.#first = { key, at };
    return both?.deed ?? alone?.deed ?? null;
  }
}
