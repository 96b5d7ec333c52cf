import type { Problem } from '../../../agent/protocol/index.ts';
import type { SshTarget } from './types.ts';

export const agentMissing = (target: SshTarget): Problem => ({
  kind: 'agent-missing',
  message: `The agent on ${target.name} does not answer: it is not installed or not running.`,
  next: 'Look at it on that host with "systemctl status understudy-agent", or add the host again to install it anew.',
});

export const agentSilent = (target: SshTarget): Problem => ({
  kind: 'agent-silent',
  message: `The agent on ${target.name} runs but no longer answers.`,
  next: 'Look at it on that host with "journalctl -u understudy-agent".',
});

export const agentTooOld = (target: SshTarget, version: string): Problem => ({
  kind: 'agent-too-old',
  message: `The agent on ${target.name} is version ${version}, too old for this console.`,
  next: 'Connect again to let this console replace it; the machines there go on running meanwhile.',
  details: { version },
});

export const consoleTooOld = (target: SshTarget, version: string): Problem => ({
  kind: 'console-too-old',
  message: `The agent on ${target.name} is version ${version}, newer than this console understands.`,
  next: 'Update this console.',
});

export const loginNeeded = (name: string): Problem => ({
  kind: 'login-needed',
  message: `The log-in for ${name} is no longer known to this console.`,
  next: 'Enter the password or passphrase again.',
});

export const hostOffline = (name: string): Problem => ({
  kind: 'host-offline',
  message: `${name} is not connected.`,
  next: 'Wait until the connection is back, or look at why it is gone on the host’s page.',
});
