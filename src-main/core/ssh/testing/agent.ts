import type { Duplex } from 'node:stream';
import {
  type AgentState,
  type ConsoleApi,
  consoleApi,
  consoleNotices,
  type Handlers,
  type Hello,
  PROTOCOL_VERSION,
  ProblemError,
} from '../../../../agent/protocol/index.ts';
import { openLink } from '../../../../agent/rpc/index.ts';

export const HELLO: Hello = {
  protocol: PROTOCOL_VERSION,
  version: '0.1.0+spec',
  hostId: 'atlas-1',
  fleetId: 'fleet-1',
  name: 'atlas',
  role: 'hypervisor',
  hypervisor: 'libvirt',
  clock: { bootMs: 1000, wallMs: 2000 },
  bootId: 'boot-1',
  capabilities: [],
};

export const STATE: AgentState = {
  facts: {
    hostname: 'atlas',
    os: 'Debian GNU/Linux 12 (bookworm)',
    kernel: '6.1',
    arch: 'x64',
    cpuModel: 'CPU',
    cpuCount: 4,
    memoryBytes: 8e9,
    bootId: 'boot-1',
    hypervisor: { kind: 'libvirt', version: 'libvirt 9.0.0', reachable: true },
    addresses: ['10.0.0.1'],
  },
  load: null,
  vms: [],
  pairs: [],
  tasks: [],
  guard: { state: 'armed', why: null, unclaimed: [] },
};

type Some = Partial<Handlers<ConsoleApi>>;

/**
 * The agent's end of a console link as far as a spec needs it: greets, gives its state, and one notice right behind
 * it. Methods not given are refused.
 */
export function speakAsAgent(
  stream: Duplex,
  handlers: Some = {},
  hello: Partial<Hello> = {},
): { notify(): void } {
  const refuse = async (): Promise<never> => {
    throw new ProblemError({
      kind: 'not-in-this-spec',
      message: 'Not part of this spec.',
      next: 'Write it.',
    });
  };
  const all = Object.fromEntries(
    Object.keys(consoleApi).map((name) => [name, refuse]),
  ) as unknown as Handlers<ConsoleApi>;
  const notify = (): void => link.notify('load', { cpu: 0.5, memoryUsedBytes: 1, memoryBytes: 2, at: 3 });
  const link = openLink({
    stream,
    serve: {
      api: consoleApi,
      handlers: {
        ...all,
        'agent.hello': async () => ({ ...HELLO, ...hello }),
        'state.subscribe': async () => {
          setImmediate(notify);
          return STATE;
        },
        ...handlers,
      },
    },
    noticesOut: consoleNotices,
  });
  return { notify };
}
