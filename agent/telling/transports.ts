import type { HookSettings, Letter, MailSettings, Result, Sent, TellingSecrets } from '../protocol/index.ts';

export type { Letter, Sent };

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
