import type { Problem } from '../../agent/protocol/index.ts';
import { createHostServices } from './deploy/index.ts';
import type { OpenHostLink } from './fleet/host-link.ts';
import type { HostAccess } from './hosts/access.ts';
import { FleetIdentity } from './hosts/fleet-identity.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import type { SshEnvironment } from './ssh/environment.ts';
import type { Storage } from './storage/storage.ts';

export interface ConnectivityOptions {
  storage: Storage;
  secrets: SecretStore;
  environment: SshEnvironment;
  /** dist/agent, with its manifest.json. */
  agentDir: string;
  version: string;
  now: () => number;
  report: (problem: Problem) => void;
}

/** Everything by which a session reaches hosts. */
export interface Connectivity {
  access: HostAccess;
  openLink: OpenHostLink;
  identity: FleetIdentity;
}

export function openConnectivity(options: ConnectivityOptions): Connectivity {
  const { storage, secrets, environment, agentDir, version, now, report } = options;
  const identity = new FleetIdentity(storage.settings);
  const services = createHostServices({
    environment,
    hostKeys: storage.hostKeys,
    secrets,
    values: storage.settings,
    assetsDir: agentDir,
    consoleVersion: version,
    now,
    report,
  });
  return { ...services, identity };
}
