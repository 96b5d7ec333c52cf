import type { Login } from '../../contract/index.ts';
import type { HostTarget } from '../fleet/host-link.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { HostRecord, LoginMethod } from '../storage/host-table.ts';

/** Log-ins of the hosts: the method in the database, its secret in the secret store. */
export class HostLogins {
  readonly #secrets: SecretStore;

  constructor(secrets: SecretStore) {
    this.#secrets = secrets;
  }

  async keep(hostId: string, login: Login, sudoPassword: string | null): Promise<void> {
    await this.#put(loginName(hostId), secretOf(login));
    await this.#put(sudoName(hostId), sudoPassword);
  }

  async forget(hostId: string): Promise<void> {
    await this.#put(loginName(hostId), null);
    await this.#put(sudoName(hostId), null);
  }

  /** Null when its secret is no longer known: kept in memory only, and the console was restarted. */
  async login(host: HostRecord): Promise<Login | null> {
    const secret = await this.#secrets.get(loginName(host.id));
    switch (host.login.method) {
      case 'agent':
        return { method: 'agent' };
      case 'key':
        return { ...host.login, ...(secret === null ? {} : { passphrase: secret }) };
      case 'password':
        return secret === null ? null : { method: 'password', password: secret };
    }
  }

  /** Everything secret that is known of these hosts; to be taken out of what is given away. */
  async known(hosts: readonly HostRecord[]): Promise<string[]> {
    const names = hosts.flatMap(({ id }) => [loginName(id), sudoName(id)]);
    const values = await Promise.all(names.map((name) => this.#secrets.get(name)));
    return values.filter((value): value is string => value !== null);
  }

  sudoPassword(hostId: string): Promise<string | null> {
    return this.#secrets.get(sudoName(hostId));
  }

  async target(host: HostRecord): Promise<HostTarget> {
    const { id: hostId, name, address, port, user } = host;
    const [login, sudoPassword] = await Promise.all([this.login(host), this.sudoPassword(hostId)]);
    return { hostId, name, address, port, user, login, sudoPassword, fingerprint: null };
  }

  async #put(name: string, value: string | null): Promise<void> {
    if (value === null) await this.#secrets.delete(name);
    else await this.#secrets.set(name, value);
  }
}

/** What may be written down of a log-in. */
export function methodOf(login: Login): LoginMethod {
  return login.method === 'key' ? { method: 'key', path: login.path } : { method: login.method };
}

function secretOf(login: Login): string | null {
  if (login.method === 'password') return login.password;
  return login.method === 'key' ? (login.passphrase ?? null) : null;
}

const loginName = (hostId: string): string => `host/${hostId}/login`;
const sudoName = (hostId: string): string => `host/${hostId}/sudo`;
