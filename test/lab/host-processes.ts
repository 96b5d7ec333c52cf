import { pidsOf } from './cgroup.ts';
import { commandLine, executes, startedAt, startTicks, threadStates } from './proc.ts';
import type { Lab } from './running-lab.ts';

export type Service = 'agent' | 'forwarder' | 'guard' | 'storage' | 'libvirtd';

const IS: Record<Service, (argv: string[]) => boolean> = {
  agent: (argv) => argv.includes('/opt/understudy/agent.cjs') && argv.includes('run'),
  forwarder: (argv) => argv.includes('/opt/understudy/agent.cjs') && argv.includes('forwarder'),
  guard: ([program]) => program === '/opt/understudy/guard',
  // A drill has one of its own.
  storage: ([program, ...args]) =>
    program?.endsWith('/qemu-storage-daemon') === true &&
    args.some((arg) => arg.includes('/run/understudy/storage.sock')),
  libvirtd: ([program]) => program?.endsWith('/libvirtd') === true,
};

export interface HostProcess {
  /** As this machine counts. */
  pid: number;
  /** Unix milliseconds. */
  startedAt: number;
  /** False: stopped by a signal. A frozen host's processes do not show it here. */
  executes: boolean;
}

async function find(lab: Lab, host: string, isIt: (argv: string[]) => boolean): Promise<HostProcess | null> {
  for (const pid of await pidsOf({ lab: lab.places.lab, host: lab.host(host).name })) {
    if (!isIt(commandLine(pid))) continue;
    const start = startTicks(pid);
    const states = threadStates(pid);
    if (start === null || states === '' || /^[ZX]+$/.test(states)) continue;
    return { pid, startedAt: startedAt(start), executes: executes(states) };
  }
  return null;
}

/** A service of the host, found past systemd: also where the host is too busy, or too broken, to be asked. */
export const serviceProcess = (lab: Lab, host: string, service: Service): Promise<HostProcess | null> =>
  find(lab, host, IS[service]);

/** The QEMU of a machine on a host; null when there is none. */
export const guestProcess = (lab: Lab, host: string, uuid: string): Promise<HostProcess | null> =>
  find(lab, host, (argv) => argv[0]?.includes('qemu-system') === true && argv.includes(uuid));

/** Sends a signal; a process that has just ended is no error. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
