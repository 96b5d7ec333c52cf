import type { Check } from '../../protocol/index.ts';
import type { VmDefinition } from '../hypervisor.ts';
import { parseDomain } from './domain-text.ts';
import type { SimulatedHost } from './host.ts';
import { GIB, IMAGE_FOLDER } from './types.ts';

/** Left free on the standby beside the copy, bytes. */
const RESERVE_BYTES = GIB;

/** Preflight of a guest where it runs now. */
export function checkSource(host: SimulatedHost, uuid: string): Check[] {
  const finding = findingsOn(host);
  const guest = host.guest(uuid);
  if (!guest)
    return [
      finding(
        'vm',
        'failed',
        'The machine',
        `It is no longer defined on ${host.name}.`,
        'Look at the list again.',
      ),
    ];
  const { definition } = guest.domain;
  const running = guest.startedAt !== null;
  const writable = definition.disks.filter((disk) => disk.device === 'disk' && !disk.readOnly);
  const unfit = writable.filter((disk) => disk.format !== 'qcow2' && disk.format !== 'raw');
  return [
    running
      ? finding('vm-state', 'ok', 'The machine', `${definition.name} is running.`)
      : finding(
          'vm-state',
          'failed',
          'The machine',
          `${definition.name} is not running.`,
          'Start it, then try again.',
        ),
    unfit.length === 0 && writable.length > 0
      ? finding('disks', 'ok', 'Its disks', `${writable.length} can be copied while the machine runs.`)
      : finding(
          'disks',
          'failed',
          'Its disks',
          `${unfit.map((disk) => disk.target).join(', ') || 'No disk'} cannot be copied.`,
          'Use qcow2 or raw image files for its disks.',
        ),
  ];
}

/** Preflight of a guest where it would stand by. */
export function checkStandby(
  host: SimulatedHost,
  definition: VmDefinition,
): { checks: Check[]; paths: Record<string, string> } {
  const domain = parseDomain(definition.text);
  const paths: Record<string, string> = {};
  for (const disk of definition.disks) paths[disk.target] = `${IMAGE_FOLDER}/${baseName(disk.path)}`;
  return {
    checks: [
      space(host, definition),
      memory(host, domain?.memoryBytes ?? 0),
      bridges(host, domain?.nics.map((nic) => nic.source) ?? []),
      findingsOn(host)('cpu-model', 'ok', 'CPU model', 'The same model as on the other host.'),
      clash(host, definition),
      resolver(host),
    ],
    paths,
  };
}

function space(host: SimulatedHost, definition: VmDefinition): Check {
  const finding = findingsOn(host);
  const needed = definition.disks.reduce((sum, disk) => sum + disk.sizeBytes, 0);
  const free = host.freeDiskBytes();
  const text = `${gib(needed)} needed, ${gib(free)} free in ${IMAGE_FOLDER}.`;
  return free >= needed + RESERVE_BYTES
    ? finding('disk-space', 'ok', 'Space for the copy', text)
    : finding(
        'disk-space',
        'failed',
        'Space for the copy',
        text,
        `Free space on ${host.name}, or choose another standby.`,
      );
}

function memory(host: SimulatedHost, needed: number): Check {
  const finding = findingsOn(host);
  const free = host.freeMemoryBytes();
  const text = `${gib(needed)} needed at a failover, ${gib(free)} free now.`;
  return free >= needed
    ? finding('memory', 'ok', 'Memory to run it', text)
    : finding(
        'memory',
        'warning',
        'Memory to run it',
        text,
        `Make room on ${host.name} before the machine has to start there.`,
      );
}

function bridges(host: SimulatedHost, needed: string[]): Check {
  const finding = findingsOn(host);
  const missing = needed.filter((bridge) => bridge !== '' && !host.bridges.has(bridge));
  return missing.length === 0
    ? finding('bridges', 'ok', 'Networks', `${needed.join(', ') || 'None needed'}: present here too.`)
    : finding(
        'bridges',
        'failed',
        'Networks',
        `${host.name} has no bridge ${missing.join(', ')}.`,
        `Create the bridge ${missing.join(', ')} on ${host.name}, or choose another standby.`,
      );
}

function clash(host: SimulatedHost, definition: VmDefinition): Check {
  const finding = findingsOn(host);
  const other = [...host.guests.values()].find(
    ({ domain }) => domain.definition.name === definition.name && domain.definition.uuid !== definition.uuid,
  );
  return other
    ? finding(
        'name',
        'failed',
        'Name',
        `Another machine named ${definition.name} is already defined on ${host.name}.`,
        'Rename one of the two.',
      )
    : finding('name', 'ok', 'Name', 'Free on this host.');
}

function resolver(host: SimulatedHost): Check {
  const finding = findingsOn(host);
  return host.flaws.has('resolver-slow')
    ? {
        ...finding(
          'name-resolution',
          'warning',
          'Name resolution',
          `${host.name} takes 10 s to look up its own name, and every start of a machine waits for that.`,
          'Add the name to /etc/hosts.',
        ),
        fix: 'hosts-entry',
      }
    : finding('name-resolution', 'ok', 'Name resolution', 'The host knows its own name at once.');
}

function findingsOn(host: SimulatedHost) {
  return (id: string, state: Check['state'], title: string, message: string, next = ''): Check => ({
    id,
    state,
    host: host.name,
    title,
    message,
    next,
  });
}

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const gib = (bytes: number): string => `${(bytes / GIB).toFixed(bytes < 10 * GIB ? 1 : 0)} GiB`;
