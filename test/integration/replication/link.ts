import net from 'node:net';

/**
 * The network between primary and standby: a TCP relay that can go silent without closing anything, as a
 * pulled cable does (the lab's kernel has no netem, and loopback has no cable).
 */
export class CuttableLink {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #connected = true;

  static async open(toPort: number): Promise<CuttableLink> {
    const link = new CuttableLink(toPort);
    await new Promise<void>((done) => link.#server.listen(0, '127.0.0.1', done));
    return link;
  }

  private constructor(toPort: number) {
    this.#server = net.createServer((near) => this.#join(near, toPort));
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    return address.port;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Cut: nothing passes, nothing closes. Mended: connections of before the cut are reset, as after a long one. */
  set connected(connected: boolean) {
    if (connected && !this.#connected) for (const socket of this.#sockets) socket.destroy();
    this.#connected = connected;
    if (!connected) for (const socket of this.#sockets) socket.pause();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((done) => this.#server.close(done));
  }

  #join(near: net.Socket, toPort: number): void {
    this.#keep(near);
    if (!this.#connected) {
      near.pause();
      return;
    }
    const far = net.connect({ port: toPort, host: '127.0.0.1' });
    this.#keep(far);
    this.#pass(near, far);
    this.#pass(far, near);
  }

  #pass(from: net.Socket, to: net.Socket): void {
    from.on('data', (chunk) => {
      if (to.write(chunk) || !this.#connected) return;
      from.pause();
      to.once('drain', () => this.#connected && from.resume());
    });
    from.on('close', () => this.#connected && to.destroy());
  }

  #keep(socket: net.Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
