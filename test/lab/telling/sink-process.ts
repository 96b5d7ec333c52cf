// A mail server and a web service on the lab's third machine. What they are given goes to standard output, a JSON line
// each; what they do with mail from now on comes in, a word a line: take, refuse, vanish.
import { createInterface } from 'node:readline';
import { openHookSink } from '../../../agent/telling/testing/hook-sink.ts';
import { openSmtpSink } from '../../../agent/telling/testing/smtp-sink.ts';
import { NETWORK } from '../places.ts';
import { HOOK_PORT, LOGIN, SMTP_PORT } from './ports.ts';

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const mail = await openSmtpSink({
  host: NETWORK.client,
  port: SMTP_PORT,
  onMail: (received) => say({ mail: received }),
});
const guarded = await openSmtpSink({ host: NETWORK.client, port: SMTP_PORT + 1, login: LOGIN });
await openHookSink({ host: NETWORK.client, port: HOOK_PORT, onCall: (call) => say({ call }) });
createInterface({ input: process.stdin }).on('line', (mode) => {
  if (mode === 'take' || mode === 'refuse' || mode === 'vanish') mail.mode = mode;
  say({ mode: mail.mode });
});
say({ ready: guarded.port });
