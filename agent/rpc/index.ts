export type { Caller, Notifier } from './link.ts';
export { type Link, type LinkEnd, type LinkOptions, type NoticeMessage, openLink } from './open-link.ts';
