/**
 * The console's side of the bench: run inside the lab's network, as the third machine. Deploys the agent by the
 * core's own services and says so on a line; at the word "watch" it attaches as a console does, and stays until its
 * standard input ends.
 */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { createHostServices } from '../../src-main/core/deploy/index.ts';
import { MemorySecretStore } from '../../src-main/core/secrets/secret-store.ts';
import { openStorage } from '../../src-main/core/storage/storage.ts';

const [address = '', keyFile = '', assetsDir = '', version = ''] = process.argv.slice(2);
const storage = openStorage(':memory:', Date.now);
const services = createHostServices({
  environment: { sshDir: '/nonexistent', agentSocket: null },
  hostKeys: storage.hostKeys,
  secrets: new MemorySecretStore('a bench'),
  values: storage.settings,
  assetsDir,
  consoleVersion: version,
  now: Date.now,
  report: (problem) => console.error(problem.message),
});
const host = { name: 'atlas', address, port: 22, user: 'root', sudoPassword: null };
const login = { method: 'key' as const, path: keyFile };
const hostId = randomUUID();

const say = (value: Record<string, unknown>): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/** Seconds from the first byte to the agent greeted and enrolled. */
async function deploy(): Promise<number> {
  const key = await services.access.probe(address, 22, AbortSignal.timeout(10_000));
  if (!key.ok) throw new Error(key.problem.message);
  const start = performance.now();
  const session = await services.access.open({ ...host, login, fingerprint: key.value.fingerprint });
  if (!session.ok) throw new Error(session.problem.message);
  const order = { hostId, fleetId: randomUUID(), name: 'atlas', role: 'hypervisor' as const, peers: [] };
  const done = await session.value.deploy(order, () => undefined);
  session.value.close();
  if (!done.ok) throw new Error(`${done.problem.message} ${JSON.stringify(done.problem.details ?? {})}`);
  return (performance.now() - start) / 1000;
}

function watch(): void {
  const link = services.openLink({ ...host, hostId, login, fingerprint: null });
  link.subscribe((event) => {
    if (event.kind === 'state') say({ watching: event.state.vms.length });
  });
  link.start();
}

say({ deployS: await deploy() });
createInterface({ input: process.stdin })
  .on('line', (word) => {
    if (word === 'watch') watch();
  })
  .on('close', () => process.exit(0));
