import { PROFILES } from '../timing.ts';
import { armedRecord, ThreeVoters } from './three-voters.ts';

/** Lease length of the profile that `ThreeVoters` use, ms. */
export const T = PROFILES.fast;

/** Members whose host runs the guest. */
export const running = (three: ThreeVoters): string[] =>
  (['h1', 'h2'] as const).filter((host) => three.site(host).state === 'running');

/** An armed pair with its hosts, its owner's lease renewed. */
export const armed = (): ThreeVoters => {
  const three = new ThreeVoters(armedRecord(), true);
  three.advance(2 * T);
  return three;
};
