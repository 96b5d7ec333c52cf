import { describe, expect, it } from 'vitest';
import { KeychainSecretStore } from './keychain.ts';
import { MemorySecretStore } from './secret-store.ts';

/** Not secret at all, but not the plain text either. */
const cipher = {
  encrypt: async (plain: string) => Buffer.from(plain).reverse(),
  decrypt: async (blob: Uint8Array) => Buffer.from(blob).reverse().toString(),
};

function blobs() {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    get: (name: string) => kept.get(name) ?? null,
    put: (name: string, blob: Uint8Array) => void kept.set(name, blob),
    delete: (name: string) => void kept.delete(name),
  };
}

describe.each([
  ['memory', () => new MemorySecretStore('no keychain here')],
  ['keychain', () => new KeychainSecretStore(cipher, blobs(), 'spec')],
])('secrets in %s', (kind, open) => {
  it('are kept by name until deleted', async () => {
    const store = open();
    expect(store.kind).toBe(kind);
    expect(await store.get('a')).toBeNull();
    await store.set('a', 'geheim é');
    await store.set('b', 'other');
    expect(await store.get('a')).toBe('geheim é');
    await store.delete('a');
    expect(await store.get('a')).toBeNull();
    expect(await store.get('b')).toBe('other');
  });
});

describe('the keychain', () => {
  it('keeps ciphertext only', async () => {
    const store = blobs();
    await new KeychainSecretStore(cipher, store, 'spec').set('a', 'geheim');
    expect(Buffer.concat([...store.kept.values()]).toString()).not.toContain('geheim');
  });

  it('counts what it can no longer decrypt as not there', async () => {
    const broken = { ...cipher, decrypt: async () => Promise.reject(new Error('another keyring')) };
    const store = new KeychainSecretStore(broken, blobs(), 'spec');
    await store.set('a', 'geheim');
    expect(await store.get('a')).toBeNull();
  });
});
