import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pageType } from '../contract/page-headers.ts';

/** Serves a file of `folder`; paths without an extension are places inside the page. */
export async function serveFile(folder: string, path: string, response: ServerResponse): Promise<void> {
  const file = fileFor(folder, path);
  const body = file === null ? null : await readFile(file).catch(() => null);
  if (file === null || body === null) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('There is nothing here.\n');
    return;
  }
  response.writeHead(200, { 'Content-Type': pageType(extname(file)) }).end(body);
}

/** Null when the path leads out of the folder. */
function fileFor(folder: string, path: string): string | null {
  const decoded = decode(path);
  if (decoded === null || decoded.includes('\0')) return null;
  const inside = normalize(join(folder, extname(decoded) === '' ? 'index.html' : decoded));
  return inside.startsWith(folder + sep) ? inside : null;
}

function decode(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}
