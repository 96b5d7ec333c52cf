import * as v from 'valibot';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { Problem, type Result } from '../protocol/index.ts';

/** JSON-RPC error code that says: `data` is a Problem. From the range the specification leaves to servers. */
const PROBLEM_CODE = -32000;

export const toWire = (problem: Problem, code = PROBLEM_CODE): ResponseError<Problem> =>
  new ResponseError(code, problem.message, problem);

/** The Problem inside whatever a request was refused with. */
export function fromWire(error: unknown, method: string): Problem {
  if (!(error instanceof ResponseError)) return linkClosed();
  const problem = v.safeParse(Problem, error.data);
  if (problem.success) return problem.output;
  if (error.code === ErrorCodes.MessageWriteError) return requestTooLarge(method);
  if (error.code === ErrorCodes.PendingResponseRejected) return linkClosed();
  return {
    kind: 'malformed',
    message: `The other side refused ${method} without saying why: ${error.message}`,
    next: 'Check that both run the same version of Understudy.',
  };
}

/** `who` names the side whose message did not fit the schema. */
export function invalid(what: string, issues: readonly v.BaseIssue<unknown>[]): Problem {
  const [first] = issues;
  const field = first === undefined ? null : v.getDotPath(first);
  const where = field === null ? '' : ` at ${field}`;
  const problem: Problem = {
    kind: 'malformed',
    message: `${what} is not as agreed${where}: ${first?.message ?? 'unknown'}`,
    next: 'Check that both sides run the same version of Understudy.',
  };
  return field === null ? problem : { ...problem, field };
}

export function checked<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  what: string,
): Result<v.InferOutput<S>> {
  const parsed = v.safeParse(schema, value);
  return parsed.success
    ? { ok: true, value: parsed.output }
    : { ok: false, problem: invalid(what, parsed.issues) };
}

export const unknownMethod = (method: string): Problem => ({
  kind: 'unknown-method',
  message: `The other side does not know "${method}".`,
  next: 'Bring both sides to the same version of Understudy.',
});

export const linkClosed = (): Problem => ({
  kind: 'link-closed',
  message: 'The connection ended before the answer came.',
  next: 'It is set up again by itself; look at the result before ordering it again.',
});

export const deadlinePassed = (method: string, ms: number): Problem => ({
  kind: 'deadline',
  message: `No answer to ${method} within ${ms / 1000} s.`,
  next: 'Check the host and the network; look at the result before ordering it again.',
});

export const cancelled = (method: string): Problem => ({
  kind: 'cancelled',
  message: `${method} was cancelled.`,
  next: 'Order it again when it is wanted after all.',
});

const requestTooLarge = (method: string): Problem => ({
  kind: 'request-too-large',
  message: `The parameters of ${method} take more bytes than a message may have.`,
  next: 'Report it with the diagnostics.',
});
