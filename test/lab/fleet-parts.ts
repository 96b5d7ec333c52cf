import { askAgent } from './agent-client.ts';
import { LabConsole } from './core-client.ts';
import { giveVolumes } from './faults-disk.ts';
import { must, waitFor } from './run.ts';
import type { Lab } from './running-lab.ts';

/** What a protected fleet (protected-fleet.ts) is made of, before anything is protected. */

export const hypervisors = (lab: Lab): { name: string }[] =>
  lab.hosts.filter(({ role }) => role === 'hypervisor');

export async function ontoVolumes(lab: Lab, host: string): Promise<void> {
  await lab.powerOff(host);
  await giveVolumes(lab, host);
  await lab.powerOn(host);
}

/** The real console adds all hosts, and leaves: the agents need it no more. Gives their ids by name. */
export async function deploy(lab: Lab, say: (line: string) => void): Promise<Record<string, string>> {
  const desk = await LabConsole.open(lab);
  try {
    const ids: Record<string, string> = {};
    for (const { name, role } of lab.hosts) {
      ids[name] = await desk.addHost(lab, name, role);
      say(`agent on ${name}`);
    }
    // The console tells the earlier ones of the later: before it leaves, everybody must know everybody.
    for (const { name } of lab.hosts)
      await waitFor(`${name} to know the others`, 60_000, async () => {
        const known = await askAgent(lab, name, 'agent.peers', {});
        return known?.peers.length === lab.hosts.length - 1;
      });
    return ids;
  } finally {
    await desk.close();
  }
}

/** A bystander has no system that hears the power button, and a host on its way down would wait five minutes for it. */
const SHUTDOWN = '\\nSHUTDOWN_TIMEOUT=5\\n';

/** One unprotected machine a host, which starts with it; of different UUIDs. */
export async function startBystanders(lab: Lab): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [index, { name: host }] of hypervisors(lab).entries()) {
    const names = await lab.defineIdleVms(host, index + 1);
    const name = names[index] ?? '';
    await must(lab.sshCommand(host, ['--', `printf '${SHUTDOWN}' >> /etc/default/libvirt-guests`]));
    await must(lab.sshCommand(host, ['--', `virsh -q autostart ${name} && virsh -q start ${name}`]));
    found.set(host, (await must(lab.sshCommand(host, ['--', `virsh -q domuuid ${name}`]))).trim());
  }
  return found;
}
