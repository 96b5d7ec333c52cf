import type { Check } from '../../../agent/protocol/index.ts';
import { type AgentAssets, ARCHITECTURES } from './assets.ts';
import type { HostFindings } from './host-commands.ts';

/** Room for the agent with its own Node.js (about 100 MB), twice: an update lies beside it until it is renamed. */
const NEEDED_KIB = 250 * 1024;
/** TLS needs no better; the records that decide never look at the wall clock. */
const CLOCK_TOLERANCE_MS = 60_000;
const MIN_NODE = 18;

export const START_LIBVIRT = 'start-libvirt';

export interface CheckedHost {
  findings: HostFindings;
  /** Null with root's rights; else why not. */
  noRights: string | null;
  user: string;
  /** Name of the host, for the sentences. */
  host: string;
  assets: AgentAssets;
  nowMs: number;
}

export interface Verdict {
  checks: Check[];
  canAdd: { hypervisor: boolean; witness: boolean };
}

export function checkHost(checked: CheckedHost): Verdict {
  const basics = [checkSystem, checkRights, checkSpace, checkRuntime, checkClock].map((check) =>
    check(checked),
  );
  const libvirt = checkLibvirt(checked);
  const witness = basics.every((check) => check.state !== 'failed');
  return {
    checks: [...basics, libvirt],
    canAdd: { witness, hypervisor: witness && libvirt.state !== 'failed' },
  };
}

type Finding = Pick<Check, 'state' | 'message' | 'next'> & { fix?: string };
const fine = (message: string): Finding => ({ state: 'ok', message, next: '' });

function checkSystem({ findings, host }: CheckedHost): Check {
  const { system, machine, systemd, os } = findings;
  const find = (): Finding => {
    if (system !== 'Linux') {
      return { state: 'failed', message: `This is ${system || 'an unknown system'}.`, next: SUPPORTED };
    }
    if (ARCHITECTURES[machine] === undefined) {
      return { state: 'failed', message: `Its processor (${machine}) is not supported.`, next: SUPPORTED };
    }
    if (!systemd) return { state: 'failed', message: `${os.name} does not run systemd.`, next: SUPPORTED };
    if (!['debian', 'ubuntu'].includes(os.id) && !os.like.split(' ').includes('debian')) {
      return {
        state: 'warning',
        message: `${os.name} should work but is not tested.`,
        next: 'Try a drill early.',
      };
    }
    return fine(`${os.name}, ${machine}.`);
  };
  return { id: 'system', host, title: 'Operating system', ...find() };
}

const SUPPORTED = 'Use Linux with systemd on x86_64 or aarch64; Debian 12 and newer are tested.';

function checkRights({ noRights, user, host }: CheckedHost): Check {
  const find = (): Finding =>
    noRights === null
      ? fine(user === 'root' ? 'Logged in as root.' : `${user} becomes root by sudo.`)
      : {
          state: 'failed',
          message: noRights,
          next: `Log in as root, or let ${user} use sudo: usermod -aG sudo ${user}.`,
        };
  return { id: 'rights', host, title: 'Rights to install', ...find() };
}

function checkSpace({ findings, host }: CheckedHost): Check {
  const { freeKib } = findings;
  const mib = freeKib === null ? '' : `${Math.floor(freeKib / 1024)} MB free in /opt.`;
  const find = (): Finding => {
    if (freeKib === null)
      return { state: 'warning', message: 'Free space in /opt is unknown.', next: 'Look with: df -h /opt' };
    if (freeKib >= NEEDED_KIB) return fine(mib);
    return { state: 'failed', message: `Only ${mib}`, next: 'Make 250 MB free there.' };
  };
  return { id: 'space', host, title: 'Room for the agent', ...find() };
}

/** True when the host's own Node.js runs the agent: 18 or newer, and not confined to a snap. */
export function ownNodeServes({ node }: HostFindings): boolean {
  return node.path.startsWith('/usr/') && Number(node.version.split('.')[0]) >= MIN_NODE;
}

function checkRuntime({ findings, host, assets }: CheckedHost): Check {
  const find = (): Finding => {
    if (ownNodeServes(findings)) return fine(`Its own Node.js ${findings.node.version} runs the agent.`);
    if (assets.runtimeFor(findings.machine) === null) {
      return {
        state: 'failed',
        message: 'This console brings no Node.js for it.',
        next: 'Install Node.js 18 or newer there: apt install nodejs',
      };
    }
    return fine('The agent brings its own Node.js.');
  };
  return { id: 'runtime', host, title: 'What runs the agent', ...find() };
}

function checkClock({ findings, host, nowMs }: CheckedHost): Check {
  const find = (): Finding => {
    if (findings.clockMs === null) return fine('Not asked.');
    const offMs = Math.abs(findings.clockMs - nowMs);
    if (offMs <= CLOCK_TOLERANCE_MS) return fine('Agrees with this workstation.');
    return {
      state: 'warning',
      message: `Differs from this workstation by ${Math.round(offMs / 1000)} s: times on screen will not fit together.`,
      next: 'Set both by NTP: timedatectl set-ntp true',
    };
  };
  return { id: 'clock', host, title: 'Clock', ...find() };
}

function checkLibvirt({ findings, host }: CheckedHost): Check {
  const { installed, running, version, qemu, vmCount } = findings.libvirt;
  const find = (): Finding => {
    if (!installed) {
      return {
        state: 'failed',
        message: 'libvirt is not installed: this machine can be a witness, not a home for machines.',
        next: 'To run machines here: apt install libvirt-daemon-system qemu-system-x86',
      };
    }
    if (!running) {
      return {
        state: 'failed',
        message: 'libvirt is installed but does not run.',
        next: 'Start it: systemctl enable --now libvirtd',
        fix: START_LIBVIRT,
      };
    }
    const machines = vmCount === null ? '' : `, ${vmCount} ${vmCount === 1 ? 'machine' : 'machines'}`;
    return fine(`${hypervisorName(version, qemu)}${machines}.`);
  };
  return { id: 'libvirt', host, title: 'Hypervisor', ...find() };
}

/** "libvirt 9.0.0, QEMU 7.2.22". */
export function hypervisorName(version: string, qemu: string): string {
  return [version === '' ? 'libvirt' : `libvirt ${version}`, qemu].filter((part) => part !== '').join(', ');
}
