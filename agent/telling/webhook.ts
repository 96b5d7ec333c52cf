import { createHmac } from 'node:crypto';
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
    const answer = await fetch(url, {
      method: 'POST',
      // A secret must not follow to where nobody meant it to go.
      redirect: 'manual',
      signal: AbortSignal.timeout(LIMIT_MS),
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'Understudy',
        'Understudy-Delivery': id,
        ...(signingKey === null ? {} : { 'Understudy-Signature': signature(signingKey, sentAt, body) }),
        ...(header !== '' && headerValue !== null ? { [header]: headerValue } : {}),
      },
      body,
    });
    const said = oneLine(await beginningOf(answer), 200);
    const status = `${answer.status} ${answer.statusText}`.trim();
    if (answer.ok) return ok({ answer: said === '' ? status : `${status}: ${said}`, problem: null });
    return fail(refusal(answer.status, status, said, new URL(url).host));
  } catch (error) {
    return fail(unreachable(error, new URL(url).host));
  }
}

async function beginningOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  if (!reader) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < ANSWER_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    bytes += value.length;
  }
  await reader.cancel().catch(() => undefined);
  return Buffer.concat(parts).subarray(0, ANSWER_BYTES).toString('utf8');
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
  const late = error instanceof Error && error.name === 'TimeoutError';
  return {
    kind: 'hook-unreachable',
    message: late
      ? `${host} does not answer within ${LIMIT_MS / 1000} s.`
      : `${host} cannot be reached: ${oneLine(text, 200)}`,
    next: 'Check the address, and whether a firewall lets this host through.',
    field: 'url',
  };
}
