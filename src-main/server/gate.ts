import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a request may do. `enter`: it brought the token; it gets the cookie and is sent on without the token. */
export type Admission = 'enter' | 'inside' | 'refused' | 'foreign';

/**
 * Lets in only the browser that opened the printed address, and only by a loopback name: a page elsewhere on the web
 * can neither read the console nor steer it, also not through a name that resolves to 127.0.0.1 (DNS rebinding).
 */
export class Gate {
  readonly token = randomBytes(24).toString('base64url');
  readonly #key = randomBytes(24).toString('base64url');
  #tokenUsed = false;

  /** For an ordinary request. */
  admit(request: IncomingMessage): Admission {
    if (!isLoopbackHost(request)) return 'foreign';
    const token = new URL(request.url ?? '/', 'http://loopback').searchParams.get('token');
    if (token !== null && !this.#tokenUsed && same(token, this.token)) {
      this.#tokenUsed = true;
      return 'enter';
    }
    return this.#hasCookie(request) ? 'inside' : 'refused';
  }

  /** For a WebSocket: it must come from a page of this very console. */
  admitSocket(request: IncomingMessage): boolean {
    const { origin, host } = request.headers;
    return isLoopbackHost(request) && origin === `http://${host}` && this.#hasCookie(request);
  }

  /** Value for Set-Cookie. */
  cookie(request: IncomingMessage): string {
    return `${cookieName(request)}=${this.#key}; Path=/; HttpOnly; SameSite=Strict`;
  }

  #hasCookie(request: IncomingMessage): boolean {
    const wanted = `${cookieName(request)}=`;
    const parts = (request.headers.cookie ?? '').split(';').map((part) => part.trim());
    return parts.some((part) => part.startsWith(wanted) && same(part.slice(wanted.length), this.#key));
  }
}

/** The Host header names this machine itself, and the port the request came to (RFC 9110, 7.2). */
function isLoopbackHost(request: IncomingMessage): boolean {
  const port = request.socket.localPort;
  return request.headers.host === `127.0.0.1:${port}` || request.headers.host === `localhost:${port}`;
}

/** Browsers do not keep cookies apart by port (RFC 6265, 8.5), but two consoles may run. */
function cookieName(request: IncomingMessage): string {
  return `understudy-${request.socket.localPort}`;
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
