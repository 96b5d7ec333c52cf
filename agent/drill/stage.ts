import { createHash } from 'node:crypto';
import type { DrillCheck, ExportAddress, Problem, Result } from '../protocol/index.ts';
import type { ReplicaDisk } from '../replication/replication.ts';

/** A pair's copy on trial: what it is called follows from the pair, so that what is left of it is found after any crash. */
export interface TrialCopy {
  pairId: string;
  /** Ten hexadecimal digits, for names of devices, files and units. */
  tag: string;
  /** The guest's name and UUID: not the protected machine's, so neither guard nor hook nor console take it for that. */
  name: string;
  uuid: string;
}

/** First part of every trial's UUID. */
const MARK = 'd211d211';

export function trialCopy(pairId: string, machine: string): TrialCopy {
  const digest = createHash('sha256').update(`drill ${pairId}`).digest('hex');
  const name = machine.replace(/[^A-Za-z0-9.-]/g, '-').slice(0, 20);
  return {
    pairId,
    tag: digest.slice(0, 10),
    name: `drill-${name}-${digest.slice(0, 6)}`,
    // Version 8 (RFC 9562): a UUID of our own making.
    uuid: `${MARK}-${digest.slice(10, 14)}-8${digest.slice(14, 17)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`,
  };
}

/** Whether a guest is a copy on trial: nobody's machine, and gone in a minute. */
export const isTrial = (uuid: string): boolean => uuid.startsWith(`${MARK}-`);

export interface TrialPlan {
  /** The machine's definition as it would be started on this host. */
  definition: string;
  disks: ReplicaDisk[];
  /** The point, as the storage daemon offers it. */
  point: ExportAddress;
  /** Where the machine is known to be reached; the first one is asked. */
  addresses: string[];
}

export interface Answer {
  /** For the person: "HTTP 200 from 10.0.0.5:80". */
  evidence: string;
}

/** What a host offers for trying a copy out: disks of its own over a point, and a network with no way out. */
export interface Stage {
  /** Why there is no room here now for such a guest and what its disks will write; null when there is. */
  refusal(definition: string, disks: ReplicaDisk[]): Promise<Problem | null>;
  /** Why a trial that runs has to end; null when it need not. */
  tight(disks: ReplicaDisk[]): Promise<Problem | null>;
  /** Disks and network for the copy; what to define. Idempotent. */
  build(copy: TrialCopy, plan: TrialPlan): Promise<Result<string>>;
  /** Before the guest's first instruction: its network cards have no way out from here on. */
  enclose(copy: TrialCopy, plan: TrialPlan): Promise<Result<void>>;
  /** Asks until the copy answers; rejects when aborted. Null: nothing to be asked there, such a check is not the network's. */
  ask(copy: TrialCopy, check: DrillCheck, addresses: string[], signal: AbortSignal): Promise<Answer | null>;
  /** Takes all of it down, its guest being gone. Idempotent; finds what a killed agent left. */
  clear(copy: TrialCopy, disks: ReplicaDisk[]): Promise<Result<void>>;
}

/** Where the copy's own writes lie: beside the replica, over the point. */
export const layerPath = (replica: string): string => `${replica}.drill-writes`;
