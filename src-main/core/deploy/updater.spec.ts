import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Problem } from '../../../agent/protocol/index.ts';
import { FleetAuthorities } from '../certificates/authorities.ts';
import type { HostTarget } from '../fleet/host-link.ts';
import { MemorySecretStore } from '../secrets/secret-store.ts';
import { testServices } from '../ssh/testing/client.ts';
import { Enrolments } from './enrolments.ts';
import { AgentUpdater, compareReleases } from './updater.ts';

const TARGET: HostTarget = {
  hostId: 'atlas-1',
  name: 'atlas',
  address: '127.0.0.1',
  port: 1,
  user: 'root',
  login: { method: 'password', password: 'x' },
  sudoPassword: null,
  fingerprint: null,
};

/** Nothing listens at the target: an attempt to replace shows as a report. */
function bench(version: string) {
  const assetsDir = mkdtempSync(join(tmpdir(), 'understudy-updater-'));
  writeFileSync(join(assetsDir, 'manifest.json'), JSON.stringify({ version, files: {} }));
  const common = { values: { get: () => undefined, put: () => undefined }, now: Date.now };
  const authorities = new FleetAuthorities({ ...common, secrets: new MemorySecretStore('spec') });
  const enrolments = new Enrolments({ ...common, authorities, report: () => undefined });
  const services = { ssh: testServices().services, assetsDir, enrolments, consoleVersion: version };
  const reported: Problem[] = [];
  return {
    updater: new AgentUpdater({ services, report: (problem) => void reported.push(problem) }),
    reported,
  };
}

describe('releases', () => {
  it('are compared by number, without their build', () => {
    expect(compareReleases('0.9.0+aaa', '0.10.0+bbb')).toBeLessThan(0);
    expect(compareReleases('1.0.0', '0.10.0')).toBeGreaterThan(0);
    expect(compareReleases('0.1.0+aaa', '0.1.0+bbb')).toBe(0);
  });
});

describe('the updater', () => {
  it.each(['0.2.0+aaa', '0.2.0+bbb', '0.3.0+aaa'])('leaves %s alone, being 0.2.0+aaa', async (version) => {
    const { updater, reported } = bench('0.2.0+aaa');
    expect(await updater.replaceIfOlder(TARGET, { version, tooOld: false })).toBe(false);
    expect(reported).toEqual([]);
  });

  it('tries an older one once, and tells why it did not work', async () => {
    const { updater, reported } = bench('0.2.0+aaa');
    for (const _ of [1, 2]) {
      expect(await updater.replaceIfOlder(TARGET, { version: '0.1.0', tooOld: false })).toBe(false);
    }
    expect(reported).toHaveLength(1);
    expect(reported[0]).toMatchObject({
      kind: 'agent-not-updated',
      message: expect.stringContaining('atlas'),
    });
  });

  it('tries one of an older protocol, whatever its release, whenever it is asked to', async () => {
    const { updater, reported } = bench('0.2.0+aaa');
    for (const _ of [1, 2]) await updater.replaceIfOlder(TARGET, { version: '0.2.0+bbb', tooOld: true });
    expect(reported).toHaveLength(2);
  });
});
