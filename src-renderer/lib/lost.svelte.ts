import { ticking } from './clock.svelte.ts';
import { session } from './session.svelte.ts';

/** A short break (core restarting, page reloading) is no news. */
const PATIENCE_MS = 1_500;

/** The console is away, and long enough to be told. */
export const isLost = (): boolean => session.link === 'lost' && ticking.now - session.since > PATIENCE_MS;
