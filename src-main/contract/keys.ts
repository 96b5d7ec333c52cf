/** How the fleet's machines are keyed: one place on one host. A pair takes two of them. */
export const vmKey = (hostId: string, vmUuid: string): string => `${hostId}/${vmUuid}`;
