import type { SecretStore } from './secret-store.ts';

/** The operating system's encryption (Electron safeStorage lives in another process, hence the promises). */
export interface Cipher {
  encrypt(plain: string): Promise<Uint8Array>;
  /** Rejects when the key store changed or the ciphertext is damaged. */
  decrypt(cipher: Uint8Array): Promise<string>;
}

/** Keeps ciphertext, by name. */
export interface BlobStore {
  get(name: string): Uint8Array | null;
  put(name: string, blob: Uint8Array): void;
  delete(name: string): void;
}

/** Secrets as ciphertext of the system's key store; the plain text is never written. */
export class KeychainSecretStore implements SecretStore {
  readonly kind = 'keychain';
  readonly reason: string;
  readonly #cipher: Cipher;
  readonly #blobs: BlobStore;

  /** `reason` names the key store in use, for the settings page. */
  constructor(cipher: Cipher, blobs: BlobStore, reason: string) {
    this.#cipher = cipher;
    this.#blobs = blobs;
    this.reason = reason;
  }

  /** A secret that cannot be decrypted any more (new machine, new login keyring) counts as not there. */
  async get(name: string): Promise<string | null> {
    const blob = this.#blobs.get(name);
    if (blob === null) return null;
    try {
      return await this.#cipher.decrypt(blob);
    } catch {
      return null;
    }
  }

  async set(name: string, value: string): Promise<void> {
    this.#blobs.put(name, await this.#cipher.encrypt(value));
  }

  async delete(name: string): Promise<void> {
    this.#blobs.delete(name);
  }
}
