import { existsSync } from 'node:fs';
import { must } from './run.ts';

/** What the lab itself needs of the machine: a file that shows a Debian package is there, and the package. */
const NEEDED: readonly { file: string; package: string }[] = [
  { file: '/usr/bin/mmdebstrap', package: 'mmdebstrap' },
  { file: '/usr/share/keyrings/debian-archive-keyring.gpg', package: 'debian-archive-keyring' },
  { file: '/usr/bin/systemd-nspawn', package: 'systemd-container' },
  { file: '/usr/bin/gcc', package: 'gcc' },
  { file: '/usr/include/stdio.h', package: 'libc6-dev' },
  { file: '/usr/bin/qemu-img', package: 'qemu-utils' },
  { file: '/usr/bin/ssh', package: 'openssh-client' },
  { file: '/usr/bin/nsenter', package: 'util-linux' },
];
/** Commands that Debian keeps in /sbin or /usr/sbin, whichever the machine has merged. */
const NEEDED_SBIN: readonly { file: string; package: string }[] = [
  { file: 'ip', package: 'iproute2' },
  { file: 'nft', package: 'nftables' },
  { file: 'mke2fs', package: 'e2fsprogs' },
];

export const labPackages: readonly string[] = [...NEEDED, ...NEEDED_SBIN].map((entry) => entry.package);

/** Names of the Debian packages the lab needs and this machine lacks. */
export function missingPackages(): string[] {
  const missing = NEEDED.filter((entry) => !existsSync(entry.file));
  const missingSbin = NEEDED_SBIN.filter(
    (entry) => !existsSync(`/usr/sbin/${entry.file}`) && !existsSync(`/sbin/${entry.file}`),
  );
  return [...missing, ...missingSbin].map((entry) => entry.package);
}

/** The command that installs them, for a person to read. */
export function installCommand(packages: readonly string[]): string {
  return `apt-get install --no-install-recommends ${packages.join(' ')}`;
}

export async function installPackages(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await must(['apt-get', 'update'], { env });
  await must(['apt-get', 'install', '--yes', '--no-install-recommends', ...packages], { env });
}

/**
 * Why the lab cannot run on this machine whatever is installed; empty when it can. Missing Debian packages are not
 * in this list: they can be had.
 */
export function reasonsAgainst(): string[] {
  if (process.platform !== 'linux') return [`the lab needs Linux, this is ${process.platform}`];
  const reasons: string[] = [];
  if (process.getuid?.() !== 0) reasons.push('the lab needs root (containers, network namespace, overlayfs)');
  if (!existsSync('/usr/bin/apt-get'))
    reasons.push('the lab builds its hosts from Debian packages (apt-get)');
  if (!existsSync('/dev/net/tun')) reasons.push('the kernel offers no /dev/net/tun');
  return reasons;
}

/**
 * Makes sure the machine can carry the lab. Packages are installed only when asked for (`install`, or CI=true);
 * otherwise the error names the command that installs them.
 */
export async function ensureMachine(install: boolean): Promise<void> {
  const reasons = reasonsAgainst();
  if (reasons.length > 0) throw new Error(reasons.join('; '));
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!install && process.env.CI !== 'true') {
    throw new Error(
      `missing Debian packages; install them with: ${installCommand(missing)} (or use --install)`,
    );
  }
  await installPackages(missing);
}
