import type { HostAccess } from '../hosts/access.ts';
import { probeHostKey } from '../ssh/connect.ts';
import { findKeyFiles, type SshEnvironment } from '../ssh/environment.ts';
import { agentHoldsKeys } from '../ssh/login.ts';
import { readSshConfig } from '../ssh/ssh-config.ts';
import { type DeployServices, DeploySession } from './session.ts';

/** Logs in to hosts to look around, install the agent and take it away. */
export function createHostAccess(services: DeployServices): HostAccess {
  const { ssh } = services;
  return {
    environment: () => findOffers(ssh.environment),
    probe: (address, port, signal) => probeHostKey(ssh, { name: address, address, port }, signal),
    trust: (address, port, key) => ssh.hostKeys.trust(address, port, key),
    open: (access, signal) => DeploySession.open(services, access, signal),
  };
}

async function findOffers(environment: SshEnvironment) {
  const config = await readSshConfig(environment);
  const keyFiles = await findKeyFiles(environment);
  return { keyFiles, agentAvailable: await agentHoldsKeys(environment), aliases: config.aliases() };
}
