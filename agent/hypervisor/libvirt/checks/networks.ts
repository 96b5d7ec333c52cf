import type { Check } from '../../../protocol/index.ts';
import type { Domain } from '../domain-xml.ts';
import { finding, list } from './finding.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView } from './libvirt-view.ts';

/** Networks whose guests only this host reaches by their own addresses. */
const PRIVATE_MODES = ['nat', 'isolated', 'open', 'route'];

/** Does the guest find its networks here, and the same neighbours on them? */
export async function checkNetworks(domain: Domain, host: HostView, libvirt: LibvirtView): Promise<Check[]> {
  const present = await presence(domain, host, libvirt);
  const others = [await filters(domain, host.name(), libvirt)];
  if (present.state === 'ok') others.push(await privacy(domain, host.name(), libvirt));
  return [present, ...others.filter((check) => check !== null)];
}

async function presence(domain: Domain, host: HostView, libvirt: LibvirtView): Promise<Check> {
  const check = finding(host.name(), 'bridges', 'Networks');
  const active = await libvirt.networks('active');
  const missing: string[] = [];
  for (const nic of domain.nics) {
    if (nic.type === 'network' && !active.includes(nic.source)) missing.push(`network "${nic.source}"`);
    if (nic.type !== 'bridge' && nic.type !== 'direct') continue;
    if (await host.exists(`/sys/class/net/${nic.source}`)) continue;
    missing.push(nic.type === 'bridge' ? `bridge ${nic.source}` : `network device ${nic.source}`);
  }
  if (missing.length === 0) {
    const names = [...new Set(domain.nics.map((nic) => nic.source).filter(Boolean))];
    return check.ok(names.length === 0 ? 'It needs none.' : `${list(names)}: present here too.`);
  }
  const [stopped] = (await libvirt.networks('all')).filter((name) => missing.includes(`network "${name}"`));
  return check.failed(
    `${host.name()} has no ${list([...new Set(missing)])}${stopped === undefined ? '' : ' running'}.`,
    stopped === undefined
      ? `Create it on ${host.name()} under the same name, joined to the same network.`
      : `Start it: virsh net-start ${stopped} && virsh net-autostart ${stopped}.`,
  );
}

/** A network of the same name on both hosts is not the same network when each host keeps its own. */
async function privacy(domain: Domain, host: string, libvirt: LibvirtView): Promise<Check | null> {
  for (const nic of domain.nics.filter((each) => each.type === 'network')) {
    const mode = await libvirt.networkMode(nic.source);
    if (!PRIVATE_MODES.includes(mode)) continue;
    return finding(host, 'network-private', 'Same address after a failover').warning(
      `The network "${nic.source}" is private to each host (${mode}): after a failover others may not find the machine at its address.`,
      'Put the machine on a bridge that both hosts share, or have clients reach it through its host.',
    );
  }
  return null;
}

async function filters(domain: Domain, host: string, libvirt: LibvirtView): Promise<Check | null> {
  if (domain.filters.length === 0) return null;
  const known = await libvirt.filters();
  const missing = [...new Set(domain.filters)].filter((name) => !known.includes(name));
  const check = finding(host, 'packet-filters', 'Packet filters');
  if (missing.length === 0) return check.ok(`${list([...new Set(domain.filters)])}: present here too.`);
  return check.failed(
    `${host} has no packet filter ${list(missing)}; the machine cannot start there.`,
    'Copy it: virsh nwfilter-dumpxml on the other host, virsh nwfilter-define here.',
  );
}
