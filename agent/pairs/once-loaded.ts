type Handler = (params: never, signal: AbortSignal) => Promise<unknown>;

/**
 * The same handlers, answering only once `loaded` resolves. The other members and consoles may call while an agent still
 * starts: a pair not read yet would look like none, and what is on disk of it would be overwritten.
 */
export function onceLoaded<H extends object>(handlers: H, loaded: Promise<void>): H {
  const waiting = Object.entries(handlers).map(([name, handler]: [string, Handler]) => {
    const wait: Handler = async (params, signal) => {
      await loaded;
      return handler(params, signal);
    };
    return [name, wait];
  });
  return Object.fromEntries(waiting) as H;
}
