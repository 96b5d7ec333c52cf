import * as v from 'valibot';
import type { Handlers, Problem } from '../../../agent/protocol/index.ts';
import { problemOf } from '../../../agent/protocol/index.ts';
import type { PageApi, PageEvents, ToPage } from '../../contract/index.ts';
import { FromPage, pageApi, pageEvents } from '../../contract/index.ts';

/** Calls one page may have open at once; more are refused, so that a wild page cannot pile up work. */
const MAX_OPEN_CALLS = 256;

export type EventData<E extends keyof PageEvents> = v.InferInput<PageEvents[E]>;
export type Emit = <E extends keyof PageEvents>(event: E, data: EventData<E>) => void;

/** One attached page, whatever carries its messages. */
export interface PageConnection {
  receive(message: unknown): void;
  /** The page is gone: its open calls are cancelled and nothing more is sent. */
  close(): void;
}

/** All attached pages: answers their calls, and tells every one of them what happens. */
export interface PageHub {
  /** `only`: the events it is sent; left out: all. */
  connect(send: (message: ToPage) => void, only?: readonly string[]): PageConnection;
  emit: Emit;
  close(): void;
}

/** `onBug` hears of thrown errors that are no Problems, and of answers that break the contract. */
export function createPageHub(handlers: Handlers<PageApi>, onBug: (text: string) => void): PageHub {
  const pages = new Set<Page>();
  return {
    connect(send, only) {
      const page = new Page(handlers, heard(send, only), onBug, () => pages.delete(page));
      pages.add(page);
      return page;
    },
    emit(event, data) {
      const checked = v.safeParse(pageEvents[event], data);
      if (!checked.success)
        return onBug(`event ${event} breaks the contract: ${v.summarize(checked.issues)}`);
      for (const page of pages) page.send({ t: 'event', event, data: checked.output });
    },
    close() {
      for (const page of [...pages]) page.close();
    },
  };
}

function heard(
  send: (message: ToPage) => void,
  only: readonly string[] | undefined,
): (message: ToPage) => void {
  if (only === undefined) return send;
  return (message) => {
    if (message.t !== 'event' || only.includes(message.event)) send(message);
  };
}

class Page implements PageConnection {
  readonly #handlers: Handlers<PageApi>;
  readonly #deliver: (message: ToPage) => void;
  readonly #onBug: (text: string) => void;
  readonly #onClose: () => void;
  readonly #open = new Map<number, AbortController>();
  #closed = false;

  constructor(
    handlers: Handlers<PageApi>,
    deliver: (message: ToPage) => void,
    onBug: (text: string) => void,
    onClose: () => void,
  ) {
    this.#handlers = handlers;
    this.#deliver = deliver;
    this.#onBug = onBug;
    this.#onClose = onClose;
  }

  send(message: ToPage): void {
    if (!this.#closed) this.#deliver(message);
  }

  close(): void {
    this.#closed = true;
    for (const call of this.#open.values()) call.abort();
    this.#open.clear();
    this.#onClose();
  }

  receive(message: unknown): void {
    const parsed = v.safeParse(FromPage, message);
    if (!parsed.success) this.#refuse(idOf(message), malformed(v.summarize(parsed.issues)));
    else if (parsed.output.t === 'cancel') this.#open.get(parsed.output.id)?.abort();
    else this.#begin(parsed.output.id, parsed.output.method, parsed.output.params);
  }

  #begin(id: number, name: string, params: unknown): void {
    if (this.#open.has(id)) this.#refuse(id, malformed(`call ${id} is still open`));
    else if (this.#open.size >= MAX_OPEN_CALLS) this.#refuse(id, tooMany());
    else void this.#call(id, name, params);
  }

  async #call(id: number, name: string, params: unknown): Promise<void> {
    if (!isMethod(name)) return this.#refuse(id, unknownMethod(name));
    const checked = v.safeParse(pageApi[name].params, params);
    if (!checked.success) return this.#refuse(id, badParams(name, checked.issues));
    const controller = new AbortController();
    this.#open.set(id, controller);
    try {
      // The table pairs each handler with its own schema; TypeScript cannot follow that through a union.
      const handler = this.#handlers[name] as (params: unknown, signal: AbortSignal) => Promise<unknown>;
      const answer = v.safeParse(pageApi[name].result, await handler(checked.output, controller.signal));
      if (!answer.success) throw new Error(`${name}: its answer breaks the contract`);
      this.send({ t: 'value', id, value: answer.output });
    } catch (error) {
      const problem = controller.signal.aborted ? cancelled() : problemOf(error);
      if (problem.kind === 'unexpected') this.#onBug(`${name}: ${describe(error)}`);
      this.#refuse(id, problem);
    } finally {
      this.#open.delete(id);
    }
  }

  #refuse(id: number, problem: Problem): void {
    this.send({ t: 'problem', id, problem });
  }
}

function isMethod(name: string): name is keyof PageApi & string {
  return Object.hasOwn(pageApi, name);
}

/** The call's number as far as it can be made out; -1 belongs to no call. */
function idOf(message: unknown): number {
  const id = v.safeParse(v.object({ id: v.number() }), message);
  return id.success ? id.output.id : -1;
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

const REPORT = 'Reload the page; if it happens again, report it.';

function malformed(what: string): Problem {
  return { kind: 'malformed', message: `The console got a message it cannot read: ${what}`, next: REPORT };
}

function unknownMethod(name: string): Problem {
  return {
    kind: 'unknown-method',
    message: `The console has no call named "${name.slice(0, 60)}".`,
    next: 'Reload the page: it may be older than the console.',
  };
}

function badParams(name: string, issues: [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): Problem {
  const field = v.getDotPath(issues[0]);
  return {
    kind: 'malformed',
    message: `${name} cannot be carried out: ${field ? `"${field}" ` : ''}${issues[0].message}.`,
    next: 'Correct the input and try again.',
    ...(field ? { field } : {}),
  };
}

function tooMany(): Problem {
  return { kind: 'too-many-calls', message: 'The page asks too much at once.', next: REPORT };
}

function cancelled(): Problem {
  return { kind: 'cancelled', message: 'It was cancelled.', next: 'Start it again when you are ready.' };
}
