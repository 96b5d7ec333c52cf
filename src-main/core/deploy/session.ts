import { X509Certificate } from 'node:crypto';
import {
  fail,
  type HostRole,
  ok,
  PEER_PORT,
  REPLICATION_PORT,
  type Result,
} from '../../../agent/protocol/index.ts';
import type { AccessTarget, DeployOrder, HostSession, Inspection } from '../hosts/access.ts';
import { connectSsh, type SshServices } from '../ssh/connect.ts';
import type { Rights, SshConnection } from '../ssh/types.ts';
import { AgentAssets } from './assets.ts';
import { checkHost, hypervisorName, START_LIBVIRT } from './checks.ts';
import type { Enrolments } from './enrolments.ts';
import { becomeRoot, type HostFindings, inspect, look, remove, startLibvirt } from './host-commands.ts';
import { runCommand } from './host-shell.ts';
import { install, meetAgent, type OnStep } from './install.ts';
import { unknownFix } from './problems.ts';

export interface DeployServices {
  ssh: SshServices;
  /** dist/agent, with its manifest.json. */
  assetsDir: string;
  enrolments: Enrolments;
  consoleVersion: string;
  /** Default `host-if-fits`. */
  runtime?: 'host-if-fits' | 'private';
  now?: () => number;
}

function logIn(
  services: DeployServices,
  access: AccessTarget,
  signal?: AbortSignal,
): Promise<Result<SshConnection>> {
  const { name, address, port, user, login, fingerprint } = access;
  return connectSsh(services.ssh, {
    target: { name, address, port },
    login: { user, login },
    expected: fingerprint,
    ...(signal ? { signal } : {}),
  });
}

const TELL_EVERY_MS = 150;

/** An upload tells its progress at every block; a person needs a few times a second. */
function calmed(tell: OnStep): OnStep {
  let last = { step: '', at: 0 };
  return (step, fraction) => {
    const at = performance.now();
    if (step === last.step && at - last.at < TELL_EVERY_MS) return;
    last = { step, at };
    tell(step, fraction);
  };
}

/** How this log-in may act as root. `noRights` says why it may not. */
interface Standing {
  rights: Rights;
  noRights: string | null;
  serverAddress: string;
}

/** One log-in to one host, for looking around, installing and removing. */
export class DeploySession implements HostSession {
  readonly #services: DeployServices;
  readonly #access: AccessTarget;
  #ssh: SshConnection;
  #standing: Standing | null = null;

  static async open(
    services: DeployServices,
    access: AccessTarget,
    signal?: AbortSignal,
  ): Promise<Result<DeploySession>> {
    const ssh = await logIn(services, access, signal);
    return ssh.ok ? ok(new DeploySession(services, access, ssh.value)) : ssh;
  }

  private constructor(services: DeployServices, access: AccessTarget, ssh: SshConnection) {
    this.#services = services;
    this.#access = access;
    this.#ssh = ssh;
  }

  async inspect(): Promise<Result<Inspection>> {
    const assets = await AgentAssets.open(this.#services.assetsDir);
    if (!assets.ok) return assets;
    const seen = await this.#look();
    if (!seen.ok) return seen;
    const { findings, standing } = seen.value;
    const { name, user } = this.#access;
    const host = findings.hostname || name;
    const nowMs = (this.#services.now ?? Date.now)();
    const verdict = checkHost({
      findings,
      noRights: standing.noRights,
      user,
      host,
      assets: assets.value,
      nowMs,
    });
    return ok({
      facts: {
        hostname: host,
        os: findings.os.name || findings.system,
        arch: findings.machine,
        hypervisor: findings.libvirt.installed
          ? hypervisorName(findings.libvirt.version, findings.libvirt.qemu)
          : '',
        vmCount: findings.libvirt.vmCount,
      },
      machineId: findings.machineId,
      ...verdict,
      agent:
        findings.agent === null
          ? null
          : {
              version: findings.agent.version,
              name: findings.agent.name,
              ...holderOf(findings.agent.certificate),
            },
      peer: {
        address: standing.serverAddress || this.#ssh.target.address,
        port: findings.ports?.peer ?? PEER_PORT,
        replicationPort: findings.ports?.replication ?? REPLICATION_PORT,
      },
    });
  }

  async fix(fix: string): Promise<Result<void>> {
    if (fix !== START_LIBVIRT) return fail(unknownFix(fix));
    const standing = await this.#stand();
    if (!standing.ok) return standing;
    return runCommand(this.#ssh, startLibvirt, {}, { rights: standing.value.rights, what: 'start libvirt' });
  }

  async deploy(order: DeployOrder, tell: OnStep): Promise<Result<void>> {
    const onStep = calmed(tell);
    const put = await this.#putInPlace(onStep, order.role);
    if (!put.ok) return put;
    onStep('Enrol it in the fleet', 0.9);
    const link = await meetAgent(this.#ssh, put.value.version, this.#services.consoleVersion);
    if (!link.ok) return link;
    try {
      const addresses = [put.value.serverAddress, this.#ssh.target.address];
      const enrolled = await this.#services.enrolments.enrol(link.value, { ...order, addresses });
      if (enrolled.ok) onStep('Done', 1);
      return enrolled;
    } finally {
      link.value.close();
    }
  }

  /** Replaces the agent that is there; its place in the fleet stays. */
  async update(tell: OnStep = () => undefined): Promise<Result<void>> {
    const put = await this.#putInPlace(calmed(tell), null);
    if (!put.ok) return put;
    const link = await meetAgent(this.#ssh, put.value.version, this.#services.consoleVersion);
    if (!link.ok) return link;
    link.value.close();
    return ok(undefined);
  }

  /** `role`: null for that of the agent already there. */
  async #putInPlace(
    onStep: OnStep,
    role: HostRole | null,
  ): Promise<Result<{ version: string; serverAddress: string }>> {
    const assets = await AgentAssets.open(this.#services.assetsDir);
    if (!assets.ok) return assets;
    const seen = await this.#look();
    if (!seen.ok) return seen;
    const { findings, standing } = seen.value;
    const installed = await install({
      ssh: this.#ssh,
      rights: standing.rights,
      findings,
      assets: assets.value,
      role: role ?? roleOf(findings),
      runtime: this.#services.runtime ?? 'host-if-fits',
      onStep,
    });
    if (!installed.ok) return installed;
    // sshd gives a new group's rights to new log-ins only.
    const again = installed.value.joinedGroup ? await this.#logInAgain() : ok(undefined);
    if (!again.ok) return again;
    return ok({ version: assets.value.version, serverAddress: standing.serverAddress });
  }

  async uninstall(options: { keepHistory: boolean }): Promise<Result<void>> {
    const standing = await this.#stand();
    if (!standing.ok) return standing;
    const what = 'remove the agent';
    return runCommand(this.#ssh, remove, options, {
      rights: standing.value.rights,
      what,
      timeoutMs: 120_000,
    });
  }

  close(): void {
    this.#ssh.close();
  }

  async #look(): Promise<Result<{ findings: HostFindings; standing: Standing }>> {
    const standing = await this.#stand();
    if (!standing.ok) return standing;
    const { rights, noRights } = standing.value;
    const asWhom: Rights = noRights === null ? rights : { kind: 'direct' };
    const findings = await runCommand(this.#ssh, inspect, {}, { rights: asWhom, what: 'be looked at' });
    return findings.ok ? ok({ findings: findings.value, standing: standing.value }) : findings;
  }

  /** A wrong or missing sudo password is the person's to mend; no sudo at all is a finding. */
  async #stand(): Promise<Result<Standing>> {
    if (this.#standing !== null) return ok(this.#standing);
    const direct: Rights = { kind: 'direct' };
    const self = await runCommand(this.#ssh, look, {}, { rights: direct, what: 'run a command' });
    if (!self.ok) return self;
    const { serverAddress } = self.value;
    if (self.value.uid === 0) {
      this.#standing = { rights: direct, noRights: null, serverAddress };
      return ok(this.#standing);
    }
    const rights: Rights = { kind: 'sudo', password: this.#sudoPassword() };
    const root = await runCommand(this.#ssh, becomeRoot, {}, { rights, what: 'become root' });
    if (!root.ok && root.problem.kind !== 'no-root-no-sudo') return root;
    const standing = { rights, noRights: root.ok ? null : root.problem.message, serverAddress };
    if (root.ok) this.#standing = standing;
    return ok(standing);
  }

  /** Most people's sudo password is the one they log in with. */
  #sudoPassword(): string | null {
    const { sudoPassword, login } = this.#access;
    return sudoPassword ?? (login.method === 'password' ? login.password : null);
  }

  async #logInAgain(): Promise<Result<void>> {
    const again = await logIn(this.#services, this.#access);
    if (!again.ok) return again;
    this.#ssh.close();
    this.#ssh = again.value;
    return ok(undefined);
  }
}

/** What the agent there was enrolled as; before that, what the host is good for. */
function roleOf({ agent, libvirt }: HostFindings): HostRole {
  const enrolled = agent?.role ?? '';
  return enrolled === 'witness' || (enrolled === '' && !libvirt.installed) ? 'witness' : 'hypervisor';
}

/** Ids in the certificate of an agent already there; null when it has none yet. */
function holderOf(certificate: string): { hostId: string | null; fleetId: string | null } {
  try {
    const { subject } = new X509Certificate(certificate);
    const valueIn = (name: string): string | null =>
      new RegExp(`^${name}=(.*)$`, 'm').exec(subject)?.[1] ?? null;
    return { hostId: valueIn('CN'), fleetId: valueIn('O') };
  } catch {
    return { hostId: null, fleetId: null };
  }
}
