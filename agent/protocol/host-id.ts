import * as v from 'valibot';

/** Stable id of a host in a fleet (UUID, given at deployment; survives renames and address changes). */
export const HostId = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,64}$/));
export type HostId = v.InferOutput<typeof HostId>;
