import type { HookSettings, MailSettings, Problem, Result, TellingSecrets } from '../protocol/index.ts';

/** A message on its way, as every transport needs it. */
export interface Letter {
  /** Stable over all attempts, so that a receiver can tell a repetition. */
  id: string;
  /** Wall clock, ms. */
  at: number;
  /** One line. */
  subject: string;
  text: string;
  /** Mail clients show it so. */
  urgent: boolean;
  /** What a webhook is given beside title and text. */
  details: Record<string, unknown>;
  /** Who tells. */
  self: { hostId: string; name: string };
}

export interface Sent {
  /** What the other side said, for the person: "250 2.0.0 Ok: queued as 4F2". */
  answer: string;
  /** It took the message, but not for everybody. */
  problem: Problem | null;
}

/** The ways out of a host. Expected failures are Problems; neither they nor logs hold secrets. */
export interface Transports {
  /** Nothing leaves this host. */
  readonly simulated: boolean;
  mail(letter: Letter, to: MailSettings, password: string | null): Promise<Result<Sent>>;
  hook(
    letter: Letter,
    to: HookSettings,
    secrets: Pick<TellingSecrets, 'headerValue' | 'signingKey'>,
  ): Promise<Result<Sent>>;
}

/** One line, without what could end a header or move a cursor. */
export const oneLine = (text: string, most = 300): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, most);
