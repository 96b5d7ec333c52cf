import type { Api, NoticeOf, Notices, ParamsOf, Result, ResultOf } from '../protocol/index.ts';

/** The calling end of a JSON-RPC link: typed, validated, with deadlines and cancellation. */
export interface Caller<A extends Api> {
  /** Problem kinds of its own: `deadline`, `link-closed`, `malformed`, `cancelled`; others come from the far end. */
  call<M extends keyof A & string>(
    method: M,
    params: ParamsOf<A, M>,
    options?: { signal?: AbortSignal; deadlineMs?: number },
  ): Promise<Result<ResultOf<A, M>>>;
}

/** The noticing end: sends one-way messages. */
export interface Notifier<N extends Notices> {
  notify<K extends keyof N & string>(notice: K, value: NoticeOf<N, K>): void;
}
