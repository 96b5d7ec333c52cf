import { FleetAuthority } from './certificates/authority.ts';
import { createHostAccess } from './deploy/access.ts';
import type { OpenHostLink } from './fleet/host-link.ts';
import type { HostAccess } from './hosts/access.ts';
import { FleetIdentity } from './hosts/fleet-identity.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import type { SshServices } from './ssh/connect.ts';
import { readSshFile, type SshEnvironment } from './ssh/environment.ts';
import { HostKeys } from './ssh/host-keys.ts';
import { createHostLinks } from './ssh/host-link.ts';
import type { Storage } from './storage/storage.ts';

export interface ConnectivityOptions {
  storage: Storage;
  secrets: SecretStore;
  environment: SshEnvironment;
  /** dist/agent, with its manifest.json. */
  agentDir: string;
  version: string;
  now: () => number;
}

/** Everything by which a session reaches hosts. */
export interface Connectivity {
  access: HostAccess;
  openLink: OpenHostLink;
  identity: FleetIdentity;
  /** The fleet's certificate authority; made when first asked for. */
  authority: () => Promise<FleetAuthority>;
}

const CAS_KEY = 'fleet-cas';

export function openConnectivity(options: ConnectivityOptions): Connectivity {
  const { storage, environment, version } = options;
  const hostKeys = new HostKeys(storage.hostKeys, () => readSshFile(environment, 'known_hosts'));
  const ssh: SshServices = { environment, hostKeys };
  const identity = new FleetIdentity(storage.settings);
  const authority = authorityOpener(options, identity);
  return {
    access: createHostAccess({ ssh, assetsDir: options.agentDir, authority, consoleVersion: version }),
    openLink: createHostLinks({ ssh, consoleVersion: version }),
    identity,
    authority,
  };
}

/** One authority for each fleet id: it changes at most once, when a first host brings its own fleet. */
function authorityOpener(
  { storage, secrets, now }: ConnectivityOptions,
  identity: FleetIdentity,
): () => Promise<FleetAuthority> {
  const opened = new Map<string, Promise<FleetAuthority>>();
  const cas = {
    list: () => storedCas(storage),
    add: (pem: string) => storage.settings.put(CAS_KEY, [...storedCas(storage), pem]),
  };
  return () => {
    const { fleetId } = identity;
    const known = opened.get(fleetId);
    if (known) return known;
    const opening = FleetAuthority.open({ fleetId, secrets, cas, now });
    opened.set(fleetId, opening);
    return opening;
  };
}

function storedCas(storage: Storage): string[] {
  const kept = storage.settings.get(CAS_KEY);
  return Array.isArray(kept) ? kept.filter((pem) => typeof pem === 'string') : [];
}
