import type { Problem } from '../../../agent/protocol/index.ts';

export function noSuchHost(): Problem {
  return {
    kind: 'no-such-host',
    message: 'This host is not in the list any more.',
    next: 'Go back to the map.',
  };
}

export function noSuchPair(): Problem {
  return {
    kind: 'no-such-pair',
    message: 'No host reports this protection any more.',
    next: 'Go back to the map; the protection may have ended.',
  };
}
