import type { Problem } from '../../../agent/protocol/problem.ts';
import type { MailTls, SecretsChange, TellingSettings } from '../../../agent/protocol/telling.ts';
import { tellingProblem } from '../../../agent/protocol/telling-checks.ts';
import type { TellingOverview } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';

/** As a person enters it; secrets begin empty, and empty means kept. */
export interface EnteredTelling {
  withMail: boolean;
  host: string;
  port: string;
  tls: MailTls;
  ca: string;
  user: string;
  password: string;
  from: string;
  to: string;
  withHook: boolean;
  url: string;
  header: string;
  headerValue: string;
  signingKey: string;
  withQuiet: boolean;
  quietFrom: string;
  quietTo: string;
  zone: string;
  mostPerHour: string;
  unprotectedMinutes: string;
  forgetPassword: boolean;
  forgetHeaderValue: boolean;
  forgetSigningKey: boolean;
}

export interface ReadTelling {
  /** Null while something is wrong. */
  order: { settings: TellingSettings; secrets: SecretsChange } | null;
  problem: Problem | null;
}

/** What a form begins with. `zone`: this computer's, offered while nothing was ever set. */
export function enteredTelling({ revision, settings }: TellingOverview, zone: string): EnteredTelling {
  const { mail, hook, quiet } = settings;
  return {
    withMail: mail !== null,
    host: mail?.host ?? '',
    port: String(mail?.port ?? 587),
    tls: mail?.tls ?? 'starttls',
    ca: mail?.ca ?? '',
    user: mail?.user ?? '',
    password: '',
    from: mail?.from ?? '',
    to: mail?.to.join(', ') ?? '',
    withHook: hook !== null,
    url: hook?.url ?? '',
    header: hook?.header ?? '',
    headerValue: '',
    signingKey: '',
    withQuiet: quiet !== null,
    quietFrom: quiet?.from ?? '22:00',
    quietTo: quiet?.to ?? '07:00',
    zone: revision === null ? zone : settings.zone,
    mostPerHour: String(settings.mostPerHour),
    unprotectedMinutes: String(settings.unprotectedMinutes),
    forgetPassword: false,
    forgetHeaderValue: false,
    forgetSigningKey: false,
  };
}

/** What was entered, with the first thing that is wrong with it. */
export function tellingFrom(form: EnteredTelling, has: TellingOverview['has']): ReadTelling {
  const numbers = numbersOf(form);
  if ('field' in numbers) return { order: null, problem: numbers };
  const settings = settingsOf(form, numbers);
  const secrets = secretsOf(form);
  const password = secrets.password === undefined ? has.password : secrets.password !== '';
  const problem = tellingProblem(settings, { password });
  return problem ? { order: null, problem } : { order: { settings, secrets }, problem: null };
}

type Numbers = Record<'port' | 'mostPerHour' | 'unprotectedMinutes', number>;

function numbersOf(form: EnteredTelling): Numbers | (Problem & { field: string }) {
  const wanted = [
    ...(form.withMail ? (['port'] as const) : []),
    'mostPerHour',
    'unprotectedMinutes',
  ] as const;
  const bad = wanted.find((field) => !/^\s*\d{1,6}\s*$/.test(form[field]));
  if (bad) return { kind: 'no-number', message: m.telling.number, next: '', field: bad };
  return {
    port: Number(form.port),
    mostPerHour: Number(form.mostPerHour),
    unprotectedMinutes: Number(form.unprotectedMinutes),
  };
}

function settingsOf(form: EnteredTelling, numbers: Numbers): TellingSettings {
  const { port, mostPerHour, unprotectedMinutes } = numbers;
  const { host, tls, user, from, url, header } = form;
  const own = form.ca.trim() === '' ? {} : { ca: form.ca.trim() };
  const to = form.to.split(/[,;\s]+/).filter(Boolean);
  return {
    mail: form.withMail
      ? { host: host.trim(), port, tls, user: user.trim(), from: from.trim(), to, ...own }
      : null,
    hook: form.withHook ? { url: url.trim(), header: header.trim() } : null,
    quiet: form.withQuiet ? { from: form.quietFrom.trim(), to: form.quietTo.trim() } : null,
    zone: form.zone.trim(),
    mostPerHour,
    unprotectedMinutes,
  };
}

/** Empty and not to be forgotten: left out, so that it stays. */
function secretsOf(form: EnteredTelling): SecretsChange {
  const given = (text: string, forget: boolean): string | undefined =>
    forget ? '' : text === '' ? undefined : text;
  const all = {
    password: given(form.password, form.forgetPassword),
    headerValue: given(form.headerValue, form.forgetHeaderValue),
    signingKey: given(form.signingKey, form.forgetSigningKey),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

/** Said at its field; null when another is wrong. */
export const at = (problem: Problem | null, field: string): string | null =>
  problem?.field === field ? `${problem.message} ${problem.next}`.trim() : null;
