import { fail, type HostRole, ok, type Problem, type Result } from '../../../agent/protocol/index.ts';
import { type AgentLink, greet, openAgentLink } from '../ssh/agent-session.ts';
import type { Rights, SshConnection } from '../ssh/types.ts';
import type { AgentAssets, Asset } from './assets.ts';
import { ownNodeServes } from './checks.ts';
import { freeSpace, type HostFindings, place, prepare, start } from './host-commands.ts';
import { runCommand } from './host-shell.ts';
import { GUARD, GUARD_UNIT, HOOK, STAGING, UNIT_FOLDER } from './places.ts';
import { agentDidNotStart, damagedUpload, hostDiskFull, noRuntime, otherVersionRuns } from './problems.ts';

/** `fraction` of the whole deployment, 0..1. */
export type OnStep = (step: string, fraction: number | null) => void;

export interface InstallOrder {
  ssh: SshConnection;
  rights: Rights;
  findings: HostFindings;
  assets: AgentAssets;
  role: HostRole;
  /** `host-if-fits`: the host's own Node.js where it is new enough. */
  runtime: 'host-if-fits' | 'private';
  onStep: OnStep;
}

export interface Installed {
  /** The log-in's new group counts only from the next log-in on. */
  joinedGroup: boolean;
}

/** Fractions at which the steps end; the upload takes most of the time. */
const AFTER = { prepare: 0.05, upload: 0.7, place: 0.8, start: 0.9 };
const MIN_FREE_KIB = 4096;

/**
 * Puts agent, units and runtime into place and starts them. What lies there already, whole, is not sent again;
 * broken off anywhere, it is simply run again.
 */
export async function install(order: InstallOrder): Promise<Result<Installed>> {
  const { ssh, rights, assets, onStep } = order;
  onStep('Prepare the host', 0);
  const prepared = await runCommand(
    ssh,
    prepare,
    { user: ssh.user },
    { rights, what: 'prepare for the agent' },
  );
  if (!prepared.ok) return prepared;
  const runtime = chooseRuntime(order);
  if (!runtime.ok) return runtime;
  const { present, runtime: installed } = prepared.value;
  const files = assets.filesFor(order.role, order.findings.machine);
  const missing = files.filter((asset) => present.get(asset.to) !== asset.sha256);
  const { asset: packed, id } = runtime.value;
  const wanted = packed !== null && installed !== id ? [...missing, packed] : missing;
  const uploaded = await uploadAll(order, wanted);
  if (!uploaded.ok) return uploaded;
  onStep('Put it into place', AFTER.upload);
  const placed = await placeAll(order, wanted, id, installed === id ? '' : runtime.value.hostNode);
  if (!placed.ok) return placed;
  onStep('Start the agent', AFTER.place);
  const started = await runCommand(
    ssh,
    start,
    { version: assets.version, ...whatToStart(wanted, installed !== id) },
    { rights, what: 'start the agent' },
  );
  if (!started.ok) return fail(problemOfStart(ssh.target.name, started.problem));
  return ok({ joinedGroup: prepared.value.joined });
}

/** The guard knows nothing of Node or the agent's file: it is left alone when only those are new. */
function whatToStart(replaced: Asset[], otherRuntime: boolean) {
  const paths = replaced.map((asset) => asset.to);
  const ofGuard = new Set([GUARD, HOOK, `${UNIT_FOLDER}/${GUARD_UNIT}`]);
  return {
    restart: otherRuntime || paths.some((path) => !ofGuard.has(path)),
    restartGuard: paths.some((path) => path !== HOOK && ofGuard.has(path)),
    tellLibvirt: paths.includes(HOOK),
  };
}

interface Runtime {
  /** Null: the host's own. */
  asset: Asset | null;
  hostNode: string;
  /** Kept on the host, to know later whether it must be replaced. */
  id: string;
}

function chooseRuntime({ ssh, findings, assets, runtime }: InstallOrder): Result<Runtime> {
  if (runtime === 'host-if-fits' && ownNodeServes(findings)) {
    const { path, version } = findings.node;
    return ok({ asset: null, hostNode: path, id: `host ${path} ${version}` });
  }
  const asset = assets.runtimeFor(findings.machine);
  if (asset === null) return fail(noRuntime(ssh.target.name, findings.machine));
  return ok({ asset, hostNode: '', id: `private ${asset.sha256}` });
}

async function uploadAll({ ssh, rights, onStep }: InstallOrder, assets: Asset[]): Promise<Result<void>> {
  const total = assets.reduce((sum, asset) => sum + asset.bytes, 0);
  let before = 0;
  for (const asset of assets) {
    const tell = (done: number): void => {
      const share = total === 0 ? 1 : (before + done) / total;
      onStep(`Send ${asset.name}`, AFTER.prepare + share * (AFTER.upload - AFTER.prepare));
    };
    tell(0);
    const source = { from: asset.from, to: `${STAGING}/${asset.name}`, mode: 0o600 };
    const sent = await ssh.upload(source, { onProgress: tell });
    if (!sent.ok) return fail(await whyNotSent(ssh, rights, sent.problem));
    before += asset.bytes;
  }
  return ok(undefined);
}

/** SFTP has no word for a full disk (version 3 says "Failure"); the host has. */
async function whyNotSent(ssh: SshConnection, rights: Rights, problem: Problem): Promise<Problem> {
  if (problem.kind !== 'upload-failed') return problem;
  const space = await runCommand(ssh, freeSpace, {}, { rights, what: 'tell its free space' });
  const full = space.ok && space.value.freeKib !== null && space.value.freeKib < MIN_FREE_KIB;
  return full ? hostDiskFull(ssh.target.name, '/opt/understudy') : problem;
}

async function placeAll(
  { ssh, rights }: InstallOrder,
  assets: Asset[],
  runtime: string,
  hostNode: string,
): Promise<Result<void>> {
  const files = assets.map(({ name, sha256, to, mode, packed }) => ({ name, sha256, to, mode, packed }));
  const what = 'put the agent into place';
  const placed = await runCommand(
    ssh,
    place,
    { files, runtime, hostNode },
    { rights, what, timeoutMs: 120_000 },
  );
  if (placed.ok) return ok(undefined);
  return fail(
    /checksum|FAILED/.test(placed.problem.message) ? damagedUpload(ssh.target.name) : placed.problem,
  );
}

function problemOfStart(host: string, problem: Problem): Problem {
  if (problem.kind !== 'command-failed') return problem;
  return agentDidNotStart(
    host,
    problem.message.replace(/^.* could not start the agent(: )?/, '').replace(/\.$/, ''),
  );
}

const GREET_ATTEMPTS = 50;
const GREET_PAUSE_MS = 200;

/** The first conversation with the agent just started; waits until the new one answers. */
export async function meetAgent(
  ssh: SshConnection,
  version: string,
  consoleVersion: string,
): Promise<Result<AgentLink>> {
  let problem = agentDidNotStart(ssh.target.name, '');
  for (let attempt = 0; attempt < GREET_ATTEMPTS; attempt += 1) {
    const link = await openAgentLink(
      ssh,
      () => undefined,
      () => undefined,
    );
    if (link.ok) {
      const hello = await greet(link.value, ssh, consoleVersion);
      if (hello.ok && hello.value.version === version) return link;
      link.value.close();
      problem = hello.ok ? otherVersionRuns(ssh.target.name, hello.value.version) : hello.problem;
    } else problem = link.problem;
    if (!WORTH_WAITING.has(problem.kind)) break;
    await new Promise((resolve) => setTimeout(resolve, GREET_PAUSE_MS));
  }
  return fail(problem);
}

const WORTH_WAITING = new Set(['agent-missing', 'agent-did-not-start', 'agent-too-old', 'deadline']);
