// Finds Electron's binary; downloads it, with progress, when it is missing. Plain Node 18 or newer.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './ensure.mjs';

const home = join(root, 'node_modules', 'electron');

function installed() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  const file = join(home, 'path.txt');
  const name = existsSync(file)
    ? readFileSync(file, 'utf8')
    : process.platform === 'win32'
      ? 'electron.exe'
      : 'electron';
  const path = override ? join(override, name) : existsSync(file) ? join(home, 'dist', name) : null;
  return path && existsSync(path) ? path : null;
}

/** { path } or { reason }: why there is no window. */
export async function electronBinary(node, env) {
  const path = installed();
  if (path) return { path };
  console.log("Electron's binary is missing; downloading it (once; about 110 MB) ...");
  const code = await run(node, [join(root, 'src-main', 'scripts', 'electron-download.mjs')], { env });
  const downloaded = code === 0 ? installed() : null;
  return downloaded ? { path: downloaded } : { reason: "Electron's binary could not be downloaded" };
}
