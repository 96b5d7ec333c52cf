import type { HostView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { type HostDialog, to } from '../../lib/router.ts';
import type { Entry } from './entry.ts';

const words = m.palette;

/** Its page. */
export function hostEntry(host: HostView): Entry {
  return { href: to.host(host.id), label: host.name, kind: words.kinds.host, detail: host.site };
}

/** Everything that can be done with it. */
export function hostActions(host: HostView): Entry[] {
  const online = host.connection.state === 'online';
  const dialog = (which: HostDialog, label: string, reason: string | null = null): Entry => ({
    href: to.host(host.id, which),
    label,
    kind: words.kinds.action,
    detail: host.site,
    words: words.also[which] ?? '',
    reason,
  });
  const hypervisor = host.role === 'hypervisor';
  return [
    ...(online ? [] : [reconnect(host), dialog('login', m.hosts.login.title(host.name))]),
    ...(changedKey(host) ? [dialog('key', words.key(host.name))] : []),
    ...(hypervisor
      ? [
          dialog('away', m.evacuation.away.title(host.name)),
          dialog('home', m.evacuation.home.title(host.name)),
          dialog('maintenance', m.automation.maintenance.title(host.name)),
        ]
      : []),
    ...(host.guard?.unclaimed ?? []).map(({ name }) => ({
      ...hostEntry(host),
      label: m.hosts.guard.letGo.open(name),
      kind: words.kinds.action,
    })),
    ...(host.facts?.copyLimit ? [dialog('limits', m.limits.title(host.name))] : []),
    { ...hostEntry(host), href: to.whatIf([host.id]), label: words.whatIf(host.name) },
    dialog('rename', m.hosts.renameTitle(host.name), online ? null : m.hosts.renameOffline(host.name)),
    dialog('remove', words.removeHost(host.name)),
  ];
}

const changedKey = ({ connection }: HostView): boolean =>
  connection.state === 'offline' && connection.problem.kind === 'host-key-changed';

const reconnect = (host: HostView): Entry => ({
  href: to.host(host.id),
  order: { do: 'reconnect', hostId: host.id },
  label: words.reconnect(host.name),
  kind: words.kinds.action,
  detail: host.site,
});
