import ssh2, { type AuthContext, type ParsedKey, type ServerChannel } from 'ssh2';
import { generateOpensshKey } from '../../src-main/core/ssh/openssh-key.ts';
import { type Listening, listen } from './loopback.ts';

const { Server, utils } = ssh2;

/** Answers of the command `inspect`, as a healthy Debian 12 host gives them. */
const HEALTHY: Readonly<Record<string, string>> = {
  system: 'Linux',
  machine: 'x86_64',
  hostname: 'mock-host',
  'machine-id': 'mock-machine',
  'os.id': 'debian',
  'os.version': '12',
  'os.name': 'Debian GNU/Linux 12 (bookworm)',
  systemd: 'yes',
  free: '50000000',
  'node.path': '/usr/bin/node',
  'node.version': '18.20.4',
  libvirt: 'yes',
  'libvirt.active': 'libvirtd.service',
  'libvirt.version': '9.0.0',
  'libvirt.qemu': 'QEMU 7.2.22',
  'vm-count': '3',
};

export interface MockHostOptions {
  user?: string;
  password?: string;
  /** Public half of the key that may log in. */
  publicKey?: string;
  /** Differs from a healthy host's; '' takes the answer away. */
  says?: Record<string, string>;
  /** What the fix "start libvirt" changes in `says`. */
  afterFix?: Record<string, string>;
  /** Name of a command that is never answered. */
  hangsAt?: string;
}

/**
 * A mock of a host: a real SSH server on loopback that answers the console's commands by name, from a table. It has no
 * shell, no agent and no machines: only what a wizard meets before anything is installed.
 */
export async function startMockHost(options: MockHostOptions = {}): Promise<Listening> {
  const { user = 'root' } = options;
  let says = { ...HEALTHY, ...options.says };
  const answer = (script: string): string | null => {
    const name = /^: understudy ([a-z-]+)/.exec(script)?.[1];
    if (name !== undefined && name === options.hangsAt) return null;
    if (name === 'look') return lines({ uid: user === 'root' ? '0' : '1000', user });
    if (name === 'start-libvirt') says = { ...says, ...options.afterFix };
    return name === 'inspect' ? lines({ clock: String(Math.floor(Date.now() / 1000)), ...says }) : '';
  };
  const server = new Server(
    { hostKeys: [generateOpensshKey().private], ident: 'OpenSSH_9.2p1_Mock' },
    (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => authenticate(context, options));
      client.on('session', (accept) => {
        accept().on('exec', (take, _refuse, { command }) => {
          const channel = take();
          channel.on('error', () => undefined);
          if (command.includes('sudo')) refuseSudo(channel, user);
          else void run(channel, answer);
        });
      });
    },
  );
  return listen((socket) => server.injectSocket(socket));
}

function authenticate(context: AuthContext, { user = 'root', password, publicKey }: MockHostOptions): void {
  const ways: ('password' | 'publickey')[] = publicKey === undefined ? ['password'] : ['publickey'];
  const known = context.username === user;
  const good =
    (context.method === 'password' && password !== undefined && context.password === password) ||
    (context.method === 'publickey' && publicKey !== undefined && holds(context, publicKey));
  if (known && good) context.accept();
  else context.reject(ways);
}

/** The key offered is the one allowed, and what it signed (if it signed already) was signed with it. */
function holds(context: AuthContext & { method: 'publickey' }, publicKey: string): boolean {
  const allowed = utils.parseKey(publicKey) as ParsedKey;
  if (!allowed.getPublicSSH().equals(context.key.data)) return false;
  if (context.signature === undefined || context.blob === undefined) return true;
  return allowed.verify(context.blob, context.signature, context.hashAlgo) === true;
}

function refuseSudo(channel: ServerChannel, user: string): void {
  channel.stderr.write(`${user} is not in the sudoers file.\n`);
  channel.exit(1);
  channel.end();
}

async function run(channel: ServerChannel, answer: (script: string) => string | null): Promise<void> {
  let script = '';
  for await (const chunk of channel) script += String(chunk);
  const said = answer(script);
  if (said === null) return;
  channel.write(said);
  channel.exit(0);
  channel.end();
}

const lines = (values: Record<string, string>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
