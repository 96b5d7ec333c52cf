import type { GuardView } from '../protocol/index.ts';
import type { Guard } from './guard.ts';

const NO_GUARD = 'This host has no guard: it runs no protected machines.';

/** For a host that runs no machines (a witness), or cannot have a guard: nothing on it can be armed. */
export function createNoGuard(why = NO_GUARD): Guard {
  const view: GuardView = { state: 'missing', why };
  return {
    view,
    on: () => false,
    stopped: () => false,
    permit: () => undefined,
    protect: async () => undefined,
    letGo: async () => undefined,
    protects: () => [],
    allowStart: () => undefined,
    endStart: () => undefined,
    subscribe: () => () => undefined,
    start: async () => undefined,
    stop: () => undefined,
  };
}
