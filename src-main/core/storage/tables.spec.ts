import { afterEach, beforeEach, expect, test } from 'vitest';
import type { HostRecord } from './host-table.ts';
import { openStorage, type Storage } from './storage.ts';

let storage: Storage;
beforeEach(() => {
  storage = openStorage(':memory:', () => 1_000);
});
afterEach(() => storage.close());

const atlas: HostRecord = {
  id: 'h-atlas',
  name: 'atlas',
  site: 'Office',
  address: '10.0.0.1',
  port: 22,
  user: 'root',
  role: 'hypervisor',
  login: { method: 'key', path: '/home/ada/.ssh/id_ed25519' },
  machineId: 'm1',
  peer: { address: '10.0.0.1', port: 7420, replicationPort: 7421 },
  addedAt: 5,
};

test('hosts keep their order when one of them changes', () => {
  storage.hosts.put(atlas);
  storage.hosts.put({ ...atlas, id: 'h-boreas', name: 'boreas', addedAt: 6 });
  storage.hosts.put({ ...atlas, name: 'atlas-2', addedAt: 99 });
  expect(storage.hosts.list().map((host) => host.name)).toEqual(['atlas-2', 'boreas']);
  expect(storage.hosts.list()[0]).toEqual({ ...atlas, name: 'atlas-2' });
});

test('a host takes its last state along when it is deleted; a shape not understood counts as none', () => {
  storage.hosts.put(atlas);
  const facts = {
    hostname: 'atlas',
    os: 'Debian',
    kernel: '6.1',
    arch: 'x64',
    cpuModel: 'cpu',
    cpuCount: 2,
    memoryBytes: 1,
    bootId: 'b',
    hypervisor: { kind: 'libvirt' as const, version: '9', reachable: true },
    addresses: [],
  };
  const state = {
    facts,
    load: null,
    vms: [],
    pairs: [],
    tasks: [],
    guard: { state: 'armed' as const, why: null, unclaimed: [] },
  };
  storage.hosts.keepState('h-atlas', { heardAt: 7, state });
  expect(storage.hosts.lastState('h-atlas')).toEqual({ heardAt: 7, state });
  storage.hosts.keepState('h-atlas', { heardAt: 8, state: { old: true } as never });
  expect(storage.hosts.lastState('h-atlas')).toBeNull();
  storage.hosts.delete('h-atlas');
  storage.hosts.put(atlas);
  expect(storage.hosts.lastState('h-atlas')).toBeNull();
});

test('host keys and secrets are found under the name they were put', () => {
  expect(storage.hostKeys.get('a', 22)).toBeNull();
  storage.hostKeys.put('a', 22, { algorithm: 'ssh-ed25519', fingerprint: 'SHA256:1' });
  storage.hostKeys.put('a', 22, { algorithm: 'ssh-ed25519', fingerprint: 'SHA256:2' });
  expect(storage.hostKeys.get('a', 22)).toEqual({ algorithm: 'ssh-ed25519', fingerprint: 'SHA256:2' });
  expect(storage.hostKeys.get('a', 2222)).toBeNull();
  storage.secrets.put('x', new Uint8Array([0, 255]));
  expect([...(storage.secrets.get('x') ?? [])]).toEqual([0, 255]);
  storage.secrets.delete('x');
  expect(storage.secrets.get('x')).toBeNull();
});

test('the audit log counts up, keeps an agent entry once, and lists newest first', () => {
  const entry = { at: 10, actor: 'ada', event: 'x', text: 'One.', pairId: 'p1' };
  expect(storage.audit.append(entry).seq).toBe(1);
  expect(storage.audit.append({ ...entry, at: 30 }).seq).toBe(2);
  const fromAgent = { seq: 4, at: 20, actor: 'agent', event: 'y', text: 'Two.', evidence: { a: 'b' } };
  expect(storage.audit.keepAll('h1', [fromAgent, fromAgent])).toEqual([fromAgent]);
  expect(storage.audit.lastSeq('h1')).toBe(4);
  expect(storage.audit.lastSeq('h2')).toBe(0);
  const all = storage.audit.list({ pairId: null, before: null, limit: 10 });
  expect(all.map(({ entry }) => entry.at)).toEqual([30, 20, 10]);
  expect(all[1]).toEqual({ source: 'h1', entry: fromAgent });
  expect(storage.audit.list({ pairId: 'p1', before: 30, limit: 10 })).toHaveLength(1);
  expect(storage.audit.list({ pairId: null, before: null, limit: 1 })).toHaveLength(1);
});

test('a command is open until it is settled', () => {
  const command = {
    requestId: 'r1',
    hostId: 'h1',
    method: 'protect.start',
    params: { a: 1 },
    subject: 'Protect web',
    orderedAt: 3,
  };
  storage.commands.add(command);
  expect(storage.commands.openFor('h1')).toEqual([{ ...command, state: 'open', taskId: null }]);
  expect(storage.commands.openFor('h2')).toEqual([]);
  expect(() => storage.commands.add(command)).toThrow(/UNIQUE/);
  storage.commands.settle('r1', 'accepted', 't1');
  expect(storage.commands.openFor('h1')).toEqual([]);
  expect(storage.commands.get('r1')).toMatchObject({ state: 'accepted', taskId: 't1' });
});
