import { hostname } from 'node:os';
import type { Problem } from '../../../agent/protocol/index.ts';
import { FleetAuthorities, type ValueStore } from '../certificates/authorities.ts';
import type { OpenHostLink } from '../fleet/host-link.ts';
import type { HostAccess } from '../hosts/access.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import { readKnownHosts, type SshEnvironment } from '../ssh/environment.ts';
import { type HostKeyStore, HostKeys } from '../ssh/host-keys.ts';
import { createHostLinks } from '../ssh/host-link.ts';
import { createHostAccess } from './access.ts';
import { Enrolments } from './enrolments.ts';
import { AgentUpdater } from './updater.ts';

export interface HostServicesOptions {
  /** The person's own SSH set-up; see findSshEnvironment. */
  environment: SshEnvironment;
  hostKeys: HostKeyStore;
  secrets: SecretStore;
  /** The settings table. */
  values: ValueStore;
  /** dist/agent. */
  assetsDir: string;
  consoleVersion: string;
  now: () => number;
  /** Told of failures nobody waits for. */
  report: (problem: Problem) => void;
  /** Who sits here, for the agents' audit logs. */
  operator?: () => string;
}

/** Everything between this console and its hosts: looking around, installing, and the lasting links. */
export function createHostServices(options: HostServicesOptions): {
  access: HostAccess;
  openLink: OpenHostLink;
} {
  const { environment, hostKeys, secrets, values, assetsDir, consoleVersion, now, report } = options;
  const knownHosts = () => readKnownHosts(environment);
  const ssh = { environment, hostKeys: new HostKeys(hostKeys, knownHosts) };
  const operator = options.operator ?? (() => 'console');
  const whose = () => `${operator()} on ${hostname()}`;
  const authorities = new FleetAuthorities({ secrets, values, now, whose });
  const enrolments = new Enrolments({ authorities, values, now, report, operator });
  const services = { ssh, assetsDir, enrolments, consoleVersion, now };
  const updater = new AgentUpdater({ services, report });
  return {
    access: createHostAccess(services),
    openLink: createHostLinks({
      ssh,
      consoleVersion,
      onGreeted: (agent, hello, state) => enrolments.onGreeted(agent, hello, state),
      replaceIfOlder: (target, found) => updater.replaceIfOlder(target, found),
    }),
  };
}
