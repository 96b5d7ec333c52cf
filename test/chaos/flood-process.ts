import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';

/*
 * Strangers at an agent's door, run inside the lab's namespace: ADDRESS PORT, until standard input ends. Each of many
 * connections says nothing, garbage, the beginning of a TLS greeting, or a frame without TLS, and stays as long as it
 * is let.
 */
const [, , address = '', port = ''] = process.argv;
const AT_ONCE = 150;
/** A greeting that promises 512 bytes and sends three. */
const HALF_HELLO = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]);
const FRAME = Buffer.from('Content-Length: 999999999\r\n\r\n{"jsonrpc":"2.0"');

const sayings = [Buffer.alloc(0), randomBytes(2_000), HALF_HELLO, FRAME];
let made = 0;

function knock(): void {
  made += 1;
  const socket = connect({ host: address, port: Number(port) });
  const saying = sayings[made % sayings.length] ?? HALF_HELLO;
  socket.on('connect', () => saying.length > 0 && socket.write(saying));
  socket.on('error', () => {});
  socket.on('data', () => {});
  socket.setTimeout(2_000, () => socket.destroy());
  // Not at once: a refusal would make this a busy loop, and the machine is shared.
  socket.on('close', () => setTimeout(knock, 20));
}

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
for (let n = 0; n < AT_ONCE; n++) knock();
