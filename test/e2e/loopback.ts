import { connect, createServer, type Socket } from 'node:net';

/** Something that listens on a port of loopback. */
export interface Listening {
  port: number;
  stop(): Promise<void>;
}

export async function listen(onSocket: (socket: Socket) => void): Promise<Listening & { cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (!address || typeof address === 'string') throw new Error('no port on loopback');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    cut,
    async stop() {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Greets like a mail server: something answers, and it is not SSH. */
export const startMockMailServer = (): Promise<Listening> =>
  listen((socket) => socket.end('220 mail.example ESMTP\r\n'));

/** A port where nobody listens. */
export async function unusedPort(): Promise<number> {
  const { port, stop } = await listen((socket) => socket.destroy());
  await stop();
  return port;
}

/** A port that leads to another one: who answers behind an address can be exchanged. */
export interface Wire extends Listening {
  /** Connections made so far end; new ones go to this port of loopback. */
  leadTo(port: number): void;
}

export async function startWire(first: number): Promise<Wire> {
  let end = first;
  const wire = await listen((socket) => {
    const onward = connect(end, '127.0.0.1');
    onward.on('error', () => socket.destroy());
    socket.once('close', () => onward.destroy());
    onward.once('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  });
  return {
    port: wire.port,
    stop: wire.stop,
    leadTo(port) {
      end = port;
      wire.cut();
    },
  };
}
