import type { Problem } from '../protocol/index.ts';

export const notInSync: Problem = {
  kind: 'not-in-sync',
  message: 'Only a copy that is in sync can be compared with the running machine.',
  next: 'Wait until the pair is in sync, then try again.',
};

export const notOpen = (host: string): Problem => ({
  kind: 'replica-not-open',
  message: `The copy on ${host} is not being filled now: there is no running replication.`,
  next: 'Wait until the pair is in sync, then try again.',
});

export const pointGone = (host: string): Problem => ({
  kind: 'point-gone',
  message: `The point of the copy on ${host} does not stand any more.`,
  next: 'Start again: a new point is taken.',
});
