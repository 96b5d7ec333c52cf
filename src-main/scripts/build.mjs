// Builds everything that runs: agent, core and shells by esbuild, the page by vite. What is unchanged is skipped.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { guardCompilers } from './build-guard.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = join(root, 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const force = process.argv.includes('--force');
/** For packages that leave the house: without the switch that only the window tests need. */
const release = process.argv.includes('--release');

/** better-sqlite3 is native; the others are optional native parts that ssh2 does without. */
const EXTERNAL = ['better-sqlite3', 'electron', 'cpu-features', '*.node'];

const node24 = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  external: EXTERNAL,
  define: { UNDERSTUDY_VERSION: JSON.stringify(version) },
  sourcemap: 'linked',
  logLevel: 'warning',
  // An ES module's own address has no meaning in the CommonJS bundle.
  logOverride: { 'empty-import-meta': 'error' },
};

function bundle(entry, outfile, extra = {}) {
  return build({ ...node24, entryPoints: [join(root, entry)], outfile: join(dist, outfile), ...extra });
}

/** The window tests run on an Electron with Node 18 inside: main and preload must run there too. */
async function buildElectron() {
  // One output folder, two variants: whichever was built last is the one that is there.
  for (const name of ['electron', 'electron-release']) rmSync(join(dist, '.stamps', name), { force: true });
  const shell = {
    target: 'node18',
    define: { ...node24.define, TEST_SWITCHES: String(!release) },
    minifySyntax: true,
  };
  await bundle('src-main/electron/main.ts', 'electron/main.cjs', shell);
  await bundle('src-main/electron/preload.ts', 'electron/preload.cjs', shell);
  await bundle('src-main/electron/core-process.ts', 'electron/core.cjs');
}

function script(file, ...args) {
  const { status } = spawnSync(process.execPath, [file, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${relative(root, file)} ended with ${status}`);
}

const agentScript = join(root, 'src-main/scripts/build-agent.mjs');
const pageConfig = join(root, 'src-renderer/vite.config.ts');

/** `from`: what the step reads; `by`: with what, where that varies; `to`: what must be there for it to be skipped. */
const steps = [
  {
    name: 'agent',
    from: ['agent', 'src-main/scripts/build-agent.mjs', 'src-main/scripts/build-guard.mjs'],
    by: guardCompilers,
    to: ['agent/agent.cjs'],
    wanted: existsSync(agentScript),
    run: () => script(agentScript),
  },
  {
    name: 'server',
    from: ['agent', 'src-main/contract', 'src-main/core', 'src-main/local', 'src-main/server'],
    to: ['server/server.cjs'],
    wanted: true,
    run: () => bundle('src-main/server/server.ts', 'server/server.cjs'),
  },
  {
    name: 'cli',
    from: ['agent', 'src-main/contract', 'src-main/core', 'src-main/local', 'src-main/cli'],
    to: ['cli/cli.cjs'],
    wanted: true,
    run: () => bundle('src-main/cli/main.ts', 'cli/cli.cjs'),
  },
  {
    name: release ? 'electron-release' : 'electron',
    from: ['agent', 'src-main/contract', 'src-main/core', 'src-main/local', 'src-main/electron'],
    to: ['electron/main.cjs', 'electron/preload.cjs', 'electron/core.cjs'],
    wanted: true,
    run: buildElectron,
  },
  {
    name: 'icons',
    from: ['assets/icon.png', 'assets/tray'],
    to: ['icons/icon.png', 'icons/tray/ok.png'],
    wanted: true,
    run: () => {
      mkdirSync(join(dist, 'icons'), { recursive: true });
      copyFileSync(join(root, 'assets/icon.png'), join(dist, 'icons/icon.png'));
      cpSync(join(root, 'assets/tray'), join(dist, 'icons/tray'), { recursive: true });
    },
  },
  {
    name: 'renderer',
    from: ['agent/protocol', 'src-main/contract', 'src-renderer', 'assets', 'docs/images'],
    to: ['renderer/index.html'],
    wanted: existsSync(pageConfig),
    run: () =>
      script(
        join(root, 'node_modules/vite/bin/vite.js'),
        'build',
        '--config',
        pageConfig,
        '--logLevel',
        'warn',
      ),
  },
];

/** Of names and contents, so that neither a touch nor a fresh clone's times matter. */
function hashOf(paths, by) {
  const hash = createHash('sha256').update(version).update(by.join());
  for (const path of [...paths, 'package-lock.json', 'src-main/scripts/build.mjs'])
    addTo(hash, join(root, path));
  return hash.digest('hex');
}

function addTo(hash, path) {
  if (!existsSync(path)) return;
  for (const file of filesUnder(path)) {
    if (file.endsWith('.spec.ts')) continue;
    hash.update(relative(root, file)).update(readFileSync(file));
  }
}

function filesUnder(path) {
  const entries = readdirOrNull(path);
  if (entries === null) return [path];
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => filesUnder(join(path, entry.name)));
}

function readdirOrNull(path) {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOTDIR') return null;
    throw error;
  }
}

async function runStep({ name, from, by = () => [], to, wanted, run }) {
  if (!wanted) return;
  const stamp = join(dist, '.stamps', name);
  const hash = hashOf(from, by());
  const present = to.every((file) => existsSync(join(dist, file)));
  if (!force && present && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  const started = Date.now();
  // A build that fails must not leave a stamp that calls its output current.
  rmSync(stamp, { force: true });
  await run();
  mkdirSync(join(dist, '.stamps'), { recursive: true });
  writeFileSync(stamp, hash);
  console.log(`built ${name} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

const only = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
for (const step of steps)
  if (only.length === 0 || only.includes(step.name.replace('-release', ''))) await runStep(step);
