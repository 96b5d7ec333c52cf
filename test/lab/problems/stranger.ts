import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/**
 * Somebody on the third machine who belongs to no fleet; prints as JSON what each attempt heard.
 * Arguments: noise HOST PORT, peer HOST FOLDER, replication HOST FOLDER (FOLDER: key.pem and cert.pem).
 */
const [what = '', host = '', more = ''] = process.argv.slice(2);
const ATTEMPT_MS = 5_000;

/** Everything heard until the far end closes, or ATTEMPT_MS. */
function hear(socket: Socket | TLSSocket): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const timer = setTimeout(() => done(), ATTEMPT_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(heard);
    };
    socket.on('data', (chunk: Buffer) => {
      heard += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', done);
  });
}

function plain(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, host);
  const heard = hear(socket);
  socket.write(bytes);
  return heard;
}

async function noise(port: number): Promise<string[]> {
  const hello = Buffer.from('160301ffff0100', 'hex');
  const pieces = [
    Buffer.alloc(65_536, 0x5a),
    Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    Buffer.concat([hello, Buffer.alloc(100_000, 1)]),
    Buffer.alloc(0),
  ];
  const floods = Array.from({ length: 40 }, () => plain(port, hello));
  const heard = await Promise.all([...pieces.map((piece) => plain(port, piece)), ...floods]);
  return heard.map((text) => Buffer.from(text, 'latin1').toString('hex'));
}

async function credentials() {
  const [key, cert] = await Promise.all(
    ['key.pem', 'cert.pem'].map((name) => readFile(join(more, name), 'utf8')),
  );
  return { key: key ?? '', cert: cert ?? '', rejectUnauthorized: false };
}

async function peer(): Promise<string[]> {
  const own = await credentials();
  const hello = '{"jsonrpc":"2.0","id":1,"method":"peer.hello","params":{}}';
  const attempts = [own, { rejectUnauthorized: false }].map((options) => {
    const socket = connectTls({ host, port: 7420, ...options });
    socket.write(`Content-Length: ${hello.length}\r\n\r\n${hello}`);
    return hear(socket);
  });
  return Promise.all(attempts);
}

/** NBD's fixed newstyle negotiation (NBD protocol, doc/proto.md): an option and its number. */
function option(number: number, data = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.write('IHAVEOPT');
  head.writeUInt32BE(number, 8);
  head.writeUInt32BE(data.length, 12);
  return Buffer.concat([head, data]);
}

const FLAGS = Buffer.from([0, 0, 0, 3]);
const LIST = 3;
const STARTTLS = 5;

async function replication(): Promise<string[]> {
  const listed = await plain(7421, Buffer.concat([FLAGS, option(LIST)]));
  const own = await credentials();
  const socket = connect(7421, host);
  // Greeting of 18 bytes, then the acknowledgement of STARTTLS: 20 bytes.
  await read(socket, 18);
  socket.write(Buffer.concat([FLAGS, option(STARTTLS)]));
  await read(socket, 20);
  const tls = connectTls({ socket, ...own });
  tls.write(option(LIST));
  return [listed, await hear(tls)];
}

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const found: Buffer | null = socket.read(bytes);
    if (found) return found;
    await new Promise((resolve) => socket.once('readable', resolve));
  }
}

const attempts = { noise: () => noise(Number(more)), peer, replication }[what];
console.log(JSON.stringify(await attempts?.()));
process.exit(0);
