import type { Problem } from '../../protocol/index.ts';

export const hostOff = (host: string): Problem => ({
  kind: 'host-off',
  message: `${host} lost its power.`,
  next: 'Switch it on again, then look at its machines.',
});

export const vmMissing = (uuid: string, host: string): Problem => ({
  kind: 'vm-missing',
  message: `No machine with the UUID ${uuid} is defined on ${host}.`,
  next: 'Look at the list of machines again; it may have been removed or moved.',
});

export const vmNotRunning = (name: string, host: string): Problem => ({
  kind: 'vm-not-running',
  message: `${name} does not run on ${host}.`,
  next: 'Start the machine first.',
});

export const vmRunning = (name: string, host: string): Problem => ({
  kind: 'vm-running',
  message: `${name} still runs on ${host}.`,
  next: 'Shut it down first.',
});

export const definitionUnreadable = (host: string): Problem => ({
  kind: 'definition-unreadable',
  message: `${host} cannot read the machine's definition.`,
  next: 'Check the definition on the host it comes from.',
});

export const noMemory = (name: string, host: string): Problem => ({
  kind: 'no-memory',
  message: `${host} has not enough free memory to start ${name}.`,
  next: 'Shut down a machine there that is less important, then try again.',
});

export const imageMissing = (name: string, host: string, path: string): Problem => ({
  kind: 'image-missing',
  message: `The disk ${path} of ${name} is missing on ${host}.`,
  next: 'Put the image back, or choose another copy of the machine.',
});

export const imageInUse = (name: string, host: string, path: string): Problem => ({
  kind: 'image-in-use',
  message: `The disk ${path} of ${name} is still open for the copy on ${host}.`,
  next: 'Close the export first.',
});

export const noMonitor = (host: string): Problem => ({
  kind: 'unsupported',
  message: `The simulated hypervisor on ${host} has no QEMU monitor.`,
  next: 'Try this on a real host.',
});

export const fixUnknown = (fix: string, host: string): Problem => ({
  kind: 'fix-unknown',
  message: `${host} knows no fix named ${fix}.`,
  next: 'Run the checks again.',
});
