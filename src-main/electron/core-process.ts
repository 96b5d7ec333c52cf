import { dirname, join, resolve } from 'node:path';
import { createCore, type PageConnection } from '../core/index.ts';
import { openDoor } from '../local/door.ts';
import type { FromCore, ToCore } from './core-messages.ts';

/**
 * The core in a process of its own, beside the window: joins core/index.ts to the main process's message port.
 * Electron's utility process speaks through `parentPort`, a plain Node child through its IPC channel.
 */
interface Port {
  send(message: FromCore): void;
  onMessage(listener: (message: ToCore) => void): void;
}

interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: ToCore }) => void): void;
}

function openPort(): Port {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  if (parentPort) {
    return {
      send: (message) => parentPort.postMessage(message),
      onMessage: (listener) => parentPort.on('message', ({ data }) => listener(data)),
    };
  }
  process.on('disconnect', () => process.exit(0));
  return {
    send: (message) => void process.send?.(message),
    onMessage: (listener) => void process.on('message', listener),
  };
}

/** Asks the main process to use the keychain; one answer per question. */
function keychainPort(port: Port) {
  const waiting = new Map<number, (value: string | null) => void>();
  let last = 0;
  const ask = async (operation: 'encrypt' | 'decrypt', value: string): Promise<string> => {
    last += 1;
    const id = last;
    const answer = await new Promise<string | null>((resolve) => {
      waiting.set(id, resolve);
      port.send({ k: 'seal', id, operation, value });
    });
    if (answer === null) throw new Error('the keychain refused');
    return answer;
  };
  return {
    answered: (id: number, value: string | null): void => {
      waiting.get(id)?.(value);
      waiting.delete(id);
    },
    cipher: {
      encrypt: async (plain: string) => Buffer.from(await ask('encrypt', plain), 'base64'),
      decrypt: (cipher: Uint8Array) => ask('decrypt', Buffer.from(cipher).toString('base64')),
    },
  };
}

/** Asks the main process, which has the browser engine, for a PDF of a local file; one answer per question. */
function printerPort(port: Port) {
  const waiting = new Map<number, (pdf: Uint8Array | null) => void>();
  let last = 0;
  return {
    answered(id: number, pdf: string | null): void {
      waiting.get(id)?.(pdf === null ? null : Buffer.from(pdf, 'base64'));
      waiting.delete(id);
    },
    print(file: string): Promise<Uint8Array | null> {
      last += 1;
      const id = last;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        port.send({ k: 'print', id, file });
      });
    },
  };
}

/** What the main process passes as the one argument. */
export interface CoreSettings {
  dataDir: string;
  practice: boolean;
  keychain: boolean;
  /** Why there is none, or its name. */
  keychainReason: string;
}

/** Put in by the build. */
declare const UNDERSTUDY_VERSION: string;

async function main(): Promise<void> {
  const settings = JSON.parse(process.argv[2] ?? '') as CoreSettings;
  const port = openPort();
  const keychain = keychainPort(port);
  const printer = printerPort(port);
  // Messages that come while the core opens wait for it here.
  const core = createCore({
    dataDir: settings.dataDir,
    // This bundle lies in dist/electron/.
    agentDir: join(resolve(dirname(process.argv[1] ?? '.')), '..', 'agent'),
    version: UNDERSTUDY_VERSION,
    shell: 'electron',
    secrets: settings.keychain
      ? { kind: 'keychain', cipher: keychain.cipher, reason: settings.keychainReason }
      : { kind: 'memory', reason: settings.keychainReason },
    practice: settings.practice,
    printer: (file) => printer.print(file),
    log: (text) => console.error(text),
  });
  const door = core.then((opened) => openDoor(opened, settings.dataDir, (text) => console.error(text)));
  const pages = new Map<number, PageConnection>();
  const receive = async (message: ToCore): Promise<void> => {
    if (message.k === 'sealed') return keychain.answered(message.id, message.value);
    if (message.k === 'printed') return printer.answered(message.id, message.pdf);
    const opened = await core;
    if (message.k === 'open') {
      const send = (value: unknown): void => port.send({ k: 'page', page: message.page, message: value });
      pages.set(message.page, opened.connect(send, message.only));
    } else if (message.k === 'close') {
      pages.get(message.page)?.close();
      pages.delete(message.page);
    } else if (message.k === 'page') pages.get(message.page)?.receive(message.message);
    else if (message.k === 'sleep') await opened.sleep(message.asleep);
    else {
      await (await door)?.close();
      await opened.close();
      process.exit(0);
    }
  };
  port.onMessage((message) => void receive(message).catch(fail));
  await door;
}

/** The main process tells the person that the core ended; the reason goes to the log. */
function fail(error: unknown): never {
  console.error(error instanceof Error ? error.stack : error);
  process.exit(1);
}

main().catch(fail);
