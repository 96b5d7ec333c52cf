import * as v from 'valibot';
import { type ExternalState, fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { Ran } from './host.ts';

const MOST_LINE = 200;
const Count = v.optional(v.nullable(v.pipe(v.number(), v.minValue(0))));
const Told = v.object({
  state: v.picklist(['in-sync', 'behind', 'broken']),
  seconds: Count,
  bytes: Count,
  message: v.optional(v.string()),
});

/**
 * What a state command has said (docs/external.md): a JSON object, or a first line that begins with `in-sync`, `behind N
 * seconds`, `behind N bytes`, `behind` or `broken`. An exit code other than 0 never counts as in sync. Problem kinds:
 * `external-broken`, with its own words; `command-not-understood`.
 */
export function readState({ code, stdout, stderr }: Ran, host: string): Result<ExternalState> {
  const text = stdout.trim();
  const told = text.startsWith('{') ? fromJson(text) : fromLine(firstLine(text));
  const words = firstLine(told?.line || text || stderr);
  if (told?.state === 'broken') return fail(broken(words, host));
  if (code !== 0)
    return fail(broken(words === '' ? `exit code ${code}` : `${words} (exit code ${code})`, host));
  return told ? ok({ ...told, line: words }) : fail(notUnderstood(text, host));
}

function fromJson(text: string): ExternalState | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = v.safeParse(Told, value);
  if (!read.success) return null;
  const { state, seconds = null, bytes = null, message } = read.output;
  return { state, behindS: seconds, behindBytes: bytes, line: message ?? state };
}

const LINE = /^(in-sync|broken|behind)\b(?:\s+(\d+(?:\.\d+)?)\s*(s|seconds?|bytes?)\b)?/;

function fromLine(line: string): ExternalState | null {
  const [, state, number, unit] = LINE.exec(line) ?? [];
  if (state !== 'in-sync' && state !== 'behind' && state !== 'broken') return null;
  const count = number === undefined ? null : Number(number);
  const isBytes = unit?.startsWith('b') === true;
  return { state, behindS: isBytes ? null : count, behindBytes: isBytes ? count : null, line };
}

/** One line of plain text, cut: it is shown to people and written into the audit log. */
export function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  const plain = [...line].filter((sign) => sign >= ' ' && sign !== '\u007f').join('');
  return plain.length > MOST_LINE ? `${plain.slice(0, MOST_LINE)}…` : plain;
}

const broken = (words: string, host: string): Problem => ({
  kind: 'external-broken',
  message: `The replication says on ${host} that it is broken: ${words}.`,
  next: 'Mend the replication by its own means; its state is asked again by itself.',
});

const notUnderstood = (text: string, host: string): Problem => ({
  kind: 'command-not-understood',
  message:
    text === ''
      ? `The state command on ${host} said nothing.`
      : `What the state command on ${host} said is not understood: "${firstLine(text)}".`,
  next: 'It says in-sync, behind N seconds, behind N bytes or broken, or writes a JSON object (docs/external.md).',
});
