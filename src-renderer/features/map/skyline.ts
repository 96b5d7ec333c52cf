import type { FleetSnapshot, HostView } from '../../../src-main/contract/index.ts';
import { isDown } from '../../../src-main/contract/what-if.ts';
import { share } from '../../lib/format.ts';
import { hypervisorsOf, inOrder, type Tally, tallies } from './fleet-index.ts';

/** One host, as a bar among all. */
export interface SkyHost {
  host: HostView;
  tally: Tally;
  /** Memory in use, 0..1; null: not known. */
  memory: number | null;
  lost: boolean;
}
export interface SkySite {
  site: string;
  hosts: SkyHost[];
}

/** All hosts by site, in the order of the picture. */
export function skyline(fleet: FleetSnapshot): SkySite[] {
  const counts = tallies(fleet);
  const sites: SkySite[] = [];
  for (const host of inOrder(hypervisorsOf(fleet))) {
    const last = sites.at(-1);
    const site = last?.site === host.site ? last : { site: host.site, hosts: [] };
    if (site !== last) sites.push(site);
    site.hosts.push({
      host,
      tally: counts.get(host.id) ?? { runs: 0, standbys: 0, votes: 0, troubled: 0 },
      memory: host.load ? share(host.load.memoryUsedBytes, host.load.memoryBytes) : null,
      lost: isDown(host),
    });
  }
  return sites;
}
