import { fail, type Problem, type Result } from '../../protocol/index.ts';
import type { XdrReader } from './xdr.ts';

/** What libvirt itself says of a failed call (virNetMessageError in src/rpc/virnetprotocol.x). */
export interface RemoteError {
  /** virErrorNumber, /usr/include/libvirt/virterror.h. */
  code: number;
  /** virErrorDomain: the part of libvirt that failed. */
  domain: number;
  message: string;
}

/** Why a call has no value. */
export type Failure =
  | { kind: 'refused'; error: RemoteError }
  | { kind: 'lost'; text: string }
  | { kind: 'deadline'; procedure: string; ms: number }
  | { kind: 'malformed'; procedure: string; text: string };

export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure };

/** virErrorNumber values that are told apart (virterror.h). */
export const ErrorCode = {
  noSupport: 3,
  invalidArgument: 8,
  operationFailed: 9,
  xmlError: 27,
  domainExists: 28,
  noDomain: 42,
  operationInvalid: 55,
  operationTimeout: 68,
  argumentUnsupported: 74,
  agentUnresponsive: 86,
} as const;

export function readRemoteError(reader: XdrReader): RemoteError {
  const code = reader.int();
  const domain = reader.int();
  const message = reader.optionalString() ?? 'no message';
  return { code, domain, message };
}

/** One line for logs and details. */
export function failureText(failure: Failure): string {
  switch (failure.kind) {
    case 'refused':
      return failure.error.message;
    case 'lost':
      return failure.text;
    case 'deadline':
      return `no answer to ${failure.procedure} within ${failure.ms} ms`;
    case 'malformed':
      return `answer to ${failure.procedure} not understood: ${failure.text}`;
  }
}

/** What was being done, for the sentence: kind `vm-start-failed`, message "atlas could not be started". */
export interface Attempt {
  kind: string;
  message: string;
  next: string;
}

/** The failure as a person reads it. libvirt's own words go into the details and, when it refused, into the message. */
export function problemOfFailure(failure: Failure, attempt: Attempt): Problem {
  const details = { libvirt: failureText(failure) };
  if (failure.kind === 'refused' && failure.error.code === ErrorCode.noDomain) {
    return {
      kind: 'vm-not-found',
      message: `${attempt.message}: libvirt does not know the machine (any more).`,
      next: 'Look whether the machine was undefined or moved; then end its protection or define it again.',
      details,
    };
  }
  if (failure.kind === 'refused') {
    return {
      kind: attempt.kind,
      message: `${attempt.message}: ${withStop(failure.error.message)}`,
      next: attempt.next,
      details: { ...details, code: String(failure.error.code) },
    };
  }
  return {
    kind: 'libvirt-unreachable',
    message: `${attempt.message}: libvirt on this host does not answer.`,
    next: 'On the host, look at "systemctl status libvirtd" and start it; the agent reconnects by itself.',
    details,
  };
}

export function failed(failure: Failure, attempt: Attempt): Result<never> {
  return fail(problemOfFailure(failure, attempt));
}

const withStop = (text: string): string => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`);
