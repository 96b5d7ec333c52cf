/**
 * Where secrets rest. `keychain`: ciphertext by the operating system's key store. `memory`: nothing is written;
 * gone when the console ends, and `reason` says why.
 */
export interface SecretStore {
  readonly kind: 'keychain' | 'memory';
  readonly reason: string;
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  delete(name: string): Promise<void>;
}

/** Keeps secrets for the life of the process only. */
export class MemorySecretStore implements SecretStore {
  readonly kind = 'memory';
  readonly reason: string;
  readonly #values = new Map<string, string>();

  constructor(reason: string) {
    this.reason = reason;
  }

  async get(name: string): Promise<string | null> {
    return this.#values.get(name) ?? null;
  }

  async set(name: string, value: string): Promise<void> {
    this.#values.set(name, value);
  }

  async delete(name: string): Promise<void> {
    this.#values.delete(name);
  }
}
