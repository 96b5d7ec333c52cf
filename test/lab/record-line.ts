import { connect, type Socket } from 'node:net';

/** Port of the guest's record service (guest/records.c describes what it is told and answers). */
export const RECORD_PORT = 7000;

/** One connection to a guest's record service, line by line, every wait with its own deadline. */
export class RecordLine {
  private readonly socket: Socket;
  private text = '';
  private closed = false;
  private wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      this.text += chunk;
      this.wake();
    });
    const end = (): void => {
      this.closed = true;
      this.wake();
    };
    socket.on('close', end);
    socket.on('error', end);
  }

  /** Null when nobody takes the connection within the time. */
  static open(address: string, timeoutMs: number): Promise<RecordLine | null> {
    return new Promise((resolve) => {
      const socket = connect({ host: address, port: RECORD_PORT, noDelay: true });
      const giveUp = (): void => {
        socket.destroy();
        resolve(null);
      };
      const timer = setTimeout(giveUp, timeoutMs);
      socket.once('error', giveUp);
      socket.once('close', () => clearTimeout(timer));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', giveUp);
        resolve(new RecordLine(socket));
      });
    });
  }

  /**
   * As `open`, with a new try every 50 ms beside those under way: a lost SYN is repeated by the kernel only after a
   * second, which would make a guest that is back look late.
   */
  static openSoon(address: string, withinMs: number): Promise<RecordLine | null> {
    return new Promise((resolve) => {
      let settled = false;
      const settle = (line: RecordLine | null): void => {
        if (settled) line?.close();
        else {
          settled = true;
          clearInterval(timer);
          clearTimeout(end);
          resolve(line);
        }
      };
      const tryOnce = (): void =>
        void RecordLine.open(address, withinMs).then((line) => line && settle(line));
      const timer = setInterval(tryOnce, 50);
      const end = setTimeout(() => settle(null), withinMs);
      tryOnce();
    });
  }

  send(line: string): void {
    this.socket.write(`${line}\n`);
  }

  /** The next line; null when the connection ends or nothing comes in time. */
  async read(timeoutMs: number): Promise<string | null> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const at = this.text.indexOf('\n');
      if (at >= 0) {
        const line = this.text.slice(0, at);
        this.text = this.text.slice(at + 1);
        return line;
      }
      const left = end - performance.now();
      if (this.closed || left <= 0) return null;
      await this.change(left);
    }
  }

  private change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  close(): void {
    this.socket.destroy();
  }
}
