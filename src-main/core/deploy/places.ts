/** Where things lie on a host. */
export const FOLDER = '/opt/understudy';
/** On the same file system as FOLDER, so that the last step is a rename. */
export const STAGING = `${FOLDER}/.staging`;
export const UNIT_FOLDER = '/etc/systemd/system';
export const STATE_FOLDER = '/var/lib/understudy';
export const RUN_FOLDER = '/run/understudy';
export const SOCKET = `${RUN_FOLDER}/agent.sock`;
export const AGENT_UNIT = 'understudy-agent.service';
export const GUARD = `${FOLDER}/guard`;
export const GUARD_UNIT = 'understudy-guard.service';
/** libvirt runs every script in there (since 6.5). */
export const HOOK_FOLDER = '/etc/libvirt/hooks/qemu.d';
export const HOOK = `${HOOK_FOLDER}/understudy`;
/** Its members may speak to the agent's socket. */
export const GROUP = 'understudy';
