import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';

/** sun_path has room for 108 bytes on Linux and 104 elsewhere, the closing zero included (unix(7)). */
const LONGEST = 103;

/** Where the console of a data folder listens for programs of the same person; null when the folder's path is too long. */
export function doorOf(dataDir: string, platform: NodeJS.Platform): string | null {
  const folder = resolve(dataDir);
  if (platform === 'win32') {
    const name = createHash('sha256').update(folder.toLowerCase()).digest('hex').slice(0, 32);
    return `\\\\.\\pipe\\understudy-${name}`;
  }
  const path = join(folder, 'console.sock');
  return Buffer.byteLength(path) > LONGEST ? null : path;
}
