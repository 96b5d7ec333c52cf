import type { Check, HostRole, Peer, Result } from '../../../agent/protocol/index.ts';
import type { HostDefaults, HostKeyOffer, Login } from '../../contract/index.ts';

/** What the add-a-host wizard needs of the rooms `ssh` and `deploy`. */
export interface HostAccess {
  /** What the person's own SSH set-up offers: private keys, a running agent, aliases. */
  environment(): Promise<Pick<HostDefaults, 'keyFiles' | 'agentAvailable' | 'aliases'>>;
  /** Reads the host key; logs in nowhere. */
  probe(address: string, port: number, signal: AbortSignal): Promise<Result<HostKeyOffer>>;
  /** The deliberate path after a changed key: from now on this one is the host's. */
  trust(address: string, port: number, key: Pick<HostKeyOffer, 'algorithm' | 'fingerprint'>): void;
  /** Logs in; installs nothing. */
  open(access: AccessTarget, signal?: AbortSignal): Promise<Result<HostSession>>;
}

export interface AccessTarget {
  /** For sentences; the address while no name is known. */
  name: string;
  address: string;
  port: number;
  user: string;
  login: Login;
  sudoPassword: string | null;
  /** The fingerprint the person has just confirmed; null: only a key trusted before passes. */
  fingerprint: string | null;
}

/** What was found on a host one is logged in to. */
export interface Inspection {
  facts: { hostname: string; os: string; arch: string; hypervisor: string; vmCount: number | null };
  /** /etc/machine-id: tells the same machine under two addresses. */
  machineId: string;
  checks: Check[];
  canAdd: { hypervisor: boolean; witness: boolean };
  /** Ids and name the agent already there was enrolled with; null when there is none. */
  agent: { hostId: string | null; fleetId: string | null; version: string; name: string } | null;
  /** How agents on other hosts will reach the agent here and its replicas. */
  peer: { address: string; port: number; replicationPort: number };
}

export interface DeployOrder {
  hostId: string;
  fleetId: string;
  name: string;
  site?: string;
  role: HostRole;
  peers: Peer[];
}

/** `fraction` of the whole is null while unknown. */
export type OnStep = (step: string, fraction: number | null) => void;

/** A logged-in connection used for looking around, installing and removing. */
export interface HostSession {
  inspect(): Promise<Result<Inspection>>;
  /** Carries out a fix named by one of the inspection's checks. */
  fix(fix: string): Promise<Result<void>>;
  /** Installs (or replaces) the agent, starts and enrols it. */
  deploy(order: DeployOrder, onStep: OnStep): Promise<Result<void>>;
  /** Replaces the agent of a host that already is a member; certificate, trust and members stay as they are. */
  update(onStep: OnStep): Promise<Result<void>>;
  /** Takes agent, units and runtime off the host; its audit log stays when asked for. */
  uninstall(options: { keepHistory: boolean }): Promise<Result<void>>;
  close(): void;
}
