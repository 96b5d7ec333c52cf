import { fail, ok, type Result } from '../../../protocol/index.ts';
import { guestsSettings, listsName, setting } from './daemons.ts';
import type { HostView } from './host-view.ts';

/** `uuid`: the machine it is about. */
export type Fix = (host: HostView, uuid: string) => Promise<Result<void>>;

const MARK = '# set by Understudy';

/** What the checks offer to mend, by the id they give. */
export const fixes: Record<string, Fix> = {
  'own-name-in-hosts': ownNameInHosts,
  'keep-libvirtd-running': keepLibvirtdRunning,
  'libvirt-guests-ignore': libvirtGuestsIgnore,
  'discard-saved-memory': discardSavedMemory,
};

/** Debian's own convention: 127.0.1.1 for a host without a fixed address (Debian Reference, 5.1.1). */
async function ownNameInHosts(host: HostView): Promise<Result<void>> {
  const path = '/etc/hosts';
  const name = host.name();
  const before = (await host.readText(path)) ?? '';
  if (listsName(before, name)) return ok(undefined);
  return write(host, path, `${withNewline(before)}127.0.1.1 ${name} ${MARK}\n`);
}

async function keepLibvirtdRunning(host: HostView): Promise<Result<void>> {
  const written = await assign(host, '/etc/default/libvirtd', { LIBVIRTD_ARGS: '' });
  if (!written.ok) return written;
  // Guests are no children of libvirtd's unit (KillMode=process): they run on.
  const enabled = await command(host, 'systemctl', ['enable', 'libvirtd.service']);
  if (!enabled.ok) return enabled;
  return command(host, 'systemctl', ['restart', 'libvirtd.service']);
}

async function libvirtGuestsIgnore(host: HostView): Promise<Result<void>> {
  return assign(host, await guestsSettings(host), { ON_BOOT: 'ignore', ON_SHUTDOWN: 'shutdown' });
}

function discardSavedMemory(host: HostView, uuid: string): Promise<Result<void>> {
  return command(host, 'virsh', ['-c', 'qemu:///system', 'managedsave-remove', uuid]);
}

/**
 * Sets variables in a settings file; earlier assignments are commented out, the rest stays.
 * The mark has a line of its own: systemd takes text behind a value for part of it (systemd.exec(5), EnvironmentFile).
 */
async function assign(host: HostView, path: string, values: Record<string, string>): Promise<Result<void>> {
  let text = (await host.readText(path)) ?? '';
  for (const [name, value] of Object.entries(values)) {
    if (setting(text, name) === value) continue;
    text = text.replace(new RegExp(`^(\\s*${name}=.*)$`, 'gm'), '#$1');
    text = `${withNewline(text)}${MARK}\n${name}="${value}"\n`;
  }
  return write(host, path, text);
}

async function write(host: HostView, path: string, text: string): Promise<Result<void>> {
  try {
    await host.writeText(path, text);
    return ok(undefined);
  } catch (error) {
    return fail({
      kind: 'fix-failed',
      message: `${path} on ${host.name()} could not be written: ${error instanceof Error ? error.message : String(error)}.`,
      next: 'Make the change by hand, as the check describes it.',
    });
  }
}

async function command(host: HostView, file: string, args: string[]): Promise<Result<void>> {
  const { code, output } = await host.run(file, args);
  if (code === 0) return ok(undefined);
  return fail({
    kind: 'fix-failed',
    message: `"${[file, ...args].join(' ')}" failed on ${host.name()}.`,
    next: 'Run it by hand and mend what it complains of.',
    details: { code: String(code), output: output.slice(-2000) },
  });
}

const withNewline = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`);
