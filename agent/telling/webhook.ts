import { createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import {
  fail,
  type HookSettings,
  ok,
  type Problem,
  type Result,
  type TellingSecrets,
} from '../protocol/index.ts';
import { type Letter, oneLine, type Sent } from './transports.ts';

const LIMIT_MS = 15_000;
/** Of an answer no more is read. */
const ANSWER_BYTES = 2_000;

/** What is signed: the time too, so that an old call cannot be played again. `at`: seconds. */
export const signature = (key: string, at: number, body: string): string =>
  `t=${at},v1=${createHmac('sha256', key).update(`${at}.${body}`).digest('hex')}`;

/** One POST with JSON. `text` is what chat services show. */
export async function callHook(
  letter: Letter,
  { url, header }: HookSettings,
  { headerValue, signingKey }: Pick<TellingSecrets, 'headerValue' | 'signingKey'>,
): Promise<Result<Sent>> {
  const { id, at, subject, text, details, self } = letter;
  const body = JSON.stringify({
    id,
    at: new Date(at).toISOString(),
    title: subject,
    text: `${subject}\n\n${text}`,
    host: self,
    ...details,
  });
  const sentAt = Math.floor(Date.now() / 1000);
  try {
    const { status, statusText, beginning } = await post(url, body, {
      'Content-Type': 'application/json',
      'User-Agent': 'Understudy',
      'Understudy-Delivery': id,
      ...(signingKey === null ? {} : { 'Understudy-Signature': signature(signingKey, sentAt, body) }),
      ...(header !== '' && headerValue !== null ? { [header]: headerValue } : {}),
    });
    const said = oneLine(beginning, 200);
    const line = `${status} ${statusText}`.trim();
    if (status >= 200 && status < 300)
      return ok({ answer: said === '' ? line : `${line}: ${said}`, problem: null });
    return fail(refusal(status, line, said, new URL(url).host));
  } catch (error) {
    return fail(unreachable(error, new URL(url).host));
  }
}

interface Answer {
  status: number;
  statusText: string;
  beginning: string;
}

/**
 * By node:http, which follows no redirect: a secret must not go to where nobody meant it to. Not by `fetch`, which needs
 * WebAssembly: agents run without it (--jitless, MemoryDenyWriteExecute).
 */
function post(url: string, body: string, headers: Record<string, string>): Promise<Answer> {
  const open = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const sized = { ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' };
    const request = open(url, { method: 'POST', headers: sized, signal }, (answer) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      const done = (): void => {
        const beginning = Buffer.concat(parts).subarray(0, ANSWER_BYTES).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, statusText: answer.statusMessage ?? '', beginning });
      };
      answer.on('data', (part: Buffer) => {
        parts.push(part);
        bytes += part.length;
        if (bytes < ANSWER_BYTES) return;
        done();
        request.destroy();
      });
      answer.on('end', done);
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

function refusal(status: number, line: string, said: string, host: string): Problem {
  const details = { status: line, said };
  if (status >= 300 && status < 400)
    return {
      kind: 'hook-elsewhere',
      message: `${host} says that the webhook is somewhere else (${line}).`,
      next: 'Type the address it points to: secrets are not sent on by themselves.',
      field: 'url',
      details,
    };
  if (status === 401 || status === 403)
    return {
      kind: 'hook-login',
      message: `${host} does not take the call: ${line}${said ? `, ${said}` : ''}`,
      next: 'Check the secret header or the signing key.',
      field: 'header',
      details,
    };
  return {
    kind: 'hook-refused',
    message: `${host} answers ${line}${said ? `: ${said}` : ''}`,
    next: 'Check the address; otherwise ask who runs the service.',
    field: 'url',
    details,
  };
}

function unreachable(error: unknown, host: string): Problem {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  const late = error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  return {
    kind: 'hook-unreachable',
    message: late
      ? `${host} does not answer within ${LIMIT_MS / 1000} s.`
      : `${host} cannot be reached: ${oneLine(text, 200)}`,
    next: 'Check the address, and whether a firewall lets this host through.',
    field: 'url',
  };
}
