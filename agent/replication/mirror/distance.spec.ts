import { beforeEach, expect, it } from 'vitest';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { Action } from './change-layer.ts';
import { beginDistance, type DistancePorts } from './distance.ts';

const MOVED = {
  pairId: 'pair-1',
  vmUuid: '4b1b7a2e-94c5-4c8e-8a0e-6f0a5d2a9a11',
  disks: ['vda', 'vdb'].map((target) => ({
    target,
    path: `/images/${target}.qcow2`,
    sizeBytes: 2 ** 30,
    format: 'qcow2' as const,
  })),
};
const PROBLEM = { kind: 'qmp-error', message: 'm', next: 'n' };

let asked: string[][];
let runs: boolean | null;
let refuses: boolean;
let ports: DistancePorts;

beforeEach(() => {
  asked = [];
  runs = false;
  refuses = false;
  ports = {
    blocks: { deviceNode: async (target) => ok(`node-${target}`), running: async () => runs },
    changes: {
      transact: async (actions: Action[]): Promise<Result<unknown>> => {
        asked.push(actions.map(({ type, data }) => `${type} ${data.node} ${data.name}`));
        return refuses ? fail(PROBLEM) : ok({});
      },
    },
  };
});

it('begins a bitmap on every disk, all in one step', async () => {
  expect(await beginDistance(MOVED, 'given2x1', ports)).toEqual(ok({ vda: 'node-vda', vdb: 'node-vdb' }));
  expect(asked).toHaveLength(1);
  expect(asked[0]?.map((action) => action.replace(/understudy-[0-9a-f]+-/, 'NAME-'))).toEqual([
    'block-dirty-bitmap-add node-vda NAME-given2x1-1',
    'block-dirty-bitmap-add node-vdb NAME-given2x1-1',
  ]);
});

it.each([true, null])('knows nothing of a guest that may have gone on already (running: %s)', async (now) => {
  runs = now;
  const begun = await beginDistance(MOVED, 'given2x1', ports);
  expect(begun).toMatchObject({ ok: false, problem: { kind: 'guest-went-on' } });
  expect(asked[1]?.every((action) => action.startsWith('block-dirty-bitmap-remove'))).toBe(true);
});

it('knows nothing when QEMU refuses', async () => {
  refuses = true;
  expect(await beginDistance(MOVED, 'given2x1', ports)).toEqual(fail(PROBLEM));
});

it('knows nothing when a disk is not to be found', async () => {
  ports.blocks.deviceNode = async (target) => (target === 'vdb' ? fail(PROBLEM) : ok('node'));
  expect(await beginDistance(MOVED, 'given2x1', ports)).toEqual(fail(PROBLEM));
  expect(asked).toEqual([]);
});
