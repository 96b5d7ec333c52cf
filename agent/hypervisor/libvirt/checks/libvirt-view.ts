import type { Outcome } from '../failure.ts';
import {
  connectCompareHypervisorCpu,
  connectGetDomainCapabilities,
  connectListAllNetworks,
  connectListAllNwfilters,
  domainHasManagedSaveImage,
  domainLookupByUuid,
  domainSnapshotNum,
  networkGetXmlDesc,
} from '../procedures.ts';
import type { Session } from '../session.ts';
import type { Procedure } from '../types.ts';

/** What kind of machine is asked about. */
export interface Platform {
  emulator: string | null;
  arch: string;
  machine: string;
  virtType: string;
}

/** libvirt as the preflight asks it; nothing here waits for a guest. */
export interface LibvirtView {
  hasManagedSave(uuid: string): Promise<boolean>;
  snapshotCount(uuid: string): Promise<number>;
  networks(which: 'active' | 'all'): Promise<string[]>;
  /** How a network reaches the world: nat, route, open, bridge, ...; `isolated` when not at all, '' when unknown. */
  networkMode(name: string): Promise<string>;
  /** Names of the packet filters defined here. */
  filters(): Promise<string[]>;
  /** XML of what that platform offers; refused when it is not to be had. */
  capabilities(platform: Platform): Promise<Outcome<string>>;
  /** virCPUCompareResult: 0 incompatible, 1 identical, 2 superset. */
  compareCpu(platform: Platform, cpuXml: string): Promise<Outcome<number>>;
}

/** VIR_CONNECT_LIST_NETWORKS_ACTIVE. */
const NETWORKS_ACTIVE = 2;

export function libvirtView(session: Session): LibvirtView {
  const ofDomain = async <R>(
    procedure: Procedure<{ dom: { name: string; uuid: string; id: number }; flags: number }, R>,
    uuid: string,
    otherwise: R,
  ): Promise<R> => {
    const dom = await session.call(domainLookupByUuid, { uuid });
    if (!dom.ok) return otherwise;
    const answer = await session.call(procedure, { dom: dom.value, flags: 0 });
    return answer.ok ? answer.value : otherwise;
  };
  return {
    hasManagedSave: (uuid) => ofDomain(domainHasManagedSaveImage, uuid, false),
    snapshotCount: (uuid) => ofDomain(domainSnapshotNum, uuid, 0),
    networks: async (which) => {
      const listed = await session.call(connectListAllNetworks, {
        flags: which === 'active' ? NETWORKS_ACTIVE : 0,
      });
      return listed.ok ? listed.value.map((network) => network.name) : [];
    },
    networkMode: async (name) => {
      const listed = await session.call(connectListAllNetworks, { flags: 0 });
      const network = listed.ok ? listed.value.find((each) => each.name === name) : undefined;
      const xml = network && (await session.call(networkGetXmlDesc, network));
      return xml?.ok ? forwardMode(xml.value) : '';
    },
    filters: async () => {
      const listed = await session.call(connectListAllNwfilters, undefined);
      return listed.ok ? listed.value.map((filter) => filter.name) : [];
    },
    capabilities: (platform) => session.call(connectGetDomainCapabilities, platform),
    compareCpu: (platform, cpu) => session.call(connectCompareHypervisorCpu, { ...platform, cpu }),
  };
}

/** https://libvirt.org/formatnetwork.html: without `<forward>` isolated, without `mode` NAT. */
export function forwardMode(xml: string): string {
  const [, attributes] = /<forward\b([^>]*)>/.exec(xml) ?? [];
  if (attributes === undefined) return 'isolated';
  return /\bmode=['"]([\w-]+)['"]/.exec(attributes)?.[1] ?? 'nat';
}
