import type { Check, HostRole, Peer, Result } from '../../../agent/protocol/index.ts';
import type { HostKeyOffer, Login } from '../../contract/index.ts';

/** What the add-a-host wizard needs of the rooms `ssh` and `deploy`. */
export interface HostAccess {
  /** Reads the host key; logs in nowhere. */
  probe(address: string, port: number): Promise<Result<Pick<HostKeyOffer, 'algorithm' | 'fingerprint'>>>;
  /** Logs in with exactly that host key; installs nothing. */
  open(access: AccessTarget): Promise<Result<HostSession>>;
}

export interface AccessTarget {
  /** For sentences; the address while no name is known. */
  name: string;
  address: string;
  port: number;
  user: string;
  login: Login;
  sudoPassword: string | null;
  fingerprint: string;
}

/** What was found on a host one is logged in to. */
export interface Inspection {
  facts: { hostname: string; os: string; arch: string; hypervisor: string; vmCount: number | null };
  /** /etc/machine-id: tells the same machine under two addresses. */
  machineId: string;
  checks: Check[];
  canAdd: { hypervisor: boolean; witness: boolean };
  /** Ids the agent already there was enrolled with; null when there is none. */
  agent: { hostId: string | null; fleetId: string | null; version: string } | null;
  /** Address of the console's connection as the host sees itself: how other hosts may reach it. */
  reachableAt: string;
  /** Where its agent listens for other agents, when not on the default ports (practice hosts share one address). */
  ports?: { peer: number; replication: number };
}

export interface DeployOrder {
  hostId: string;
  fleetId: string;
  name: string;
  role: HostRole;
  peers: Peer[];
}

/** A logged-in connection used for looking around, installing and removing. */
export interface HostSession {
  inspect(): Promise<Result<Inspection>>;
  /** Carries out a fix named by one of the inspection's checks. */
  fix(fix: string): Promise<Result<void>>;
  /** Installs (or replaces) the agent, starts and enrols it. `fraction` is null while unknown. */
  deploy(order: DeployOrder, onStep: (step: string, fraction: number | null) => void): Promise<Result<void>>;
  /** Takes agent, units and runtime off the host. */
  uninstall(): Promise<Result<void>>;
  close(): void;
}
