import type { Problem } from '../../../agent/protocol/index.ts';

export const commandFailed = (host: string, what: string, said: string): Problem => ({
  kind: 'command-failed',
  message: `${host} could not ${what}${said === '' ? '' : `: ${said}`}.`,
  next: 'Mend what it says on that host, then try again: every step may be repeated.',
});

export const hostDiskFull = (host: string, folder: string): Problem => ({
  kind: 'disk-full',
  message: `The disk of ${host} is full: there is no room in ${folder} for the agent.`,
  next: 'Free about 250 MB there, then try again; what was installed before still runs.',
});

export const damagedUpload = (host: string): Problem => ({
  kind: 'damaged-upload',
  message: `What arrived on ${host} is not what was sent: its checksum differs.`,
  next: 'Try again; nothing was replaced.',
});

export const noAssets = (reason: string): Problem => ({
  kind: 'agent-not-built',
  message: `The agent that would be installed is not part of this console: ${reason}.`,
  next: 'Install the console anew, or build the agent first: npm run build.',
});

export const noRuntime = (host: string, machine: string): Problem => ({
  kind: 'no-runtime',
  message: `This console brings no Node.js for the processor of ${host} (${machine}).`,
  next: 'Install Node.js 18 or newer on that host, then try again.',
});

export const agentDidNotStart = (host: string, said: string): Problem => ({
  kind: 'agent-did-not-start',
  message: `The agent was installed on ${host} but does not start${said === '' ? '' : `: ${said}`}.`,
  next: 'Look at "journalctl -u understudy-agent" on that host, then try again.',
});

export const otherVersionRuns = (host: string, version: string): Problem => ({
  kind: 'agent-did-not-start',
  message: `On ${host} an agent of version ${version} still answers, not the one just installed.`,
  next: 'Restart it there with "systemctl restart understudy-agent", then try again.',
});

export const unknownFix = (fix: string): Problem => ({
  kind: 'unknown-fix',
  message: `This console knows no fix named "${fix}".`,
  next: 'Look at the checks again.',
});

export const agentNotUpdated = (host: string, version: string, problem: Problem): Problem => ({
  kind: 'agent-not-updated',
  message: `The agent on ${host} (version ${version}) is older than this console and could not be replaced. ${problem.message}`,
  next: problem.next,
});
