import { isIPv4 } from 'node:net';
import { ok, type Result } from '../../protocol/index.ts';
import type { TrialCopy } from '../stage.ts';
import type { Commands } from './commands.ts';

/** ip-netns(8) names it; it lies at /run/netns. */
export const namespaceOf = (copy: TrialCopy): string => `understudy-drill-${copy.tag}`;
/** At most 15 bytes (IFNAMSIZ). */
export const tapOf = (copy: TrialCopy, card: number): string => `ud${copy.tag}n${card}`;
/**
 * What enters a trial's network does so by nsenter: `ip -n` and `ip netns exec` also part with the host's file systems, which
 * the agent's unit does not allow it.
 */
export const entering = (copy: TrialCopy): string[] => [
  'nsenter',
  `--net=/run/netns/${namespaceOf(copy)}`,
  '--',
];
const inside = (copy: TrialCopy, ...args: string[]): string[] => [...entering(copy), 'ip', ...args];
const bridgeOf = (card: number): string => `net${card}`;

/**
 * The network of a copy on trial is a network namespace of its own with one bridge for each of its network cards. The
 * cards' host ends are moved into it before the guest's first instruction, so nothing of it has ever been on the host's
 * network: no bridge there, no address, no route, nothing to forward and no packet filter to trust. The check runs inside
 * too, so the copy keeps its address.
 */
export class TrialNetwork {
  readonly #commands: Commands;

  constructor(commands: Commands) {
    this.#commands = commands;
  }

  /** `addresses`: where the copy will be; the check gets a neighbour's address on the first card's bridge. */
  async build(copy: TrialCopy, cards: number, addresses: string[]): Promise<Result<void>> {
    const cleared = await this.clear(copy);
    if (!cleared.ok) return cleared;
    const made = await this.#all([['ip', 'netns', 'add', namespaceOf(copy)]]);
    if (!made.ok) return made;
    const orders = [inside(copy, 'link', 'set', 'lo', 'up')];
    for (let card = 0; card < cards; card += 1) {
      orders.push(inside(copy, 'link', 'add', bridgeOf(card), 'type', 'bridge', 'forward_delay', '0'));
      orders.push(inside(copy, 'link', 'set', bridgeOf(card), 'up'));
    }
    for (const address of cards > 0 ? addresses.filter(isIPv4) : []) {
      orders.push(inside(copy, 'address', 'replace', `${neighbourOf(address)}/32`, 'dev', bridgeOf(0)));
      orders.push(
        inside(copy, 'route', 'replace', `${address}/32`, 'dev', bridgeOf(0), 'src', neighbourOf(address)),
      );
    }
    return this.#all(orders);
  }

  /** The cards, which the hypervisor made on the host, go inside: out of every reach of the host's network. */
  async enclose(copy: TrialCopy, cards: number): Promise<Result<void>> {
    const orders: string[][] = [];
    for (let card = 0; card < cards; card += 1) {
      const tap = tapOf(copy, card);
      orders.push(['ip', 'link', 'set', tap, 'netns', namespaceOf(copy)]);
      orders.push(inside(copy, 'link', 'set', tap, 'master', bridgeOf(card)));
      orders.push(inside(copy, 'link', 'set', tap, 'up'));
    }
    return this.#all(orders);
  }

  async clear(copy: TrialCopy): Promise<Result<void>> {
    const listed = await this.#commands.run('ip', ['netns', 'list']);
    if (!listed.ok) return listed;
    const there = listed.value.split('\n').some((line) => line.split(' ')[0] === namespaceOf(copy));
    return there ? this.#all([['ip', 'netns', 'delete', namespaceOf(copy)]]) : ok(undefined);
  }

  async #all(orders: string[][]): Promise<Result<void>> {
    for (const [program = '', ...args] of orders) {
      const done = await this.#commands.run(program, args);
      if (!done.ok) return done;
    }
    return ok(undefined);
  }
}

/**
 * An address that the copy takes for one on its own link whatever the length of its prefix (up to /30): the other one of the
 * same pair, or, where that would be a network's first or last, the one two further.
 */
export function neighbourOf(address: string): string {
  const parts = address.split('.').map(Number);
  const last = parts[3] ?? 0;
  const other = last ^ 1;
  const end = other === 0 || other === 255 ? last ^ 3 : other;
  return [...parts.slice(0, 3), end].join('.');
}
