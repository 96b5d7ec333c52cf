import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateRequest } from '../../../agent/identity/certificate-request.ts';
import { type ConsoleApi, fail, ok, type Peer, type Problem } from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/index.ts';
import { makeFleetCa } from '../../../agent/testing/fleet-ca.ts';
import { FleetAuthorities } from '../certificates/authorities.ts';
import { MemorySecretStore } from '../secrets/secret-store.ts';
import { HELLO, STATE } from '../ssh/testing/agent.ts';
import { Enrolments } from './enrolments.ts';

const DAY_MS = 86_400_000;
const PEER: Peer = {
  hostId: 'boreas-1',
  name: 'boreas',
  address: '10.0.0.2',
  port: 7420,
  replicationPort: 7421,
  role: 'hypervisor',
};

interface Enrolled {
  certificate: string;
  trustedCas: string[];
  peers: Peer[];
}

/** An agent that keeps a key and what it believes, as IdentityStore does. */
function agent(hostId = 'atlas-1', refusal: Problem | null = null) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const enrolled: Enrolled[] = [];
  const trust = { certificate: '', trustedCas: [] as string[] };
  const call = async (method: string, params: unknown): Promise<unknown> => {
    if (method === 'agent.peers') return ok({ peers: [PEER] });
    if (method === 'agent.trust') {
      const { add } = params as { add: string[] };
      trust.trustedCas.push(...add.filter((pem) => !trust.trustedCas.includes(pem)));
      return ok(structuredClone(trust));
    }
    if (method === 'agent.certificateRequest')
      return ok({ csr: certificateRequest(privateKey, hostId, 'fleet-1') });
    if (refusal) return fail(refusal);
    const given = params as Enrolled;
    enrolled.push(given);
    Object.assign(trust, { certificate: given.certificate, trustedCas: [...given.trustedCas] });
    return ok({});
  };
  const hello = { ...HELLO, hostId };
  return { enrolled, trust, hello, caller: { call } as unknown as Caller<ConsoleApi> };
}

function bench() {
  const values = new Map<string, unknown>();
  const secrets = new MemorySecretStore('spec');
  const clock = { now: Date.now() };
  const reported: Problem[] = [];
  const start = () => {
    const common = {
      values: {
        get: (key: string) => values.get(key),
        put: (key: string, value: unknown) => void values.set(key, value),
      },
      now: () => clock.now,
    };
    const authorities = new FleetAuthorities({ ...common, secrets, whose: () => 'ada on a laptop' });
    return new Enrolments({ ...common, authorities, report: (problem) => void reported.push(problem) });
  };
  return { start, secrets, clock, reported };
}

const ORDER = {
  hostId: 'atlas-1',
  fleetId: 'fleet-1',
  name: 'atlas',
  role: 'hypervisor' as const,
  peers: [PEER],
  addresses: ['10.0.0.1'],
};

/** Would `one` take the word of `other`? */
function believes(one: ReturnType<typeof agent>, other: ReturnType<typeof agent>): boolean {
  const certificate = new X509Certificate(other.trust.certificate);
  return one.trust.trustedCas.some((pem) => certificate.verify(new X509Certificate(pem).publicKey));
}

/** Renewals run unasked; one more turn of promises than they need. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

describe('enrolments', () => {
  it('sign the agent’s request and give it its place', async () => {
    const { enrolled, caller } = agent();
    expect(await bench().start().enrol(caller, ORDER)).toEqual({ ok: true, value: undefined });
    expect(enrolled).toHaveLength(1);
    expect(enrolled[0]).toMatchObject({ hostId: 'atlas-1', peers: [PEER] });
    const certificate = new X509Certificate(enrolled[0]?.certificate ?? '');
    expect(certificate.checkIP('10.0.0.1')).toBe('10.0.0.1');
  });

  it('leave a host alone whose certificate is good', async () => {
    const { start } = bench();
    const { enrolled, caller } = agent();
    const enrolments = start();
    await enrolments.enrol(caller, ORDER);
    enrolments.onGreeted(caller, HELLO, STATE);
    await settled();
    expect(enrolled).toHaveLength(1);
  });

  it('renew a certificate that grows old', async () => {
    const { start, clock } = bench();
    const { enrolled, caller } = agent();
    const enrolments = start();
    await enrolments.enrol(caller, ORDER);
    clock.now += 301 * DAY_MS;
    enrolments.onGreeted(caller, HELLO, STATE);
    await expect.poll(() => enrolled.length).toBe(2);
    expect(enrolled[1]).toMatchObject({ peers: [PEER] });
  });

  it('begin no new generation because a host is greeted', async () => {
    const { start, secrets } = bench();
    const { enrolled, caller } = agent();
    await start().enrol(caller, ORDER);
    await secrets.delete('fleet-ca-key:fleet-1');
    start().onGreeted(caller, HELLO, STATE);
    await settled();
    expect(enrolled).toHaveLength(1);
  });

  it('make a CA that begins known to the members before it signs; they keep their certificates', async () => {
    const { start, secrets } = bench();
    const [atlas, boreas] = [agent(), agent('boreas-1')];
    await start().enrol(atlas.caller, ORDER);
    const before = atlas.trust.certificate;
    await secrets.delete('fleet-ca-key:fleet-1');
    const restarted = start();
    restarted.onGreeted(atlas.caller, HELLO, STATE);
    await settled();
    await restarted.enrol(boreas.caller, { ...ORDER, hostId: 'boreas-1' });
    expect(atlas.enrolled).toHaveLength(1);
    expect(atlas.trust.certificate).toBe(before);
    expect(atlas.trust.trustedCas).toHaveLength(2);
    expect(believes(atlas, boreas) && believes(boreas, atlas)).toBe(true);
  });

  it('of a new laptop let its hosts and those of the old one believe each other; both consoles go on', async () => {
    const [old, fresh] = [bench(), bench()];
    const [atlas, boreas, cora, dione] = [agent(), agent('boreas-1'), agent('cora-1'), agent('dione-1')];
    const first = old.start();
    await first.enrol(atlas.caller, ORDER);
    first.onGreeted(atlas.caller, atlas.hello, STATE);
    await settled();
    await first.enrol(boreas.caller, { ...ORDER, hostId: 'boreas-1' });
    first.onGreeted(boreas.caller, boreas.hello, STATE);
    // The new laptop knows nothing but the way to two hosts.
    const second = fresh.start();
    for (const host of [atlas, boreas]) second.onGreeted(host.caller, host.hello, STATE);
    await settled();
    expect(fresh.reported).toEqual([]);
    await second.enrol(cora.caller, { ...ORDER, hostId: 'cora-1' });
    second.onGreeted(cora.caller, cora.hello, STATE);
    // The old one meets the hosts again, is told of the new one once, and still adds hosts that all believe.
    for (const host of [atlas, boreas, atlas]) first.onGreeted(host.caller, host.hello, STATE);
    await settled();
    expect(old.reported).toMatchObject([{ kind: 'other-console', details: { console: 'ada on a laptop' } }]);
    await first.enrol(dione.caller, { ...ORDER, hostId: 'dione-1' });
    const all = [atlas, boreas, cora, dione];
    for (const one of all) for (const other of all) expect(believes(one, other)).toBe(true);
    expect(atlas.enrolled).toHaveLength(1);
  });

  it('take no authority into the fleet that one host alone believes', async () => {
    const { start } = bench();
    const enrolments = start();
    const [atlas, boreas, cora] = [agent(), agent('boreas-1'), agent('cora-1')];
    await enrolments.enrol(atlas.caller, ORDER);
    await enrolments.enrol(boreas.caller, { ...ORDER, hostId: 'boreas-1' });
    const intruder = await makeFleetCa('fleet-1');
    boreas.trust.trustedCas.push(intruder.certificate);
    for (const host of [atlas, boreas]) enrolments.onGreeted(host.caller, host.hello, STATE);
    await settled();
    await enrolments.enrol(cora.caller, { ...ORDER, hostId: 'cora-1' });
    enrolments.onGreeted(cora.caller, cora.hello, STATE);
    await settled();
    for (const host of [atlas, cora]) expect(host.trust.trustedCas).not.toContain(intruder.certificate);
  });

  it('tell when a host refuses', async () => {
    const { start, reported, clock } = bench();
    const refused = { kind: 'certificate-refused', message: 'No.', next: 'Set the clock.' };
    const enrolments = start();
    await enrolments.enrol(agent().caller, ORDER);
    clock.now += 301 * DAY_MS;
    enrolments.onGreeted(agent('atlas-1', refused).caller, HELLO, STATE);
    await expect.poll(() => reported).toEqual([refused]);
  });
});
