import { COPY_FAULTS } from './faults-copies.ts';
import { GUEST_FAULTS } from './faults-guest.ts';
import { HOST_FAULTS } from './faults-hosts.ts';
import { NETWORK_FAULTS } from './faults-network.ts';
import { ORDERS } from './faults-orders.ts';
import { STORIES } from './faults-stories.ts';
import type { Fault } from './strike.ts';

/** Every kind of fault, by its name in the report. */
export const FAULTS: Record<string, Fault> = {
  ...HOST_FAULTS,
  ...NETWORK_FAULTS,
  ...GUEST_FAULTS,
  ...COPY_FAULTS,
  ...ORDERS,
  ...STORIES,
};

/** Some kinds are tried more often: most of what is hard begins with the owner. */
const OFTEN = [
  'power-owner',
  'cut-owner',
  'host-frozen',
  'agent-killed',
  'state-restored',
  'slow-link',
  'qemu-killed',
];
export const FAULT_KINDS = [...Object.keys(FAULTS), ...OFTEN, ...OFTEN, ...Object.keys(STORIES)];
