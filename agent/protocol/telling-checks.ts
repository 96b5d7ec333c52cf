import type { Problem } from './problem.ts';
import {
  type HookSettings,
  type MailSettings,
  MOST_PER_HOUR,
  type TellingSettings,
  UNPROTECTED_MINUTES,
} from './telling.ts';

const wrong = (kind: string, field: string, message: string, next: string): Problem => ({
  kind,
  field,
  message,
  next,
});

/** Neither a line break, which would begin another header, nor anything but one plain address. */
const ADDRESS = /^[^\s@<>,;:"()[\]\\]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/;
const HOST = /^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$/;
const HEADER = /^[A-Za-z0-9-]{1,100}$/;
/** One or more of them, and nothing else: a private key must not be given away by mistake. */
const CERTIFICATE = /^\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*)+$/;
const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

export const isMailAddress = (text: string): boolean => ADDRESS.test(text);

/** Headers that a webhook has anyway; a secret in their place would break it. */
const OWN_HEADERS = ['host', 'content-length', 'content-type', 'transfer-encoding', 'connection'];

/** What settings cannot be; null when they can. The same words at the console and at the agent. */
export function tellingProblem(settings: TellingSettings, has: { password: boolean }): Problem | null {
  return (
    (settings.mail && mailProblem(settings.mail, has.password)) ??
    (settings.hook && hookProblem(settings.hook)) ??
    timesProblem(settings) ??
    boundsProblem(settings)
  );
}

function mailProblem(
  { host, port, tls, user, from, to, ca }: MailSettings,
  password: boolean,
): Problem | null {
  if (!HOST.test(host))
    return wrong(
      'mail-host',
      'host',
      'That is no name of a mail server.',
      'Type one such as mail.example.org.',
    );
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    return wrong('mail-port', 'port', 'A port is between 1 and 65535.', 'Usual are 465, 587 and 25.');
  if (!isMailAddress(from))
    return wrong('mail-from', 'from', 'That is no mail address.', 'Type one such as understudy@example.org.');
  const bad = to.find((address) => !isMailAddress(address));
  if (to.length === 0 || bad !== undefined)
    return wrong(
      'mail-to',
      'to',
      bad === undefined ? 'Nobody would get the mail.' : `${bad} is no mail address.`,
      'Type addresses with commas between them.',
    );
  if (ca !== undefined && !CERTIFICATE.test(ca))
    return wrong(
      'mail-ca',
      'ca',
      'That is no certificate.',
      'Paste it as text that begins with -----BEGIN CERTIFICATE-----.',
    );
  if (tls === 'none' && user !== '' && password)
    return wrong(
      'mail-password-readable',
      'tls',
      'The password would travel readable for everybody on the way.',
      'Choose TLS or STARTTLS, or leave the user empty.',
    );
  return null;
}

function hookProblem({ url, header }: HookSettings): Problem | null {
  if (!isHttpUrl(url))
    return wrong(
      'hook-url',
      'url',
      'That is no web address.',
      'Type one that begins with https:// or http://.',
    );
  if (header !== '' && (!HEADER.test(header) || OWN_HEADERS.includes(header.toLowerCase())))
    return wrong('hook-header', 'header', 'That is no header for a secret.', 'Usual is Authorization.');
  return null;
}

function isHttpUrl(text: string): boolean {
  try {
    const { protocol, username, password } = new URL(text);
    // A secret in the address would be shown with it.
    return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
  } catch {
    return false;
  }
}

function timesProblem({ quiet, zone }: TellingSettings): Problem | null {
  if (!isZone(zone))
    return wrong('zone', 'zone', `${zone} is no time zone.`, 'Type one such as Europe/Berlin, or UTC.');
  if (quiet === null) return null;
  if (!TIME.test(quiet.from))
    return wrong('quiet-from', 'quietFrom', 'That is no time of day.', 'Type one such as 22:00.');
  if (!TIME.test(quiet.to))
    return wrong('quiet-to', 'quietTo', 'That is no time of day.', 'Type one such as 07:00.');
  if (quiet.from === quiet.to)
    return wrong('quiet-always', 'quietTo', 'Quiet hours end when they begin.', 'Choose another end.');
  return null;
}

export function isZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function boundsProblem({ mostPerHour, unprotectedMinutes }: TellingSettings): Problem | null {
  if (!within(mostPerHour, MOST_PER_HOUR))
    return wrong('rate', 'mostPerHour', 'Between 1 and 60 messages an hour are possible.', 'Usual are 10.');
  if (!within(unprotectedMinutes, UNPROTECTED_MINUTES))
    return wrong(
      'unprotected-minutes',
      'unprotectedMinutes',
      'Between a minute and a day (1440 minutes) are possible.',
      'Usual are 10.',
    );
  return null;
}

const within = (value: number, { least, most }: { least: number; most: number }): boolean =>
  Number.isInteger(value) && value >= least && value <= most;
