import { execFileSync, spawnSync } from 'node:child_process';

/** True where `apt-get` can install things for us: Debian or a child of it, as root. */
export function canInstall(): boolean {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Those of `packages` that dpkg does not call installed; all of them where there is no dpkg. */
export function missingPackages(packages: string[]): string[] {
  return packages.filter((name) => {
    const query = spawnSync('dpkg', ['-s', name], { encoding: 'utf8' });
    return query.status !== 0 || !query.stdout.includes('\nStatus: install ok installed');
  });
}

/** Installs the packages; throws with apt's own words when it fails. */
export function installPackages(packages: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', ['update', '-q'], { stdio: ['ignore', 'ignore', 'inherit'], env });
  execFileSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
}
