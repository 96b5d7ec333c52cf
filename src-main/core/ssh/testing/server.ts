import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, openSync, writeSync } from 'node:fs';
import { type AddressInfo, createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, {
  type AuthContext,
  type Connection,
  type ParsedKey,
  type ServerChannel,
  type Session,
  type SFTPWrapper,
} from 'ssh2';
import { generateOpensshKey } from '../openssh-key.ts';

const { Server, utils } = ssh2;

export interface TestServerOptions {
  /** Private host keys, OpenSSH or PEM. */
  hostKeys?: string[];
  password?: string;
  /** Public half of the key that may log in. */
  publicKey?: string;
  methods?: ('password' | 'publickey' | 'keyboard-interactive')[];
  /** Folder put before PATH of every command, for stand-ins such as a `sudo` of the spec's own. */
  path?: string;
  /** Takes over forwards to unix sockets; without it they go to the real ones. */
  onSocket?: (path: string, stream: Duplex) => void;
}

export interface TestServer {
  port: number;
  /** Most channels that were open at a time. */
  peakChannels(): number;
  /** The command lines executed. */
  commands: string[];
  /** Cuts every connection without a word. */
  cut(): void;
  /** Stops reading and answering, as a host that lost power. */
  freeze(): void;
  close(): Promise<void>;
}

/** A real SSH server on loopback that runs commands by /bin/sh, takes files and forwards to unix sockets. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const sockets = new Set<{ destroy(): void; pause(): unknown }>();
  const commands: string[] = [];
  const count = { open: 0, peak: 0 };
  const opened = (channel: ServerChannel): void => {
    count.open += 1;
    count.peak = Math.max(count.peak, count.open);
    channel.once('close', () => {
      count.open -= 1;
    });
  };
  const server = new Server(
    { hostKeys: options.hostKeys ?? [generateOpensshKey().private], ident: 'OpenSSH_9.2' },
    (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => authenticate(context, options));
      client.on('ready', () => serve(client, options, commands, opened));
    },
  );
  server.on('connection', () => undefined);
  const raw = (server as unknown as { _srv: import('node:net').Server })._srv;
  raw.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const destroyAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    peakChannels: () => count.peak,
    commands,
    cut: destroyAll,
    freeze: () => {
      for (const socket of sockets) socket.pause();
    },
    close: async () => {
      destroyAll();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function authenticate(context: AuthContext, options: TestServerOptions): void {
  const methods = options.methods ?? ['password'];
  if (context.method === 'password' && methods.includes('password')) {
    if (context.password === options.password) context.accept();
    else context.reject(methods);
    return;
  }
  if (context.method === 'keyboard-interactive' && methods.includes('keyboard-interactive')) {
    context.prompt([{ prompt: 'Password: ', echo: false }], (answers) =>
      answers[0] === options.password ? context.accept() : context.reject(methods),
    );
    return;
  }
  if (context.method === 'publickey' && methods.includes('publickey') && options.publicKey !== undefined) {
    const allowed = utils.parseKey(options.publicKey) as ParsedKey;
    const wire = allowed.getPublicSSH();
    const same = wire.length === context.key.data.length && timingSafeEqual(wire, context.key.data);
    const signed =
      context.signature === undefined ||
      (context.blob !== undefined &&
        allowed.verify(context.blob, context.signature, context.hashAlgo) === true);
    if (same && signed) {
      context.accept();
      return;
    }
  }
  context.reject(methods);
}

function serve(
  client: Connection,
  options: TestServerOptions,
  commands: string[],
  opened: (channel: ServerChannel) => void,
): void {
  client.on('session', (accept) => serveSession(accept(), options, commands, opened));
  client.on('openssh.streamlocal', (accept, reject, { socketPath }) => {
    if (options.onSocket) {
      options.onSocket(socketPath, accept());
      return;
    }
    const socket = createConnection(socketPath);
    socket.once('error', () => reject());
    socket.once('connect', () => {
      const channel = accept();
      opened(channel);
      socket.removeAllListeners('error').on('error', () => channel.end());
      channel.pipe(socket).pipe(channel);
      channel.once('close', () => socket.destroy());
    });
  });
}

function serveSession(
  session: Session,
  options: TestServerOptions,
  commands: string[],
  opened: (channel: ServerChannel) => void,
): void {
  session.on('exec', (accept, _reject, { command }) => {
    commands.push(command);
    const channel = accept();
    opened(channel);
    const path = [options.path, process.env.PATH].filter(Boolean).join(':');
    const child = spawn('/bin/sh', ['-c', command], { env: { ...process.env, PATH: path } });
    child.stdin.on('error', () => undefined);
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    channel.once('close', () => child.kill());
    child.once('close', (code, signal) => {
      if (signal !== null) channel.exit(signal.replace('SIG', ''));
      else channel.exit(code ?? 1);
      channel.end();
    });
  });
  session.on('sftp', (accept) => serveFiles(accept()));
}

/** Just enough of SFTP to receive a file. */
function serveFiles(sftp: SFTPWrapper): void {
  const { STATUS_CODE } = utils.sftp;
  const files = new Map<number, number>();
  const handleOf = (fd: number): Buffer => {
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(fd);
    files.set(fd, fd);
    return handle;
  };
  const attempt = (id: number, work: () => void): void => {
    try {
      work();
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      sftp.status(id, missing ? STATUS_CODE.NO_SUCH_FILE : STATUS_CODE.FAILURE);
    }
  };
  sftp.on('OPEN', (id, name, _flags, attributes) =>
    attempt(id, () => void sftp.handle(id, handleOf(openSync(name, 'w', attributes.mode)))),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    attempt(id, () => {
      writeSync(handle.readUInt32BE(0), data, 0, data.length, offset);
      sftp.status(id, STATUS_CODE.OK);
    }),
  );
  sftp.on('FSTAT', (id, handle) => attempt(id, () => void sftp.attrs(id, fstatOf(handle.readUInt32BE(0)))));
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    attempt(id, () => {
      if (attributes.mode !== undefined) fchmodSync(handle.readUInt32BE(0), attributes.mode);
      sftp.status(id, STATUS_CODE.OK);
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    attempt(id, () => {
      closeSync(handle.readUInt32BE(0));
      sftp.status(id, STATUS_CODE.OK);
    }),
  );
}

function fstatOf(fd: number) {
  const found = fstatSync(fd);
  return {
    mode: found.mode,
    uid: found.uid,
    gid: found.gid,
    size: found.size,
    atime: found.atimeMs / 1000,
    mtime: found.mtimeMs / 1000,
  };
}
