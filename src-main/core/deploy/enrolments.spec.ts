import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { certificateRequest } from '../../../agent/identity/certificate-request.ts';
import { type ConsoleApi, fail, ok, type Peer, type Problem } from '../../../agent/protocol/index.ts';
import type { Caller } from '../../../agent/rpc/index.ts';
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

/** An agent that keeps a key and notes how it was enrolled. */
function agent(refusal: Problem | null = null) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const enrolled: Enrolled[] = [];
  const call = async (method: string, params: unknown): Promise<unknown> => {
    if (method === 'agent.peers') return ok({ peers: [PEER] });
    if (method === 'agent.certificateRequest')
      return ok({ csr: certificateRequest(privateKey, 'atlas-1', 'fleet-1') });
    if (refusal) return fail(refusal);
    enrolled.push(params as Enrolled);
    return ok({});
  };
  return { enrolled, caller: { call } as unknown as Caller<ConsoleApi> };
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
    const authorities = new FleetAuthorities({ ...common, secrets });
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

  it('enrol the others anew, with both CAs, when adding a host began a new generation', async () => {
    const { start, secrets } = bench();
    const [atlas, boreas] = [agent(), agent()];
    await start().enrol(atlas.caller, ORDER);
    await secrets.delete('fleet-ca-key:fleet-1');
    const restarted = start();
    restarted.onGreeted(atlas.caller, HELLO, STATE);
    await settled();
    await restarted.enrol(boreas.caller, ORDER);
    await expect.poll(() => atlas.enrolled.length).toBe(2);
    expect(atlas.enrolled[1]?.trustedCas).toHaveLength(2);
  });

  it('tell when a host refuses', async () => {
    const { start, reported, clock } = bench();
    const refused = { kind: 'certificate-refused', message: 'No.', next: 'Set the clock.' };
    const enrolments = start();
    await enrolments.enrol(agent().caller, ORDER);
    clock.now += 301 * DAY_MS;
    enrolments.onGreeted(agent(refused).caller, HELLO, STATE);
    await expect.poll(() => reported).toEqual([refused]);
  });
});
