import { describe, expect, it } from 'vitest';
import {
  emptyForm,
  loginOf,
  placeProblem,
  portOf,
  splitAddress,
  validate,
  withDefaults,
} from './add-host-form.ts';

const form = (over = {}) => ({ ...emptyForm(), address: 'atlas', password: 'x', ...over });

describe('what a person types to add a host', () => {
  it('is taken apart when user and port are typed with the address', () => {
    expect(splitAddress(form({ address: ' admin@atlas.example:2222 ' }))).toMatchObject({
      address: 'atlas.example',
      user: 'admin',
      port: '2222',
    });
    expect(splitAddress(form({ address: '[2001:db8::1]:22' }))).toMatchObject({ address: '2001:db8::1' });
    expect(splitAddress(form({ address: '2001:db8::1' }))).toMatchObject({
      address: '2001:db8::1',
      port: '22',
    });
  });

  it('gets its message at the field', () => {
    expect(Object.keys(validate(form()))).toEqual([]);
    expect(Object.keys(validate(form({ address: '', port: '70000', user: ' ', password: '' })))).toEqual([
      'address',
      'port',
      'user',
      'password',
    ]);
    expect(Object.keys(validate(form({ method: 'key', keyPath: '' })))).toEqual(['keyPath']);
    expect(Object.keys(validate(form({ method: 'same', user: '', password: '' })))).toEqual([]);
  });

  it('accepts ports that are ports', () => {
    expect(['22', ' 2222 ', '0', '65536', '2e3', ''].map((port) => portOf(form({ port })))).toEqual([
      22,
      2222,
      null,
      null,
      null,
      null,
    ]);
  });

  it('becomes a log-in, or none when an earlier one is used again', () => {
    expect(loginOf(form())).toEqual({ method: 'password', password: 'x' });
    expect(loginOf(form({ method: 'key', keyPath: ' /k ', passphrase: '' }))).toEqual({
      method: 'key',
      path: '/k',
    });
    expect(loginOf(form({ method: 'same' }))).toBeNull();
  });

  it('starts from what was entered for the host before', () => {
    const defaults = {
      user: 'admin',
      port: 2200,
      method: 'key' as const,
      keyPath: '',
      reuseSecretOf: null,
      keyFiles: ['/home/m/.ssh/id_ed25519'],
      agentAvailable: false,
      aliases: [],
    };
    expect(withDefaults(emptyForm(), defaults)).toMatchObject({
      user: 'admin',
      port: '2200',
      method: 'key',
      keyPath: '/home/m/.ssh/id_ed25519',
    });
    expect(withDefaults(emptyForm(), { ...defaults, reuseSecretOf: 'h1' }).method).toBe('same');
    // It came late, to somebody who types fast.
    const typed = form({ address: 'atlas', port: '2222', user: 'maria', password: 'secret' });
    expect(withDefaults(typed, { ...defaults, reuseSecretOf: 'h1' })).toEqual({
      ...typed,
      keyPath: '/home/m/.ssh/id_ed25519',
    });
  });

  it('shows a failure at its field, or above the form when it has none', () => {
    const problem = { kind: 'x', message: 'Refused.', next: 'Type it again.' };
    expect(placeProblem({ ...problem, field: 'password' })).toEqual({
      fields: { password: 'Refused. Type it again.' },
      above: null,
    });
    expect(placeProblem({ ...problem, field: 'fingerprint' })).toMatchObject({
      fields: {},
      above: { kind: 'x' },
    });
  });
});
