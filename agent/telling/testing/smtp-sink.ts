import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** "user:password", or null when nobody logged in. */
  login: string | null;
  headers: Record<string, string>;
  /** As the sender wrote it: quoted-printable undone. */
  text: string;
  /** Wall clock, ms. */
  at: number;
}

export interface SmtpSink {
  readonly port: number;
  readonly mails: ReceivedMail[];
  /** What it does with a whole mail: take it, refuse it, or take it and hang up before it says so. */
  mode: 'take' | 'refuse' | 'vanish';
  close(): Promise<void>;
}

/** A mail server that keeps what it is given (RFC 5321, as much of it as a client needs), without STARTTLS. */
export async function openSmtpSink(options: {
  host?: string;
  port?: number;
  /** "user:password" it asks for. */
  login?: string;
  /** TLS from the first byte; PEM. */
  tls?: { key: string; cert: string };
  onMail?(mail: ReceivedMail): void;
}): Promise<SmtpSink> {
  const sockets = new Set<Socket>();
  const welcome = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    serve(socket, sink, options.login ?? null, (mail) => {
      sink.mails.push(mail);
      options.onMail?.(mail);
    });
  };
  const server = options.tls ? createTlsServer(options.tls, welcome) : createServer(welcome);
  server.listen(options.port ?? 0, options.host ?? '127.0.0.1');
  await once(server, 'listening');
  const sink: SmtpSink = {
    port: (server.address() as AddressInfo).port,
    mails: [],
    mode: 'take',
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return sink;
}

function serve(
  socket: Socket,
  sink: SmtpSink,
  wanted: string | null,
  keep: (mail: ReceivedMail) => void,
): void {
  let [buffer, from, login, data]: [string, string, string | null, string[] | null] = ['', '', null, null];
  let to: string[] = [];
  const say = (line: string): void => void socket.write(`${line}\r\n`);
  const take = (lines: string[]): void => {
    const mail = { from, to, login, ...parsed(lines), at: Date.now() };
    if (sink.mode === 'refuse') {
      say('452 4.2.2 mailbox full');
      return;
    }
    keep(mail);
    if (sink.mode === 'vanish') socket.destroy();
    else say('250 2.0.0 Ok: kept');
  };
  const command = (line: string): void => {
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === 'EHLO' || verb === 'HELO') socket.write('250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n');
    else if (verb === 'AUTH') {
      const [, user = '', pass = ''] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
        .toString()
        .split('\0');
      login = `${user}:${pass}`;
      say(login === wanted ? '235 2.7.0 welcome' : '535 5.7.8 wrong user or password');
    } else if (verb === 'MAIL' && wanted !== null && login !== wanted) say('530 5.7.0 log in first');
    else if (verb === 'MAIL') {
      from = addressIn(line);
      to = [];
      say('250 2.1.0 Ok');
    } else if (verb === 'RCPT') {
      const receiver = addressIn(line);
      const known = !receiver.startsWith('unknown');
      if (known) to.push(receiver);
      say(known ? '250 2.1.5 Ok' : '550 5.1.1 no such mailbox');
    } else if (verb === 'DATA') {
      data = [];
      say('354 go on');
    } else if (verb === 'QUIT') socket.end('221 bye\r\n');
    else say(verb === 'RSET' || verb === 'NOOP' ? '250 Ok' : '502 not known');
  };
  say('220 sink ESMTP');
  socket.on('data', (chunk) => {
    buffer += chunk.toString('utf8');
    for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
      const line = buffer.slice(0, end);
      buffer = buffer.slice(end + 2);
      if (data === null) command(line);
      else if (line !== '.') data.push(line.replace(/^\.\./, '.'));
      else {
        const lines = data;
        data = null;
        take(lines);
      }
    }
  });
}

const addressIn = (line: string): string => /<([^>]*)>/.exec(line)?.[1] ?? '';

function parsed(lines: string[]): Pick<ReceivedMail, 'headers' | 'text'> {
  const blank = lines.indexOf('');
  const folded = lines
    .slice(0, blank)
    .join('\n')
    .replace(/\n[ \t]+/g, ' ')
    .split('\n');
  const headers = Object.fromEntries(
    folded.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  const body = lines.slice(blank + 1).join('\n');
  const quoted = headers['content-transfer-encoding'] === 'quoted-printable';
  return { headers, text: quoted ? unquoted(body) : body };
}

const unquoted = (text: string): string =>
  Buffer.from(
    text
      .replace(/=\n/g, '')
      .replace(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  ).toString('utf8');
