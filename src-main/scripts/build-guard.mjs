// Builds dist/agent/guard: the guard for x64 and arm64 hosts, static, with checksums. Where a compiler is missing it says
// so, with the Debian package that has it, and goes on: a fleet without the guard runs unarmed.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const FLAGS = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-s', '-fstack-protector-strong'];
/** GNU triplets; Debian's packages of the cross compilers have them in their names. */
const TARGETS = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };

/**
 * @param {string} [out] where to put them
 * @returns {{ built: Record<string, { file: string, sha256: string, bytes: number }>, missing: string[] }} missing:
 *   a sentence for each architecture it could not be built for
 */
export function buildGuard(out = join(root, 'dist', 'agent', 'guard')) {
  mkdirSync(out, { recursive: true });
  const result = { built: {}, missing: [] };
  for (const [arch, triplet] of Object.entries(TARGETS)) {
    const file = join(out, `guard-linux-${arch}`);
    const compiler = compilerFor(arch, triplet);
    if (compiler === null) {
      // One of older sources must not pass for one of these.
      rmSync(file, { force: true });
      result.missing.push(`The guard for ${arch} hosts is missing: ${adviceFor(triplet)}`);
      continue;
    }
    execFileSync(compiler, [...FLAGS, '-o', `${file}.new`, join(root, 'agent', 'guard', 'guard.c')], {
      stdio: 'inherit',
    });
    renameSync(`${file}.new`, file);
    const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
    result.built[arch] = { file, sha256, bytes: statSync(file).size };
  }
  return result;
}

/** By which compilers the guard would be built, for each architecture: another answer is another build. */
export function guardCompilers() {
  return Object.entries(TARGETS).map(([arch, triplet]) => `${arch} ${compilerFor(arch, triplet) ?? 'none'}`);
}

/** The triplet's own gcc, or the machine's when that is what it compiles for; null when there is neither. */
function compilerFor(arch, triplet) {
  if (process.platform !== 'linux') return null;
  const names = process.arch === arch ? [`${triplet}-gcc`, 'gcc'] : [`${triplet}-gcc`];
  return names.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0) ?? null;
}

const adviceFor = (triplet) =>
  process.platform === 'linux'
    ? `install gcc-${triplet.replace('_', '-')} and libc6-dev of that architecture (Debian), and build again.`
    : 'it is built on Linux, with gcc.';

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { built, missing } = buildGuard();
  for (const [arch, { sha256, bytes }] of Object.entries(built))
    console.log(`guard ${arch}: ${bytes} bytes, sha256 ${sha256}`);
  for (const sentence of missing) console.warn(sentence);
}
