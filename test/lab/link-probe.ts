import type { Problem } from '../../agent/protocol/index.ts';
import { createHostServices } from '../../src-main/core/deploy/index.ts';
import { MemorySecretStore } from '../../src-main/core/secrets/secret-store.ts';
import { MemoryHostKeyStore } from '../../src-main/core/ssh/host-keys.ts';

/**
 * The console's side of link.test.ts: installs the agent by key file on the host at the address given, then holds a
 * lasting link to it and prints every change of its connection as one line of JSON. Runs inside the lab's namespace.
 */
const [assetsDir = '', address = '', keyPath = ''] = process.argv.slice(2);
const values = new Map<string, unknown>();
const say = (line: object): void => console.log(JSON.stringify({ at: Date.now(), ...line }));

const { access, openLink } = createHostServices({
  environment: { sshDir: '/nonexistent', agentSocket: null },
  hostKeys: new MemoryHostKeyStore(),
  secrets: new MemorySecretStore('a test'),
  values: { get: (key) => values.get(key), put: (key, value) => void values.set(key, value) },
  assetsDir,
  consoleVersion: '0.0.0-test',
  now: Date.now,
  report: (problem: Problem) => say({ problem: problem.kind }),
});

const login = { method: 'key' as const, path: keyPath };
const at = { name: 'atlas', address, port: 22, user: 'root', login, sudoPassword: null };
const offer = await access.probe(address, 22, new AbortController().signal);
if (!offer.ok) throw new Error(offer.problem.message);
const session = await access.open({ ...at, fingerprint: offer.value.fingerprint });
if (!session.ok) throw new Error(session.problem.message);
const order = {
  hostId: 'atlas-1',
  fleetId: 'fleet-1',
  name: 'atlas',
  role: 'hypervisor' as const,
  peers: [],
};
const deployed = await session.value.deploy(order, () => undefined);
if (!deployed.ok) throw new Error(deployed.problem.message);
session.value.close();

const link = openLink({ ...at, hostId: 'atlas-1', fingerprint: null });
link.subscribe((event) => {
  if (event.kind !== 'connection') return;
  const { connection } = event;
  say({ state: connection.state, kind: connection.state === 'offline' ? connection.problem.kind : '' });
});
link.start();
