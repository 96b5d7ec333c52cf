import { readFile } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import type { Protocol } from 'electron';
import { pageHeaders, pageType } from '../../contract/page-headers.ts';
import { APP_SCHEME } from './origin.ts';

/** Must be called before the app is ready. */
export function registerScheme(protocol: Protocol): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/**
 * Serves the built page from `root` only, every answer with the strict CSP in its header.
 * Electron security checklist 7 and 18: define a CSP, do not use file://.
 */
export function servePage(protocol: Protocol, root: string): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const { host, pathname } = new URL(request.url);
    const path = normalize(join(root, decodeURIComponent(pathname)));
    if (host !== 'app' || !path.startsWith(root + sep)) return new Response(null, { status: 404 });
    try {
      const body = await readFile(path);
      return new Response(new Uint8Array(body), {
        headers: { ...pageHeaders(), 'content-type': pageType(extname(path)) },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}
