import { fail, ok, type Result } from '../../../agent/protocol/index.ts';
import type { HostKeyOffer } from '../../contract/index.ts';
import { compareCommand } from './fingerprint.ts';
import { type KnownHostEntry, parseKnownHosts } from './known-hosts.ts';
import { hostKeyChanged, hostKeyRevoked, hostKeyUnknown } from './problems.ts';
import type { HostKey, SshTarget } from './types.ts';

/** Where this console remembers the keys a person confirmed. */
export interface HostKeyStore {
  get(address: string, port: number): HostKey | null;
  put(address: string, port: number, key: HostKey): void;
}

/** Keeps nothing beyond the process: for specs and for practice hosts, whose keys are made anew. */
export class MemoryHostKeyStore implements HostKeyStore {
  readonly #keys = new Map<string, HostKey>();

  get(address: string, port: number): HostKey | null {
    return this.#keys.get(`${address} ${port}`) ?? null;
  }

  put(address: string, port: number, key: HostKey): void {
    this.#keys.set(`${address} ${port}`, key);
  }
}

export interface HostKeyJudgement {
  known: 'new' | 'known' | 'changed' | 'revoked';
  /** The fingerprint remembered, when it differs. */
  before: string | null;
  from: 'console' | 'known_hosts' | null;
}

export interface Endpoint {
  address: string;
  port: number;
}

/** Decides whether a server's key is the one it had before. */
export class HostKeys {
  readonly #store: HostKeyStore;
  readonly #readKnownHosts: () => Promise<string>;

  /** `readKnownHosts` gives the text of the person's known_hosts, '' when there is none. */
  constructor(store: HostKeyStore, readKnownHosts: () => Promise<string>) {
    this.#store = store;
    this.#readKnownHosts = readKnownHosts;
  }

  /**
   * `asked` is the address as the person entered it, by which this console remembers; `resolved` is what
   * ~/.ssh/config made of it, by which known_hosts does.
   */
  async forHost(asked: Endpoint, resolved: Endpoint): Promise<HostKeysOfHost> {
    const known = parseKnownHosts(await this.#readKnownHosts());
    const entries = known.lookup(resolved.address, resolved.port);
    return new HostKeysOfHost(asked, this.#store, entries);
  }

  /** The deliberate path: from now on `key` is the host's. A key marked @revoked in known_hosts stays refused. */
  trust(address: string, port: number, key: HostKey): void {
    this.#store.put(address, port, key);
  }
}

/** What is remembered of one address. This console's own memory, confirmed by a person, goes before known_hosts. */
export class HostKeysOfHost {
  readonly #asked: Endpoint;
  readonly #store: HostKeyStore;
  readonly #entries: KnownHostEntry[];

  constructor(asked: Endpoint, store: HostKeyStore, entries: KnownHostEntry[]) {
    this.#asked = asked;
    this.#store = store;
    this.#entries = entries;
  }

  #stored(): HostKey | null {
    return this.#store.get(this.#asked.address, this.#asked.port);
  }

  judge(key: HostKey): HostKeyJudgement {
    const entries = this.#entries;
    if (entries.some((entry) => entry.revoked && entry.fingerprint === key.fingerprint)) {
      return { known: 'revoked', before: null, from: 'known_hosts' };
    }
    const stored = this.#stored();
    if (stored !== null) {
      const same = stored.fingerprint === key.fingerprint;
      return { known: same ? 'known' : 'changed', before: same ? null : stored.fingerprint, from: 'console' };
    }
    const usable = entries.filter((entry) => !entry.revoked);
    if (usable.some((entry) => entry.fingerprint === key.fingerprint)) {
      return { known: 'known', before: null, from: 'known_hosts' };
    }
    const before = usable.find((entry) => entry.algorithm === key.algorithm) ?? usable[0];
    if (before === undefined) return { known: 'new', before: null, from: null };
    return { known: 'changed', before: before.fingerprint, from: 'known_hosts' };
  }

  /** Key types remembered for this address, so that the server shows one that can be compared. */
  rememberedAlgorithms(): string[] {
    const stored = this.#stored();
    if (stored !== null) return [stored.algorithm];
    const entries = this.#entries.filter((entry) => !entry.revoked);
    return [...new Set(entries.map((entry) => entry.algorithm))];
  }

  /**
   * May a log-in go on with this key? `expected` is the fingerprint a person compared and accepted: only that one
   * passes, and it is remembered. Without it only a key known from before passes.
   */
  admit(target: SshTarget, key: HostKey, expected: string | null): Result<void> {
    const judgement = this.judge(key);
    if (judgement.known === 'revoked') return fail(hostKeyRevoked(target, key));
    if (expected === key.fingerprint) {
      this.#store.put(this.#asked.address, this.#asked.port, key);
      return ok(undefined);
    }
    if (expected !== null) return fail(hostKeyChanged(target, key, expected));
    if (judgement.known === 'known') return ok(undefined);
    if (judgement.before === null) return fail(hostKeyUnknown(target, key));
    return fail(hostKeyChanged(target, key, judgement.before));
  }

  offer(key: HostKey): HostKeyOffer {
    const judgement = this.judge(key);
    return {
      algorithm: key.algorithm,
      fingerprint: key.fingerprint,
      known: judgement.known === 'revoked' ? 'changed' : judgement.known,
      before: judgement.before,
      knownFrom: judgement.from,
      compareCommand: compareCommand(key.algorithm),
    };
  }
}
