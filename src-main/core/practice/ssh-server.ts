import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';
import type { MemoryFiles } from './memory-files.ts';
import { serveSftp } from './sftp.ts';

export interface Answer {
  code: number;
  stdout: string;
  stderr: string;
}

export interface SshServerOptions {
  /** OpenSSH private key. */
  hostKey: string;
  user: string;
  password: string;
  files: MemoryFiles;
  /** Runs a script given to the shell by standard input. */
  run(script: string): Promise<Answer>;
  /** Takes over a channel to a unix socket; false when nobody listens there. */
  connect(socketPath: string): ((stream: Duplex) => void) | null;
}

/** Larger scripts than the deployment's own are no scripts of ours. */
const MAX_SCRIPT_BYTES = 1024 * 1024;

/** The SSH server of a practice host, on loopback: real protocol, real keys, and no shell behind it. */
export class PracticeSshServer {
  private readonly options: SshServerOptions;
  private readonly ssh: InstanceType<typeof ssh2.Server>;
  private listener: Server | null = null;
  private readonly sockets = new Set<Socket>();
  /** 0 until first started; kept over a loss of power. */
  port = 0;

  constructor(options: SshServerOptions) {
    this.options = options;
    this.ssh = new ssh2.Server({ hostKeys: [options.hostKey], ident: 'OpenSSH_9.2p1_Practice' }, (client) =>
      this.serve(client),
    );
  }

  async start(): Promise<void> {
    if (this.listener) return;
    // A listener of our own, so that a loss of power can end all connections at once.
    const listener = createServer({ noDelay: true }, (socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
      this.ssh.injectSocket(socket);
    });
    this.listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.port, '127.0.0.1', resolve);
    });
    const address = listener.address();
    if (address && typeof address === 'object') this.port = address.port;
  }

  /** Ends listener and connections without a word. */
  async cut(): Promise<void> {
    const { listener } = this;
    this.listener = null;
    for (const socket of this.sockets) socket.destroy();
    if (listener) await new Promise<void>((resolve) => listener.close(() => resolve()));
  }

  private serve(client: Connection): void {
    // A client that goes away in the middle is no event for a server.
    client.on('error', () => undefined);
    client.on('authentication', (context) => this.authenticate(context));
    client.on('ready', () => {
      client.on('session', (accept) => this.session(accept()));
      client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
        const take = this.options.connect(socketPath);
        if (take) take(accept());
        else reject();
      });
      client.on('tcpip', (_accept, reject) => reject());
    });
  }

  private authenticate(context: AuthContext): void {
    const { user, password } = this.options;
    if (context.method === 'password' && context.username === user && context.password === password)
      context.accept();
    else context.reject(['password']);
  }

  private session(session: Session): void {
    session.on('env', (accept) => accept?.());
    session.on('pty', (_accept, reject) => reject?.());
    session.on('shell', (_accept, reject) => reject?.());
    session.on('exec', (accept) => void this.exec(accept()));
    session.on('sftp', (accept) => serveSftp(accept(), this.options.files));
  }

  private async exec(channel: ServerChannel): Promise<void> {
    let gone = false;
    channel.once('close', () => {
      gone = true;
    });
    // A console that goes away in the middle shows as `close`.
    channel.on('error', () => undefined);
    const script = await readAll(channel);
    const answer = await this.options.run(script);
    if (gone) return;
    if (answer.stderr) channel.stderr.write(answer.stderr);
    channel.write(answer.stdout);
    channel.exit(answer.code);
    channel.end();
  }
}

async function readAll(channel: ServerChannel): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  return new Promise((resolve) => {
    channel.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_SCRIPT_BYTES) chunks.push(chunk);
    });
    const done = (): void => resolve(Buffer.concat(chunks).toString('utf8'));
    channel.once('end', done);
    channel.once('close', done);
  });
}
