import * as v from 'valibot';
import type { NoticeOf, ParamsOf, ResultOf } from '../../agent/protocol/method.ts';
import { fail, ok, Problem, type Result } from '../../agent/protocol/problem.ts';
import { type FromPage, type PageApi, type PageEvents, pageApi, pageEvents, ToPage } from './api.ts';

export type CallName = keyof PageApi;
type EventName = keyof PageEvents;
type Listeners = { [E in EventName]?: Set<(data: NoticeOf<PageEvents, E>) => void> };

export interface Client {
  /** Expected failures are values; nothing throws. */
  call<M extends CallName>(
    method: M,
    params: ParamsOf<PageApi, M>,
    signal?: AbortSignal,
  ): Promise<Result<ResultOf<PageApi, M>>>;
  on<E extends EventName>(event: E, listener: (data: NoticeOf<PageEvents, E>) => void): () => void;
  /** Feed for messages of the wire. */
  receive(message: unknown): void;
  /** The road is there: calls made before it was there for the first time go out now. */
  opened(): void;
  /** The road is gone: ends every open call, refuses new ones at once. */
  lost(): void;
}

/** What is told of failures that only this end meets. */
export interface ClientWords {
  /** The road to the core is gone. */
  consoleLost: Problem;
  noAnswer: Problem;
  cancelled: Problem;
  badAnswer: Problem;
}

interface Open {
  settle(result: Result<unknown>): void;
}

/** The core answers with its own deadline first; this much later the asking end stops waiting. */
const GRACE_MS = 2_000;

/** The asking end of the contract: the page, and the command line. */
export function createClient(post: (message: FromPage) => void, words: ClientWords): Client {
  const open = new Map<number, Open>();
  const listeners: Listeners = {};
  let nextId = 1;
  let road: 'awaited' | 'there' | 'gone' = 'awaited';
  /** Asked while the road was awaited: a page draws itself before it is connected. */
  const waiting = new Map<number, () => void>();

  const call: Client['call'] = (method, params, signal) => {
    const id = nextId++;
    if (road === 'gone') return Promise.resolve(fail(words.consoleLost));
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        withdraw();
        settle(fail(words.noAnswer));
      }, pageApi[method].deadlineMs + GRACE_MS);
      const withdraw = (): void => {
        if (!waiting.delete(id)) post({ t: 'cancel', id });
      };
      const settle = (result: Result<unknown>): void => {
        clearTimeout(timer);
        waiting.delete(id);
        open.delete(id);
        resolve(result as Result<ResultOf<PageApi, typeof method>>);
      };
      open.set(id, { settle });
      signal?.addEventListener('abort', () => {
        if (open.has(id)) withdraw();
        settle(fail(words.cancelled));
      });
      const ask = (): void => post({ t: 'call', id, method, params });
      if (road === 'there') ask();
      else waiting.set(id, ask);
    });
  };

  const receive = (raw: unknown): void => {
    const message = v.safeParse(ToPage, raw);
    if (!message.success) report('message', message.issues);
    else if (message.output.t === 'event') deliver(listeners, message.output.event, message.output.data);
    else open.get(message.output.id)?.settle(answerOf(message.output, words));
  };

  return {
    call: async (method, params, signal) => checked(method, await call(method, params, signal), words),
    on: (event, listener) => listen(listeners, event, listener),
    receive,
    opened: () => {
      road = 'there';
      for (const ask of waiting.values()) ask();
      waiting.clear();
    },
    lost: () => {
      road = 'gone';
      for (const { settle } of open.values()) settle(fail(words.consoleLost));
    },
  };
}

/** The answer's shape is checked here too: a core of another version must not put nonsense on screen. */
function checked<M extends CallName>(
  method: M,
  result: Result<unknown>,
  words: ClientWords,
): Result<ResultOf<PageApi, M>> {
  if (!result.ok) return result;
  const parsed = v.safeParse(pageApi[method].result, result.value);
  if (parsed.success) return ok(parsed.output as ResultOf<PageApi, M>);
  report(method, parsed.issues);
  return fail(words.badAnswer);
}

function answerOf(message: Exclude<ToPage, { t: 'event' }>, words: ClientWords): Result<unknown> {
  return message.t === 'value' ? ok(message.value) : failed(message.problem, words);
}

function failed(raw: unknown, words: ClientWords): Result<never> {
  const parsed = v.safeParse(Problem, raw);
  return fail(parsed.success ? parsed.output : words.badAnswer);
}

function listen<E extends EventName>(
  listeners: Listeners,
  event: E,
  listener: (data: NoticeOf<PageEvents, E>) => void,
): () => void {
  const set: Set<(data: NoticeOf<PageEvents, E>) => void> = listeners[event] ?? new Set();
  listeners[event] = set as Listeners[E];
  set.add(listener);
  return () => set.delete(listener);
}

function deliver(listeners: Listeners, event: string, data: unknown): void {
  if (!isEvent(event)) return;
  const parsed = v.safeParse(pageEvents[event], data);
  if (!parsed.success) {
    report(event, parsed.issues);
    return;
  }
  const set = listeners[event] as Set<(data: unknown) => void> | undefined;
  for (const listener of set ?? []) listener(parsed.output);
}

function isEvent(name: string): name is EventName {
  return Object.hasOwn(pageEvents, name);
}

function report(what: string, issues: readonly { message: string }[]): void {
  console.warn(`understudy: ${what} was not understood`, issues.map((issue) => issue.message).join('; '));
}
