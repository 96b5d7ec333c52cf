import * as v from 'valibot';
import { HostId } from './host-id.ts';
import { Problem } from './problem.ts';

/** `urgent` is told at any hour, `soon` waits for the end of quiet hours, `recovered` says that something is over. */
export const Severity = v.picklist(['urgent', 'soon', 'recovered']);
export type Severity = v.InferOutput<typeof Severity>;

export const Channel = v.picklist(['mail', 'hook']);
export type Channel = v.InferOutput<typeof Channel>;
export const CHANNELS: readonly Channel[] = ['mail', 'hook'];

/** `tls` from the first byte (port 465), `starttls` or nothing (587), `none`: readable on the way, never with a password. */
export const MailTls = v.picklist(['tls', 'starttls', 'none']);
export type MailTls = v.InferOutput<typeof MailTls>;

export const MailSettings = v.object({
  host: v.pipe(v.string(), v.maxLength(253)),
  port: v.number(),
  tls: MailTls,
  /** Empty: nobody logs in. */
  user: v.pipe(v.string(), v.maxLength(320)),
  from: v.pipe(v.string(), v.maxLength(320)),
  to: v.pipe(v.array(v.pipe(v.string(), v.maxLength(320))), v.maxLength(20)),
  /** Certificates (PEM) to trust beside the public ones, for a server of one's own; no secret. Left out: none. */
  ca: v.optional(v.pipe(v.string(), v.maxLength(20_000))),
});
export type MailSettings = v.InferOutput<typeof MailSettings>;

export const HookSettings = v.object({
  url: v.pipe(v.string(), v.maxLength(2000)),
  /** A header whose value is secret, such as `Authorization`; empty: none. */
  header: v.pipe(v.string(), v.maxLength(100)),
});
export type HookSettings = v.InferOutput<typeof HookSettings>;

/** `22:00` to `07:00`, in the settings' time zone. */
export const QuietHours = v.object({ from: v.string(), to: v.string() });
export type QuietHours = v.InferOutput<typeof QuietHours>;

/** How a fleet tells people. Every agent has the same; none of it is secret. */
export const TellingSettings = v.object({
  mail: v.nullable(MailSettings),
  hook: v.nullable(HookSettings),
  quiet: v.nullable(QuietHours),
  /** IANA name, for quiet hours and for times in messages. */
  zone: v.string(),
  /** Messages an hour; what is more is told together. */
  mostPerHour: v.number(),
  /** A machine without a current copy is told of after so many minutes. */
  unprotectedMinutes: v.number(),
});
export type TellingSettings = v.InferOutput<typeof TellingSettings>;

export const TELLING_DEFAULTS: TellingSettings = {
  mail: null,
  hook: null,
  quiet: null,
  zone: 'UTC',
  mostPerHour: 10,
  unprotectedMinutes: 10,
};
export const MOST_PER_HOUR = { least: 1, most: 60 } as const;
export const UNPROTECTED_MINUTES = { least: 1, most: 1440 } as const;

const Secret = v.nullable(v.pipe(v.string(), v.maxLength(2000)));
/** Null: there is none. Never logged, never shown again. */
export const TellingSecrets = v.object({
  /** Of the mail server's user. */
  password: Secret,
  /** Value of the webhook's secret header. */
  headerValue: Secret,
  /** Webhooks are signed with it (HMAC-SHA256). */
  signingKey: Secret,
});
export type TellingSecrets = v.InferOutput<typeof TellingSecrets>;
export const NO_SECRETS: TellingSecrets = { password: null, headerValue: null, signingKey: null };

/** What is left out stays as the agent has it. */
export const SecretsChange = v.partial(TellingSecrets);
export type SecretsChange = v.InferOutput<typeof SecretsChange>;

/** The higher `n` counts, then the higher `mark`, which is chance: two consoles may have changed the same. */
export const TellingRevision = v.object({
  n: v.pipe(v.number(), v.integer(), v.minValue(1)),
  mark: v.pipe(v.string(), v.maxLength(64)),
});
export type TellingRevision = v.InferOutput<typeof TellingRevision>;

/** As agents keep it, root's alone, and give it to each other. */
export const StoredTelling = v.object({
  revision: TellingRevision,
  settings: TellingSettings,
  secrets: TellingSecrets,
});
export type StoredTelling = v.InferOutput<typeof StoredTelling>;

/** Negative when `a` is older. */
export function compareRevision(a: TellingRevision | null, b: TellingRevision | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return a.n - b.n || (a.mark < b.mark ? -1 : Number(a.mark > b.mark));
}

/** How a message fares on one of its ways. */
export const Delivery = v.object({
  state: v.picklist(['waiting', 'delivered', 'given-up']),
  attempts: v.number(),
  /** Wall clock (ms) of the last attempt; null before the first. */
  at: v.nullable(v.number()),
  /** Why the last attempt failed, or for whom it did. */
  problem: v.nullable(Problem),
  /** Another host brought it out, because this one could not; left out: itself. */
  via: v.optional(v.string()),
});
export type Delivery = v.InferOutput<typeof Delivery>;

/** A message as a person is shown it. */
export const ToldMessage = v.object({
  id: v.string(),
  at: v.number(),
  severity: Severity,
  title: v.string(),
  text: v.string(),
  deliveries: v.object({ mail: v.nullable(Delivery), hook: v.nullable(Delivery) }),
});
export type ToldMessage = v.InferOutput<typeof ToldMessage>;

/** What an agent says of its telling; no secrets, only whether there are any. */
export const TellingView = v.object({
  revision: v.nullable(TellingRevision),
  settings: TellingSettings,
  has: v.object({ password: v.boolean(), headerValue: v.boolean(), signingKey: v.boolean() }),
  /** Written by this agent, newest first. */
  messages: v.array(ToldMessage),
  /** What it waits to tell, a line each: held by quiet hours or by the rate. */
  waiting: v.array(v.string()),
  /** Nothing leaves this host: its messages are only kept to be looked at. */
  simulated: v.boolean(),
});
export type TellingView = v.InferOutput<typeof TellingView>;

/** In the host's facts, so that every console sees it. */
export const TellingBrief = v.object({
  revision: v.nullable(TellingRevision),
  /** Why what this agent has to tell does not get through; null when it does. */
  trouble: v.nullable(Problem),
});
export type TellingBrief = v.InferOutput<typeof TellingBrief>;

/** A message on its way, as every way of telling needs it. */
export const Letter = v.object({
  /** Stable over all attempts, so that a receiver can tell a repetition. */
  id: v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/)),
  /** Wall clock, ms. */
  at: v.number(),
  /** One line. */
  subject: v.pipe(v.string(), v.maxLength(2_000)),
  text: v.pipe(v.string(), v.maxLength(200_000)),
  /** Mail clients show it so. */
  urgent: v.boolean(),
  /** What a webhook is given beside title and text. */
  details: v.record(v.string(), v.unknown()),
  /** Who tells. */
  self: v.object({ hostId: HostId, name: v.string() }),
});
export type Letter = v.InferOutput<typeof Letter>;

/** What the other side said, for the person ("250 2.0.0 Ok: queued as 4F2"), and for whom it did not take it. */
export const Sent = v.object({ answer: v.string(), problem: v.nullable(Problem) });
export type Sent = v.InferOutput<typeof Sent>;

/** What one agent has told, for the others. */
export const ToldNote = v.object({
  id: v.pipe(v.string(), v.maxLength(200)),
  /** Wall clock of the teller, ms. */
  at: v.number(),
  /** Explained by what was told: nobody needs to be told when it is over. */
  covered: v.boolean(),
  /** It is over, and that was told. */
  over: v.boolean(),
});
export type ToldNote = v.InferOutput<typeof ToldNote>;
