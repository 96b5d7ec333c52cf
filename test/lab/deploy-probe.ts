import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentState, Hello, Problem, Result } from '../../agent/protocol/index.ts';
import { createHostServices } from '../../src-main/core/deploy/index.ts';
import type { HostSession } from '../../src-main/core/hosts/access.ts';
import { MemorySecretStore } from '../../src-main/core/secrets/secret-store.ts';
import { connectSsh } from '../../src-main/core/ssh/connect.ts';
import { HostKeys, MemoryHostKeyStore } from '../../src-main/core/ssh/host-keys.ts';

/**
 * The console's side of deploy.test.ts: installs and removes the agent on real hosts, and prints what it saw as JSON.
 * Runs inside the lab's namespace. Arguments: folder of the built agent, address of the hypervisor host, of the witness.
 */
const [agentDir = '', atlas = '', cora = ''] = process.argv.slice(2);
const password = process.env.LAB_PASSWORD ?? '';
const FLEET = 'fleet-of-the-deploy-test';
const environment = { sshDir: '/nonexistent', agentSocket: null };
const hostKeys = new MemoryHostKeyStore();
const secrets = new MemorySecretStore('a test');
const values = new Map<string, unknown>();
const reported: Problem[] = [];

function servicesWith(assetsDir: string) {
  return createHostServices({
    environment,
    hostKeys,
    secrets,
    values: { get: (key) => values.get(key), put: (key, value) => void values.set(key, value) },
    assetsDir,
    consoleVersion: '0.0.0-test',
    now: Date.now,
    report: (problem) => void reported.push(problem),
  });
}

function wanted<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(`${result.problem.kind}: ${result.problem.message}`);
  return result.value;
}

const kindOf = (result: Result<unknown>): string => (result.ok ? 'ok' : result.problem.kind);

async function logIn(address: string, user: string, secret = password, sudoPassword: string | null = null) {
  const { access } = servicesWith(agentDir);
  const offer = wanted(await access.probe(address, 22, new AbortController().signal));
  const login = { method: 'password' as const, password: secret };
  return access.open({
    name: address,
    address,
    port: 22,
    user,
    login,
    sudoPassword,
    fingerprint: offer.fingerprint,
  });
}

async function asSession<T>(
  address: string,
  user: string,
  work: (session: HostSession) => Promise<T>,
): Promise<T> {
  const session = wanted(await logIn(address, user));
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

/** Runs a script as root and returns its lines. */
async function onHost(address: string, script: string): Promise<string[]> {
  const services = { environment, hostKeys: new HostKeys(hostKeys, async () => '') };
  const login = { user: 'root', login: { method: 'password' as const, password } };
  const ssh = wanted(
    await connectSsh(services, { target: { name: address, address, port: 22 }, login, expected: null }),
  );
  const outcome = wanted(await ssh.run(script));
  ssh.close();
  return outcome.stdout.split('\n').filter(Boolean);
}

async function deploy(session: HostSession, hostId: string, role: 'hypervisor' | 'witness') {
  const steps = new Set<string>();
  const started = performance.now();
  const order = { hostId, fleetId: FLEET, name: hostId, role, peers: [] };
  const result = await session.deploy(order, (step) => steps.add(step));
  const seconds = Math.round(performance.now() - started) / 1000;
  return { kind: kindOf(result), seconds, sent: [...steps].filter((step) => step.startsWith('Send ')) };
}

/** The greeting and first state as a lasting link gets them. */
async function greet(address: string, user: string): Promise<{ hello: Hello; state: AgentState }> {
  const { openLink } = servicesWith(agentDir);
  const login = { method: 'password' as const, password };
  const at = {
    hostId: address,
    name: address,
    address,
    port: 22,
    user,
    login,
    sudoPassword: null,
    fingerprint: null,
  };
  const link = openLink(at);
  let hello: Hello | null = null;
  let state: AgentState | null = null;
  link.subscribe((event) => {
    if (event.kind === 'hello') hello = event.hello;
    if (event.kind === 'state') state = event.state;
  });
  wanted(await link.retry());
  await link.close();
  if (hello === null || state === null) throw new Error('online without a greeting');
  return { hello, state };
}

/** The same agent under another version, as another console would bring it. */
async function otherAgent(folder: string, name: (version: string) => string): Promise<string> {
  await cp(agentDir, folder, { recursive: true });
  const manifest = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
  const text = await readFile(join(folder, 'agent.cjs'), 'utf8');
  const version = name(manifest.version);
  const other = Buffer.from(text.replaceAll(manifest.version, version));
  manifest.version = version;
  manifest.files['agent.cjs'] = {
    sha256: createHash('sha256').update(other).digest('hex'),
    bytes: other.length,
  };
  await writeFile(join(folder, 'agent.cjs'), other);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  return version;
}

async function refusals() {
  const session = wanted(await logIn(atlas, 'admin', password, 'wrong'));
  const sudo = kindOf(await session.inspect());
  session.close();
  return { password: kindOf(await logIn(atlas, 'root', 'wrong')), sudo };
}

async function stoppedLibvirt(session: HostSession) {
  const find = async () => wanted(await session.inspect()).checks.find((check) => check.id === 'libvirt');
  await onHost(
    atlas,
    'systemctl stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd.service',
  );
  const before = await find();
  const fixed = kindOf(await session.fix(before?.fix ?? ''));
  return { before: before?.state, fixed, after: (await find())?.state };
}

async function fullDisk(session: HostSession) {
  await onHost(atlas, 'mount -t tmpfs -o size=8m tmpfs /opt');
  const { kind } = await deploy(session, 'atlas-1', 'hypervisor');
  await onHost(atlas, 'umount /opt');
  return kind;
}

/** The console goes away in the middle of the upload. */
async function brokenOff() {
  const session = wanted(await logIn(atlas, 'root'));
  const order = { hostId: 'atlas-1', fleetId: FLEET, name: 'atlas', role: 'hypervisor' as const, peers: [] };
  const result = await session.deploy(order, (_step, fraction) => {
    if (fraction !== null && fraction > 0.3) session.close();
  });
  return kindOf(result);
}

/** Deploys another build over the one that is there. */
async function deployBuild(name: (version: string) => string) {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-build-'));
  const version = await otherAgent(folder, name);
  const login = { method: 'password' as const, password };
  const at = { name: cora, address: cora, port: 22, user: 'admin', login, sudoPassword: null };
  const session = wanted(await servicesWith(folder).access.open({ ...at, fingerprint: null }));
  const deployed = await deploy(session, 'cora-1', 'witness');
  session.close();
  await rm(folder, { recursive: true });
  return { ...deployed, version };
}

async function upgrade() {
  const deployed = await deployBuild((version) => `${version.split('+')[0]}+newer000`);
  return { ...deployed, found: (await greet(cora, 'admin')).hello };
}

/** A link meets an agent of an older release, and replaces it without being asked. */
async function replacedByLink() {
  const { version } = await deployBuild(() => '0.0.1+older000');
  return { before: version, after: (await greet(cora, 'admin')).hello.version };
}

const TRACES = `find / -xdev -path /proc -prune -o -iname '*understudy*' -print
getent group understudy || true
systemctl list-units --all --no-legend 'understudy*'
pgrep -fa understudy || true`;

/** What of the guard is there: files, units that run, what it says. */
const GUARD = `for path in /opt/understudy/guard /etc/libvirt/hooks/qemu.d/understudy; do
  [ -x "$path" ] && echo "$path"
done
for unit in understudy-guard understudy-shutdown; do
  [ "$(systemctl is-active $unit)" = active ] && systemctl is-enabled --quiet $unit && echo "$unit"
done
sed -n '1s/.* //p' /run/understudy/guard.alive 2>/dev/null || true`;

/** The pid of the guard, over a change of the agent alone. */
const GUARD_PID = 'systemctl show -p MainPID --value understudy-guard';

async function main() {
  const inspections = {
    atlas: wanted(await asSession(atlas, 'root', (session) => session.inspect())),
    cora: wanted(await asSession(cora, 'admin', (session) => session.inspect())),
  };
  const refused = await refusals();
  const libvirt = await asSession(atlas, 'root', stoppedLibvirt);
  const full = await asSession(atlas, 'root', fullDisk);
  const broken = await brokenOff();
  const root = await asSession(atlas, 'root', (session) => deploy(session, 'atlas-1', 'hypervisor'));
  const admin = await asSession(cora, 'admin', (session) => deploy(session, 'cora-1', 'witness'));
  const guard = { atlas: await onHost(atlas, GUARD), cora: await onHost(cora, GUARD) };
  const greetings = { atlas: await greet(atlas, 'root'), cora: await greet(cora, 'admin') };
  const again = await asSession(cora, 'admin', (session) => deploy(session, 'cora-1', 'witness'));
  const found = wanted(await asSession(cora, 'admin', (session) => session.inspect())).agent;

  const pidBefore = await onHost(atlas, GUARD_PID);
  const anew = await asSession(atlas, 'root', (session) => deploy(session, 'atlas-1', 'hypervisor'));
  const guardKept = pidBefore.join() === (await onHost(atlas, GUARD_PID)).join();
  const list = '/var/lib/understudy/guard/protected';
  const protect = (uuid: string) =>
    onHost(atlas, `mkdir -p /var/lib/understudy/guard; printf 'understudy-protected 1\\n${uuid}' > ${list}`);
  await protect('7e570000-0000-4000-8000-000000000099\\n');
  const stillProtected = await asSession(atlas, 'root', (each) => each.uninstall({ keepHistory: false }));
  await protect('');

  const upgraded = await upgrade();
  const outdated = await replacedByLink();
  const removed = {
    atlas: kindOf(await asSession(atlas, 'root', (each) => each.uninstall({ keepHistory: false }))),
    cora: kindOf(await asSession(cora, 'admin', (each) => each.uninstall({ keepHistory: false }))),
  };
  const traces = { atlas: await onHost(atlas, TRACES), cora: await onHost(cora, TRACES) };
  return {
    inspections,
    refused,
    libvirt,
    full,
    broken,
    root,
    admin,
    greetings,
    again,
    guard,
    guardKept: { ...anew, guardKept },
    stillProtected: stillProtected.ok ? '' : stillProtected.problem.message,
    found,
    upgraded,
    outdated,
    removed,
    traces,
    reported,
  };
}

export type DeployReport = Awaited<ReturnType<typeof main>>;

console.log(JSON.stringify(await main()));
process.exit(0);
