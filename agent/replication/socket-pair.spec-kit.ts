import net from 'node:net';

/** Two connected sockets over loopback, both paused: unlike in-memory streams, closing one end is seen at the other. */
export async function socketPair(): Promise<[net.Socket, net.Socket]> {
  const server = net.createServer({ pauseOnConnect: true });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  const accepted = new Promise<net.Socket>((done) => server.once('connection', done));
  const near = net.connect(address.port, '127.0.0.1');
  const far = await accepted;
  server.close();
  near.pause();
  return [near, far];
}
