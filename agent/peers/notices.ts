import { LeaseBundle } from './lease-wire.ts';

/** What agents tell each other without an answer: the lease's messages, lost ones included in its rules. */
export const peerNotices = { lease: LeaseBundle } as const;
export type PeerNotices = typeof peerNotices;
