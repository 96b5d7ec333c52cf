/** The road between page and core: a WebSocket from the headless shell, or the desktop shell's port. */
export interface Wire {
  post(message: unknown): void;
}

export interface WireEvents {
  onMessage(message: unknown): void;
  onOpen(): void;
  onLost(): void;
}

interface ShellPort {
  post(message: unknown): void;
  listen(callback: (message: unknown) => void): void;
}

declare global {
  interface Window {
    /** Put there by the Electron preload; absent in a browser. */
    understudy?: ShellPort;
  }
}

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 4_000;

/** Uses whichever road exists. Keeps the WebSocket open: tries again by itself, ever more slowly. */
export function openWire(events: WireEvents): Wire {
  return window.understudy ? shellWire(window.understudy, events) : socketWire(events);
}

function shellWire(port: ShellPort, events: WireEvents): Wire {
  port.listen(events.onMessage);
  queueMicrotask(events.onOpen);
  return { post: (message) => port.post(message) };
}

function socketWire(events: WireEvents): Wire {
  let socket: WebSocket | null = null;
  let delay = FIRST_RETRY_MS;
  const connect = (): void => {
    const opened = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws`);
    opened.onopen = () => {
      socket = opened;
      delay = FIRST_RETRY_MS;
      events.onOpen();
    };
    opened.onmessage = (message: MessageEvent) => {
      const parsed = parseJson(message.data);
      if (parsed !== undefined) events.onMessage(parsed);
    };
    opened.onclose = () => {
      socket = null;
      events.onLost();
      setTimeout(connect, delay);
      delay = Math.min(delay * 2, LAST_RETRY_MS);
    };
  };
  connect();
  return { post: (message) => socket?.send(JSON.stringify(message)) };
}

function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
