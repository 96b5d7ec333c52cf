import * as v from 'valibot';
import {
  Channel,
  HostId,
  method,
  nothing,
  Problem,
  SecretsChange,
  TellingRevision,
  TellingSettings,
  ToldMessage,
} from '../../agent/protocol/index.ts';

/** How the fleet tells people, joined from all agents that answer. */
export const TellingOverview = v.object({
  /** The newest that any agent has; null: nobody was ever to be told. */
  revision: v.nullable(TellingRevision),
  settings: TellingSettings,
  /** Whether there is a secret; none is ever shown. */
  has: v.object({ password: v.boolean(), headerValue: v.boolean(), signingKey: v.boolean() }),
  hosts: v.array(
    v.object({
      hostId: HostId,
      name: v.string(),
      /** It has the newest settings; null: it does not answer, or its agent tells nobody. */
      current: v.nullable(v.boolean()),
      trouble: v.nullable(Problem),
      /** What it holds back, a line each. */
      waiting: v.array(v.string()),
    }),
  ),
  /** What was told lately, newest first. */
  messages: v.array(v.object({ ...ToldMessage.entries, hostId: HostId, hostName: v.string() })),
  /** Simulated hosts keep their messages. */
  simulated: v.boolean(),
});
export type TellingOverview = v.InferOutput<typeof TellingOverview>;

/** How all is, in one word and one sentence, for who does not look at the window. */
export const DesktopState = v.object({
  tone: v.picklist(['idle', 'ok', 'progress', 'attention', 'danger', 'paused']),
  text: v.string(),
  /** Pairs that could act by themselves, and how many of them are paused. */
  pairs: v.number(),
  paused: v.number(),
});
export type DesktopState = v.InferOutput<typeof DesktopState>;

/** Something that has just become so, for whoever does not look at the window. */
export const DesktopNotice = v.object({
  id: v.string(),
  tone: v.picklist(['ok', 'attention', 'danger']),
  title: v.string(),
  text: v.string(),
  /** Where it is shown: "#/pairs/p1". */
  place: v.string(),
});
export type DesktopNotice = v.InferOutput<typeof DesktopNotice>;

/** What the desktop tells: everything, only what cannot wait, nothing. */
export const DesktopChoice = v.picklist(['all', 'urgent', 'none']);
export type DesktopChoice = v.InferOutput<typeof DesktopChoice>;

/** Whom the fleet tells; what the desktop shows. */
export const tellingMethods = {
  /** Whom the fleet tells what happens, and what it told lately. */
  'telling.overview': method(nothing, TellingOverview, 15_000),
  /** `base`: the revision the person saw. Secrets that are left out stay, an empty one is forgotten. */
  'telling.set': method(
    v.object({ base: v.nullable(TellingRevision), settings: TellingSettings, secrets: SecretsChange }),
    TellingOverview,
    40_000,
  ),
  /** Sends a test from that host, by settings that need not be kept. */
  'telling.test': method(
    v.object({ hostId: HostId, channel: Channel, settings: TellingSettings, secrets: SecretsChange }),
    v.object({ answer: v.string(), tookMs: v.number() }),
    50_000,
  ),
  /** How all is, for the tray. */
  'desktop.state': method(nothing, DesktopState),
} as const;
