import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BaseImages, ensureBaseImages } from './base-image.ts';
import { ensureGuestImages, type GuestImages } from './guest-image.ts';
import { copyDisks, defineGuest, runningGuests } from './guests.ts';
import { hostFolder, publicHostKeys, removeHost } from './host.ts';
import { ensureNetwork, namespaceUsers, processName, removeNetwork, writeCuts } from './network.ts';
import { ensureMachine } from './packages.ts';
import { type HostPlan, type Places, places as placesOf, planGuests, planHosts } from './places.ts';
import { must } from './run.ts';
import { Lab } from './running-lab.ts';
import { keyFile, type LabState, locked, readState, withLock, writeState } from './state.ts';

export { Lab, type LabStatus } from './running-lab.ts';

export interface UpOptions {
  /** Hypervisor hosts besides the witness box; 2 when nothing says otherwise. */
  hosts?: number;
  /** Guests on them; one a host when nothing says otherwise. */
  guests?: number;
  /** May install missing Debian packages (CI=true does so, too). */
  install?: boolean;
  /** Told what is going on, for a person. */
  say?: (line: string) => void;
}

/** The lab as it stands; null when there is none. */
export async function openLab(places: Places = placesOf()): Promise<Lab | null> {
  const state = await readState(places);
  return state ? new Lab(places, state) : null;
}

/** Makes the images that all labs of this user share, where they are missing; whoever comes first makes them. */
export async function ensureImages(
  { cache }: Places,
  { install = false, say = () => {} }: Pick<UpOptions, 'install' | 'say'> = {},
): Promise<[BaseImages, GuestImages]> {
  await ensureMachine(install);
  return locked(join(cache, 'images.lock'), () =>
    Promise.all([ensureBaseImages(cache, say), ensureGuestImages(cache, say)]),
  );
}

/** Brings the lab up, or what is missing of it: images, network, hosts, guests; waits until the guests answer. */
export async function up(options: UpOptions = {}, places: Places = placesOf()): Promise<Lab> {
  const say = options.say ?? (() => {});
  const [base, guest] = await ensureImages(places, options);
  return withLock(places, async () => {
    const layers = { hypervisor: [guest.layer, base.base], witness: [base.witnessLayer, base.base] };
    const state = (await readState(places)) ?? (await newState(places, options, layers));
    checkCount(state, options.hosts);
    const lab = new Lab(places, state);
    await ensureNetwork(places);
    await writeCuts(places, state.cuts);
    await Promise.all(state.hosts.map((host) => bringUp(lab, host, guest, say)));
    await awaitGuests(lab);
    return lab;
  });
}

async function newState(places: Places, options: UpOptions, layers: LabState['layers']): Promise<LabState> {
  const hosts = planHosts(options.hosts ?? 2);
  const password = randomBytes(9).toString('base64url');
  const state = { hosts, guests: planGuests(hosts, options.guests), layers, password, cuts: [] };
  await mkdir(places.state, { recursive: true, mode: 0o700 });
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'understudy-lab', '-f', keyFile(places)]);
  await writeState(places, state);
  return state;
}

function checkCount(state: LabState, asked: number | undefined): void {
  const has = state.hosts.filter((host) => host.role === 'hypervisor').length;
  if (asked !== undefined && asked !== has) {
    throw new Error(`this lab has ${has} hypervisor hosts; for another number take it down first`);
  }
}

async function bringUp(
  lab: Lab,
  host: HostPlan,
  images: GuestImages,
  say: (line: string) => void,
): Promise<void> {
  await lab.powerOn(host.name);
  say(`${host.name} (${host.role}) is up at ${host.address}`);
  for (const guest of lab.guests.filter((candidate) => candidate.home === host.name)) {
    // A guest is made once; afterwards where it is and runs is the fleet's business.
    const made = join(hostFolder(lab.places, host.name), `made-${guest.name}`);
    if (existsSync(made)) continue;
    await copyDisks(lab.places, images, host.name, guest.name);
    await defineGuest(lab.places, guest);
    await writeFile(made, '');
  }
  await publishKeys(lab);
}

async function publishKeys(lab: Lab): Promise<void> {
  const lines = await Promise.all(lab.hosts.map((host) => publicHostKeys(lab.places, host)));
  await writeFile(join(lab.places.state, 'known_hosts'), lines.flat().join(''));
}

async function awaitGuests(lab: Lab): Promise<void> {
  const running = await runningGuests(lab.places, lab.state);
  for (const guest of lab.guests) {
    if (!running.has(guest.name)) continue;
    if (!(await lab.firstAnswer(guest.name, 90_000))) {
      throw new Error(`guest ${guest.name} runs but gave no HTTP answer at ${guest.address} within 90 s`);
    }
  }
}

/** Ends everything the lab started and deletes its files; the images stay in the cache. */
export async function down(
  places: Places = placesOf(),
): Promise<{ wasUp: boolean; stillInNamespace: string[] }> {
  return withLock(places, async () => {
    const state = await readState(places);
    if (!state) return { wasUp: false, stillInNamespace: [] };
    await Promise.all(state.hosts.map((host) => removeHost(places, host.name)));
    // Others may have started things in the namespace: they are named, not ended.
    const others = await namespaceUsers(places);
    const stillInNamespace = await Promise.all(others.map(async (pid) => `${pid} ${await processName(pid)}`));
    await removeNetwork(places);
    await rm(places.state, { recursive: true, force: true });
    return { wasUp: true, stillInNamespace };
  });
}
