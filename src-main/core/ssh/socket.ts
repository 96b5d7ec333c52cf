import { connect, type Socket } from 'node:net';
import { fail, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import { addressNotFound, cancelled, portRefused, unreachable } from './problems.ts';
import type { SshTarget } from './types.ts';

/** Opens the TCP connection by itself, so that each way it can fail has its own sentence. */
export function openTcp(target: SshTarget, timeoutMs: number, signal?: AbortSignal): Promise<Result<Socket>> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, noDelay: true });
    const giveUp = (problem: Problem): void => {
      settle(fail(problem));
      socket.destroy();
    };
    const timer = setTimeout(
      () => giveUp(unreachable(target, `no answer within ${Math.round(timeoutMs / 1000)} s`)),
      timeoutMs,
    );
    const onAbort = (): void => giveUp(cancelled());
    const settle = (result: Result<Socket>): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.removeAllListeners('connect');
      resolve(result);
    };
    socket.once('connect', () => settle(ok(socket)));
    // Stays: a later error of the socket is reported through ssh2's own listener, never thrown.
    socket.on('error', (error: NodeJS.ErrnoException) => settle(fail(problemOfConnect(target, error))));
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function problemOfConnect(target: SshTarget, error: NodeJS.ErrnoException): Problem {
  switch (error.code ?? codeOfAggregate(error)) {
    case 'ENOTFOUND':
    case 'EAI_NODATA':
    case 'EAI_NONAME':
      return addressNotFound(target);
    case 'EAI_AGAIN':
      return unreachable(target, 'the name server does not answer');
    case 'ECONNREFUSED':
      return portRefused(target);
    case 'EHOSTUNREACH':
      return unreachable(target, 'the host cannot be reached (no route, or switched off)');
    case 'ENETUNREACH':
      return unreachable(target, 'this workstation has no network that leads there');
    case 'ETIMEDOUT':
      return unreachable(target, 'no answer');
    default:
      return unreachable(target, error.message);
  }
}

/** A name with several addresses fails with all their errors together (node:net, happy eyeballs). */
function codeOfAggregate(error: Error): string | undefined {
  if (!(error instanceof AggregateError)) return undefined;
  const first: unknown = error.errors[0];
  return first instanceof Error && 'code' in first && typeof first.code === 'string' ? first.code : undefined;
}
