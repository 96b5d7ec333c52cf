import type { Problem } from '../../../agent/protocol/index.ts';
import { compareCommand } from './fingerprint.ts';
import type { HostKey, SshTarget } from './types.ts';

/** Every expected failure of this room: what happened, naming the host or field, and what to do next. */

const where = (target: SshTarget): string =>
  target.name === target.address ? target.address : `${target.name} (${target.address})`;

export const addressNotFound = (target: SshTarget): Problem => ({
  kind: 'address-not-found',
  message: `No machine is known by the name "${target.address}".`,
  next: 'Check the spelling, or enter the IP address.',
  field: 'address',
});

export const unreachable = (target: SshTarget, reason: string): Problem => ({
  kind: 'unreachable',
  message: `${where(target)} does not answer on port ${target.port}: ${reason}.`,
  next: 'Check that the host is switched on, that the address is right and that no firewall stands between.',
  field: 'address',
});

export const portRefused = (target: SshTarget): Problem => ({
  kind: 'port-refused',
  message: `${where(target)} is there, but nothing listens on port ${target.port}.`,
  next: 'Check the port, or start the SSH server there: systemctl start ssh.',
  field: 'port',
});

export const notSsh = (target: SshTarget): Problem => ({
  kind: 'not-ssh',
  message: `Port ${target.port} of ${where(target)} answers, but not as an SSH server.`,
  next: 'Check the port: SSH usually listens on 22.',
  field: 'port',
});

export const noCommonAlgorithm = (target: SshTarget, detail: string): Problem => ({
  kind: 'no-common-algorithm',
  message: `${where(target)} and this console share no way to encrypt the connection (${detail}).`,
  next: 'Update the SSH server of that host, or take the restriction out of its sshd_config.',
});

export const hostKeyChanged = (target: SshTarget, now: HostKey, before: string): Problem => ({
  kind: 'host-key-changed',
  message: `${where(target)} shows another host key than before. Either its SSH server was set up anew, or another machine answers in its place.`,
  next: `Compare on the host's own console with "${compareCommand(now.algorithm)}"; trust the new key only if it shows ${now.fingerprint}.`,
  details: { before, now: now.fingerprint, algorithm: now.algorithm },
});

export const hostKeyRevoked = (target: SshTarget, now: HostKey): Problem => ({
  kind: 'host-key-revoked',
  message: `The host key of ${where(target)} is marked as revoked in your known_hosts.`,
  next: 'Give the host a new key, or take the @revoked line out of known_hosts if it is there by mistake.',
  details: { now: now.fingerprint, algorithm: now.algorithm },
});

export const hostKeyUnknown = (target: SshTarget, now: HostKey): Problem => ({
  kind: 'host-key-unknown',
  message: `Nobody has confirmed the host key of ${where(target)} yet.`,
  next: `Compare on the host's own console with "${compareCommand(now.algorithm)}" and confirm it if it shows ${now.fingerprint}.`,
  details: { now: now.fingerprint, algorithm: now.algorithm },
});

export const wrongPassword = (target: SshTarget, user: string): Problem => ({
  kind: 'wrong-password',
  message: `${where(target)} does not accept this password for ${user}.`,
  next:
    user === 'root'
      ? 'Check the password; many servers refuse root by password (PermitRootLogin): then use a key or another user.'
      : 'Check the user name and the password.',
  field: 'password',
});

export const wrongPassphrase = (path: string): Problem => ({
  kind: 'wrong-passphrase',
  message: `The passphrase does not open the key file ${path}.`,
  next: 'Enter the passphrase again.',
  field: 'passphrase',
});

export const passphraseNeeded = (path: string): Problem => ({
  kind: 'passphrase-needed',
  message: `The key file ${path} is protected by a passphrase.`,
  next: 'Enter its passphrase.',
  field: 'passphrase',
});

export const keyUnreadable = (path: string, reason: string): Problem => ({
  kind: 'key-unreadable',
  message: `The key file ${path} cannot be read: ${reason}.`,
  next: 'Choose a private key file that your user may read.',
  field: 'keyPath',
});

export const keyFormat = (path: string, what: string, next: string): Problem => ({
  kind: 'key-format',
  message: `The file ${path} ${what}.`,
  next,
  field: 'keyPath',
});

export const agentMissing = (): Problem => ({
  kind: 'ssh-agent-missing',
  message: 'No SSH agent runs on this workstation.',
  next: 'Start one (on Linux: eval "$(ssh-agent)" and ssh-add), or log in by key file or password.',
  field: 'method',
});

export const agentEmpty = (): Problem => ({
  kind: 'agent-empty',
  message: 'The SSH agent on this workstation holds no key.',
  next: 'Add one with ssh-add, or log in by key file or password.',
  field: 'method',
});

const METHOD_NAMES: Record<string, string> = {
  publickey: 'key',
  password: 'password',
  'keyboard-interactive': 'keyboard-interactive',
  'gssapi-with-mic': 'Kerberos',
  hostbased: 'host',
};

export function methodNames(methods: readonly string[]): string {
  return methods.map((method) => METHOD_NAMES[method] ?? method).join(', ') || 'nothing it names';
}

/** `tried`: "the key ~/.ssh/id_ed25519", "a password". */
export const authRefused = (
  target: SshTarget,
  user: string,
  tried: string,
  accepts: readonly string[],
  field: string,
): Problem => ({
  kind: 'auth-refused',
  message: `${where(target)} does not let ${user} in with ${tried}. It accepts: ${methodNames(accepts)}.`,
  next: accepts.includes('publickey')
    ? `Check the user name, and that the public key stands in ~${user}/.ssh/authorized_keys on that host; or choose another way to log in.`
    : 'Choose a way to log in that the host accepts.',
  field,
  details: { accepts: accepts.join(', ') },
});

export const secondFactor = (target: SshTarget, user: string, wants: readonly string[]): Problem => ({
  kind: 'second-factor',
  message: `${where(target)} wants a second proof of who ${user} is: ${methodNames(wants)}.`,
  next: 'Use a user for whom the key alone is enough (sshd_config: Match User … AuthenticationMethods publickey).',
  details: { accepts: wants.join(', ') },
});

export const jumpNotSupported = (target: SshTarget, jump: string): Problem => ({
  kind: 'jump-not-supported',
  message: `Your SSH configuration reaches ${where(target)} through ${jump}; this console cannot do that yet.`,
  next: 'Enter an address of the host that this workstation reaches directly, by VPN for instance.',
  field: 'address',
});

export const connectionLost = (target: SshTarget, reason: string): Problem => ({
  kind: 'connection-lost',
  message: `The connection to ${where(target)} is lost: ${reason}.`,
  next: 'Check that the host runs and that the network between is up.',
});

export const closedHere = (target: SshTarget): Problem => ({
  kind: 'closed',
  message: `The connection to ${where(target)} was closed by this console.`,
  next: 'Connect again.',
});

export const commandTimeout = (target: SshTarget, seconds: number): Problem => ({
  kind: 'command-timeout',
  message: `${where(target)} did not finish a command within ${seconds} s.`,
  next: 'Look at the load of the host, then try again.',
});

export const outputTooLong = (target: SshTarget): Problem => ({
  kind: 'output-too-long',
  message: `${where(target)} answered a command with far more text than expected.`,
  next: "Check what the user's shell start-up files print, then try again.",
});

export const cancelled = (): Problem => ({
  kind: 'cancelled',
  message: 'It was cancelled.',
  next: 'Start it again when you want it.',
});

export const sudoPasswordNeeded = (target: SshTarget, user: string): Problem => ({
  kind: 'sudo-password-needed',
  message: `${user} needs a password for sudo on ${where(target)}.`,
  next: 'Enter the sudo password.',
  field: 'sudoPassword',
});

export const wrongSudoPassword = (target: SshTarget, user: string): Problem => ({
  kind: 'wrong-sudo-password',
  message: `sudo on ${where(target)} does not accept this password for ${user}.`,
  next: 'Enter the sudo password again; nothing was changed.',
  field: 'sudoPassword',
});

export const noSudo = (target: SshTarget, user: string, said: string): Problem => ({
  kind: 'no-root-no-sudo',
  message: `${user} is not root on ${where(target)} and cannot become root by sudo${said === '' ? '' : ` (${said})`}.`,
  next: `Log in as root, or let ${user} use sudo: usermod -aG sudo ${user}.`,
  field: 'user',
});

export const channelRefused = (target: SshTarget, what: string, said: string): Problem => ({
  kind: 'channel-refused',
  message: `${where(target)} refuses ${what}${said === '' ? '' : ` (${said})`}.`,
  next: 'Look at the restrictions in its sshd_config (ForceCommand, Subsystem sftp, MaxSessions).',
});

export const forwardingRefused = (target: SshTarget): Problem => ({
  kind: 'forwarding-refused',
  message: `The SSH server of ${where(target)} forbids forwarding to unix sockets.`,
  next: 'Set "AllowStreamLocalForwarding yes" in its sshd_config (DisableForwarding must be off), then: systemctl reload ssh.',
});

export const socketUnavailable = (target: SshTarget, path: string): Problem => ({
  kind: 'socket-unavailable',
  message: `Nothing answers on ${path} of ${where(target)}.`,
  next: 'Look at the service on that host: systemctl status understudy-agent.',
});

export const uploadFailed = (target: SshTarget, path: string, reason: string): Problem => ({
  kind: 'upload-failed',
  message: `${path} could not be written on ${where(target)}: ${reason}.`,
  next: 'Try again; what was there before is untouched.',
});

export const diskFull = (target: SshTarget, path: string): Problem => ({
  kind: 'disk-full',
  message: `The disk of ${where(target)} is full: ${path} could not be written.`,
  next: 'Make room there, then try again; what was there before is untouched.',
});
