import { words } from './words.ts';

/** What is not understood, as a sentence. */
export class Misread extends Error {
  /** What to do instead; null: look at the help. */
  readonly next: string | null;

  constructor(message: string, next: string | null = null) {
    super(message);
    this.next = next;
  }
}

export function seconds(option: string, given: string | undefined, usual: number): number {
  if (given === undefined) return usual;
  if (!/^\d{1,6}$/.test(given)) throw new Misread(words.notANumber(option, given));
  return Number(given);
}

export function oneOf<T extends string>(
  option: string,
  all: readonly T[],
  given: string | undefined,
): T | null {
  if (given === undefined) return null;
  if (!isOf(all, given)) throw new Misread(words.notOneOf(option, all, given));
  return given;
}

export const isOf = <T extends string>(all: readonly T[], given: string): given is T =>
  (all as readonly string[]).includes(given);
