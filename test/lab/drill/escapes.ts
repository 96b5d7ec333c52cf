import { portOf } from '../network.ts';
import { must } from '../run.ts';
import type { Lab } from '../running-lab.ts';

/**
 * Counts what leaves a drill's network, everywhere outside of it: on the standby itself, whatever comes from a trial's network
 * card into the host's own network, and whatever carries the machine's hardware address; and on the lab's wire, whatever
 * carries that address and comes from the standby, while the machine runs on the other host.
 */
export class Escapes {
  readonly #lab: Lab;
  readonly #host: string;

  private constructor(lab: Lab, host: string) {
    this.#lab = lab;
    this.#host = host;
  }

  static async watch(lab: Lab, host: string, mac: string): Promise<Escapes> {
    const onHost = [
      'table inet drillcount {}',
      'delete table inet drillcount',
      'table inet drillcount { chain pre { type filter hook prerouting priority -300;',
      'iifname "ud*" counter',
      '}',
      '}',
      'table arp drillcount {}',
      'delete table arp drillcount',
      'table arp drillcount { chain in { type filter hook input priority -300;',
      'iifname "ud*" counter',
      '}',
      '}',
      'table bridge drillcount {}',
      'delete table bridge drillcount',
      'table bridge drillcount { chain pre { type filter hook prerouting priority -300;',
      `iifname != "host0" ether saddr ${mac} counter`,
      'iifname "ud*" counter',
      '}',
      '}',
    ];
    const onWire = [
      'table bridge drillcount {}',
      'delete table bridge drillcount',
      'table bridge drillcount { chain pre { type filter hook prerouting priority -300;',
      `iifname "${portOf(host)}" ether saddr ${mac} counter`,
      '}',
      '}',
    ];
    const written = await lab.exec(host, ['nft', '-f', '-'], { input: `${onHost.join('\n')}\n` });
    if (written.code !== 0) throw new Error(`counters on ${host}: ${written.stderr}`);
    await must(lab.inNamespace(['nft', '-f', '-']), { input: `${onWire.join('\n')}\n` });
    return new Escapes(lab, host);
  }

  /** Packets counted since the watch began. */
  async count(): Promise<number> {
    const listed = await this.#lab.exec(this.#host, ['nft', 'list', 'ruleset']);
    if (listed.code !== 0) throw new Error(`counters on ${this.#host}: ${listed.stderr}`);
    const wire = await must(this.#lab.inNamespace(['nft', 'list', 'table', 'bridge', 'drillcount']));
    const tables = listed.stdout.split(/^(?=table )/m).filter((table) => table.includes('drillcount'));
    return [...tables, wire].reduce((sum, table) => sum + packetsIn(table), 0);
  }
}

const packetsIn = (table: string): number =>
  [...table.matchAll(/counter packets (\d+)/g)].reduce((sum, [, packets]) => sum + Number(packets), 0);
