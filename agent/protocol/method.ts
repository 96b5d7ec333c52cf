import * as v from 'valibot';

/** A request's shape on the wire: validated on both ends, with its deadline. */
export interface Method<P extends v.GenericSchema, R extends v.GenericSchema> {
  params: P;
  result: R;
  /** How long the caller waits, milliseconds. */
  deadlineMs: number;
}

export function method<P extends v.GenericSchema, R extends v.GenericSchema>(
  params: P,
  result: R,
  deadlineMs = 10_000,
): Method<P, R> {
  return { params, result, deadlineMs };
}

/** A table of methods by name; both ends of a link share one. */
export type Api = Record<string, Method<v.GenericSchema, v.GenericSchema>>;
/** A table of notifications by name. */
export type Notices = Record<string, v.GenericSchema>;

export type ParamsOf<A extends Api, M extends keyof A> = v.InferInput<A[M]['params']>;
export type ResultOf<A extends Api, M extends keyof A> = v.InferOutput<A[M]['result']>;
export type NoticeOf<N extends Notices, K extends keyof N> = v.InferOutput<N[K]>;

/** One handler per method; throws ProblemError for expected failures. */
export type Handlers<A extends Api> = {
  [M in keyof A]: (params: v.InferOutput<A[M]['params']>, signal: AbortSignal) => Promise<ResultOf<A, M>>;
};

export const nothing: v.ObjectSchema<Record<never, never>, undefined> = v.object({});
