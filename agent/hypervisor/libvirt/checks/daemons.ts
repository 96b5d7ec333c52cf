import type { Check } from '../../../protocol/index.ts';
import { finding } from './finding.ts';
import type { HostView } from './host-view.ts';

/** A look-up of the host's own name slower than this delays every start of a guest, ms. */
const SLOW_LOOKUP_MS = 1_000;
const LOOKUP_LIMIT_MS = 3_000;

/** How a host of either side must be set up, whatever the guest. */
export function hostChecks(host: HostView): Promise<Check[]> {
  return Promise.all([ownName(host), keepsRunning(host), startsNothing(host)]);
}

/**
 * libvirt asks the resolver for the host's own name at every start of a guest (virGetHostname); where only DNS knows
 * it, a failover waits for a DNS that may have gone with the other host.
 */
async function ownName(host: HostView): Promise<Check> {
  const name = host.name();
  const check = finding(name, 'name-resolution', 'Name resolution');
  const hosts = (await host.readText('/etc/hosts')) ?? '';
  if (listsName(hosts, name)) return check.ok(`${name} finds its own name in /etc/hosts.`);
  const sources = (await host.readText('/etc/nsswitch.conf')) ?? '';
  if (/^hosts:.*\bmyhostname\b/m.test(sources)) return check.ok(`${name} knows its own name without DNS.`);
  const { found, ms } = await host.resolve(name, LOOKUP_LIMIT_MS);
  const next = `Add the line "127.0.1.1 ${name}" to /etc/hosts.`;
  if (ms >= SLOW_LOOKUP_MS) {
    return check.warning(
      `${name} takes ${ms >= LOOKUP_LIMIT_MS ? 'more than ' : ''}${(ms / 1000).toFixed(0)} s to look up its own name, and every start of a machine waits for that.`,
      next,
      'own-name-in-hosts',
    );
  }
  return check.warning(
    found
      ? `Only DNS knows the name ${name}; when DNS is away, every start of a machine waits 10 s for it.`
      : `${name} cannot look up its own name; when DNS is slow, every start of a machine waits for it.`,
    next,
    'own-name-in-hosts',
  );
}

/** True when a line of /etc/hosts gives the name an address. */
export function listsName(hosts: string, name: string): boolean {
  return hosts.split('\n').some((line) => {
    const [address, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    return address !== '' && names.includes(name);
  });
}

/** Debian's libvirtd ends itself after two idle minutes (`--timeout 120` in its unit); its events are lost then. */
async function keepsRunning(host: HostView): Promise<Check> {
  const check = finding(host.name(), 'libvirtd-idle', 'libvirt stays up');
  const pid = ((await host.readText('/run/libvirtd.pid')) ?? '').trim();
  const words = ((await host.readText(`/proc/${pid || '0'}/cmdline`)) ?? '').split('\0');
  const exitsWhenIdle = words.some((word) => word === '-t' || word.startsWith('--timeout'));
  if (!exitsWhenIdle) return check.ok('libvirtd keeps running when nothing happens.');
  return check.warning(
    'libvirtd ends itself when it has been idle; it then starts anew at the next question, which delays a failover.',
    'Set LIBVIRTD_ARGS="" in /etc/default/libvirtd and restart libvirtd; machines keep running.',
    'keep-libvirtd-running',
  );
}

/** Settings of libvirt-guests: Debian's place, and that of Fedora and its kin. */
const SETTINGS = ['/etc/default/libvirt-guests', '/etc/sysconfig/libvirt-guests'];
/** Its program holds the defaults: neither start nor suspend in Debian, both in libvirt's own. */
const PROGRAMS = ['/usr/lib/libvirt/libvirt-guests.sh', '/usr/libexec/libvirt-guests.sh'];

async function firstOf(host: HostView, paths: string[]): Promise<{ path: string; text: string } | null> {
  for (const path of paths) {
    const text = await host.readText(path);
    if (text !== null) return { path, text };
  }
  return null;
}

/** Where libvirt-guests is to be set up on this host. */
export async function guestsSettings(host: HostView): Promise<string> {
  return (await firstOf(host, SETTINGS))?.path ?? '/etc/default/libvirt-guests';
}

/** libvirt-guests may start guests at boot on its own, or resume them from saved memory. */
async function startsNothing(host: HostView): Promise<Check> {
  const check = finding(host.name(), 'libvirt-guests', 'Nothing else starts machines');
  const program = (await firstOf(host, PROGRAMS))?.text ?? '';
  const settings = (await firstOf(host, SETTINGS))?.text ?? '';
  const path = await guestsSettings(host);
  const value = (name: string): string | null => setting(settings, name) ?? setting(program, name);
  const next = (name: string, wanted: string): string =>
    `Set ${name}=${wanted} in ${path}, so that only the agent starts protected machines.`;
  if (value('ON_BOOT') === 'start') {
    return check.failed(
      'libvirt-guests starts machines at boot (ON_BOOT=start), also those that meanwhile run on the other host.',
      next('ON_BOOT', 'ignore'),
      'libvirt-guests-ignore',
    );
  }
  if (value('ON_SHUTDOWN') === 'suspend') {
    return check.failed(
      'libvirt-guests saves the memory of machines at shutdown (ON_SHUTDOWN=suspend); resumed later, it would meet newer disks.',
      next('ON_SHUTDOWN', 'shutdown'),
      'libvirt-guests-ignore',
    );
  }
  return check.ok('No other service starts or resumes machines at boot.');
}

/** Value of the last uncommented assignment of a shell variable; null when there is none. */
export function setting(text: string, name: string): string | null {
  const assignment = new RegExp(`^\\s*${name}=(?:"([^"\\n]*)"|'([^'\\n]*)'|(\\S*))`, 'gm');
  const last = [...text.matchAll(assignment)].at(-1);
  return last ? (last[1] ?? last[2] ?? last[3] ?? '') : null;
}
