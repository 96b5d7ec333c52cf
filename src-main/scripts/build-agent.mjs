// Builds dist/agent: the agent as one file, its systemd units, libvirt's hook, the guard where there is a compiler for it,
// the private Node runtimes, and manifest.json with the checksums by which the console deploys them. Quick when nothing changed: the runtimes are cached outside the checkout.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { runtimeFor } from './agent-runtimes.mjs';
import { buildGuard } from './build-guard.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const out = join(root, 'dist', 'agent');
const ARCHITECTURES = ['x64', 'arm64'];
/** Stands for the build id until the rest of the bundle is known. */
const BUILD_ID = '@@build-id@@';

/** @returns {Promise<string>} the version that was built. */
export async function buildAgent() {
  mkdirSync(join(out, 'runtimes'), { recursive: true });
  const { version: release } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const version = await bundle(release);
  copyUnits();
  copyHook();
  // Hosts of a processor it is missing for are looked after all the same, but nothing on them is armed.
  for (const sentence of buildGuard(join(out, 'guard')).missing) console.warn(sentence);
  const runtimes = Object.fromEntries(ARCHITECTURES.flatMap((arch) => placeRuntime(arch)));
  const files = Object.fromEntries(listed().map((name) => [name, facts(join(out, name))]));
  for (const { file, sha256, bytes } of Object.values(runtimes)) files[file] = { sha256, bytes };
  const manifest = { version, minimumNode: 18, files, runtimes };
  replace(join(out, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return version;
}

async function bundle(release) {
  const result = await build({
    entryPoints: [join(root, 'agent', 'index.ts')],
    outfile: join(out, 'agent.cjs'),
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node18',
    format: 'cjs',
    minify: true,
    legalComments: 'none',
    metafile: true,
    define: { AGENT_VERSION: JSON.stringify(`${release}+${BUILD_ID}`) },
    absWorkingDir: root,
    logLevel: 'warning',
  });
  const [{ text }] = result.outputFiles;
  // The id tells builds of one release apart: a console replaces an agent that was built of other sources.
  const id = createHash('sha256').update(text).digest('hex').slice(0, 8);
  const version = `${release}+${id}`;
  const banner = `/* Understudy agent ${version}. Apache-2.0; licences of what is bundled: agent.cjs.LEGAL.txt */\n`;
  replace(join(out, 'agent.cjs'), banner + text.replaceAll(BUILD_ID, id));
  replace(join(out, 'agent.cjs.LEGAL.txt'), licences(Object.keys(result.metafile.inputs)));
  return version;
}

/** The licences of the packages whose files went into the bundle. */
function licences(inputs) {
  const packages = new Set(
    inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []),
  );
  const texts = [...packages].sort().map((name) => {
    const directory = join(root, 'node_modules', name);
    const { version } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} comes without a licence text`);
    return `${name} ${version}\n\n${readFileSync(join(directory, file), 'utf8').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

function copyUnits() {
  const from = join(root, 'agent', 'systemd');
  rmSync(join(out, 'systemd'), { recursive: true, force: true });
  mkdirSync(join(out, 'systemd'));
  for (const unit of readdirSync(from)) copyFileSync(join(from, unit), join(out, 'systemd', unit));
}

function copyHook() {
  mkdirSync(join(out, 'hooks'), { recursive: true });
  copyFileSync(join(root, 'agent', 'guard', 'qemu-hook.sh'), join(out, 'hooks', 'qemu-hook.sh'));
}

/** [[arch, entry]], or nothing where it could not be had and nobody insists. */
function placeRuntime(arch) {
  try {
    const { file: cached, license, ...entry } = runtimeFor(root, arch);
    const file = `runtimes/node-linux-${arch}.gz`;
    const target = join(out, file);
    const stamp = `${target}.sha256`;
    if (!existsSync(stamp) || !existsSync(target) || readFileSync(stamp, 'utf8') !== entry.sha256) {
      copyFileSync(cached, `${target}.new`);
      renameSync(`${target}.new`, target);
      writeFileSync(stamp, entry.sha256);
    }
    replace(join(out, 'runtimes', 'node.LICENSE'), license);
    return [[arch, { file, ...entry }]];
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    console.warn(
      `Without a private Node runtime for ${arch} hosts (they need Node 18 of their own): ${error.message}`,
    );
    return [];
  }
}

const listed = () => [
  'agent.cjs',
  'agent.cjs.LEGAL.txt',
  ...readdirSync(join(out, 'systemd'))
    .sort()
    .map((unit) => `systemd/${unit}`),
  'hooks/qemu-hook.sh',
  ...readdirSync(join(out, 'guard'))
    .sort()
    .map((name) => `guard/${name}`),
];

function facts(path) {
  return {
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    bytes: statSync(path).size,
  };
}

function replace(path, content) {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(`agent ${await buildAgent()}`);
}
