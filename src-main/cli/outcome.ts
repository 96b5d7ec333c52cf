import type { Problem } from '../../agent/protocol/index.ts';

export const EXIT = { done: 0, refused: 1, usage: 2, needsYou: 3, unanswered: 4, stopped: 130 } as const;

/** How a command went: for the shell, for programs, and for a person. */
export interface Outcome {
  code: number;
  /** With --json the last line of the output. */
  json: { command: string; ok: boolean } & Record<string, unknown>;
  /** Without. */
  text: string;
}

export const sentence = ({ message, next }: Problem): string => `${message}\n${next}`;

export function refused(command: string, problem: Problem, code: number, more = {}): Outcome {
  return { code, json: { command, ok: false, ...more, problem }, text: sentence(problem) };
}
