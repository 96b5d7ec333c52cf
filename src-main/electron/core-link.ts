import { type ChildProcess, fork } from 'node:child_process';
import { safeStorage, utilityProcess } from 'electron';
import type { FromCore, ToCore } from './core-messages.ts';
import { pdfOf } from './pdf.ts';
import { testNode } from './test-switches.ts';

interface CoreProcess {
  send(message: ToCore): void;
  onMessage(listener: (message: FromCore) => void): void;
  onExit(listener: (code: number | null) => void): void;
  kill(): void;
}

function inUtilityProcess(file: string, args: string[]): CoreProcess {
  const child = utilityProcess.fork(file, args, { serviceName: 'Understudy core', stdio: 'inherit' });
  return {
    send: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.on('exit', listener),
    kill: () => void child.kill(),
  };
}

function inNode(node: string, file: string, args: string[]): CoreProcess {
  const child: ChildProcess = fork(file, args, { execPath: node, serialization: 'json' });
  return {
    send: (message) => void (child.connected && child.send(message)),
    onMessage: (listener) => void child.on('message', (message) => listener(message as FromCore)),
    onExit: (listener) => void child.on('exit', listener),
    kill: () => void child.kill(),
  };
}

/** Where secrets can be kept: the keychain, or why not. On Linux without one Electron would only obscure them. */
export function keychain(): { usable: boolean; reason: string } {
  if (!safeStorage.isEncryptionAvailable()) {
    return {
      usable: false,
      reason: 'This system offers no keychain, so passwords are kept in memory until Understudy is closed.',
    };
  }
  if (process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text') {
    return {
      usable: false,
      reason: 'No keyring is running, so passwords are kept in memory until Understudy is closed.',
    };
  }
  return { usable: true, reason: '' };
}

/** Encrypts or decrypts for the core, which has no access to the keychain itself. Values travel as base64. */
function seal(operation: 'encrypt' | 'decrypt', value: string): string {
  if (operation === 'encrypt') return safeStorage.encryptString(value).toString('base64');
  return safeStorage.decryptString(Buffer.from(value, 'base64'));
}

/** The core process as the windows see it. */
export class CoreLink {
  readonly #core: CoreProcess;
  readonly #pages = new Map<number, (message: unknown) => void>();

  constructor(file: string, args: string[], onExit: (code: number | null) => void) {
    const node = testNode();
    this.#core = node ? inNode(node, file, args) : inUtilityProcess(file, args);
    this.#core.onMessage((message) => this.#receive(message));
    this.#core.onExit(onExit);
  }

  /** `only`: the events it is sent; left out: all. */
  openPage(page: number, deliver: (message: unknown) => void, only?: string[]): void {
    this.#pages.set(page, deliver);
    this.#core.send({ k: 'open', page, ...(only ? { only } : {}) });
  }

  closePage(page: number): void {
    if (this.#pages.delete(page)) this.#core.send({ k: 'close', page });
  }

  fromPage(page: number, message: unknown): void {
    this.#core.send({ k: 'page', page, message });
  }

  /** The workstation goes to sleep, or is awake again. */
  sleep(asleep: boolean): void {
    this.#core.send({ k: 'sleep', asleep });
  }

  /** Asks the core to write everything down and end. */
  shutDown(): void {
    this.#core.send({ k: 'shutdown' });
  }

  onExit(listener: () => void): void {
    this.#core.onExit(listener);
  }

  kill(): void {
    this.#core.kill();
  }

  async #print({ id, file }: Extract<FromCore, { k: 'print' }>): Promise<void> {
    const pdf = await pdfOf(file).catch(() => null);
    this.#core.send({ k: 'printed', id, pdf: pdf?.toString('base64') ?? null });
  }

  #receive(message: FromCore): void {
    if (message.k === 'page') {
      this.#pages.get(message.page)?.(message.message);
      return;
    }
    if (message.k === 'print') {
      void this.#print(message);
      return;
    }
    try {
      this.#core.send({ k: 'sealed', id: message.id, value: seal(message.operation, message.value) });
    } catch {
      this.#core.send({ k: 'sealed', id: message.id, value: null });
    }
  }
}
