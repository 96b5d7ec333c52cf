// Run on a host by the agent's own Node: sends the socket named last what no console would, and prints what came back.
const { connect } = require('node:net');

const path = process.argv.at(-1);
const frame = (text) => `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
const hello = { jsonrpc: '2.0', id: 1, method: 'agent.hello', params: { protocol: 1, consoleVersion: '0' } };
const cases = {
  'no header': Buffer.alloc(4096, 'x'),
  'too long': 'Content-Length: 999999999\r\n\r\n',
  'negative length': 'Content-Length: -1\r\n\r\n',
  'no JSON': frame('{"jsonrpc":'),
  'no request': frame('[1, 2, 3]'),
  'not greeted': frame(JSON.stringify({ ...hello, method: 'state.subscribe', params: {} })),
  'wrong parameters': frame(JSON.stringify({ ...hello, params: { protocol: 'one' } })),
  'no such method': frame(JSON.stringify({ ...hello, method: 'agent.selfDestruct' })),
};

/** Waits for an answer or the end, then ends the connection itself. */
function tell(name, bytes) {
  return new Promise((resolve) => {
    let answer = '';
    let hungUp = false;
    const socket = connect(path);
    const enough = setTimeout(() => socket.destroy(), 3000);
    socket.on('data', (chunk) => {
      answer += chunk;
      if (/"(result|error)"/.test(answer)) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      hungUp = true;
    });
    socket.on('close', () => {
      clearTimeout(enough);
      resolve({ name, hungUp, answer: answer.replace(/^[^{]*/, '').slice(0, 400) });
    });
    socket.write(bytes);
  });
}

Promise.all(Object.entries(cases).map(([name, bytes]) => tell(name, bytes))).then((said) =>
  process.stdout.write(JSON.stringify(said)),
);
