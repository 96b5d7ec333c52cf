import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestDraft, MAIL } from '../../hypervisor/simulated/spec-world.ts';
import type { ProblemError, Task } from '../../protocol/index.ts';
import { type Box, Rig, until } from '../../replication/simulated/spec-rig.ts';
import { PAIR } from '../testing/mail.ts';

/** Mail runs on atlas, boreas stands by, cora is the witness, dione is free. Time runs twenty times as fast. */
let rig: Rig;
let atlas: Box;
let boreas: Box;
let cora: Box;
let dione: Box;
let writer: ReturnType<typeof setInterval>;
let startedAt: number | null | undefined;

const record = (box: Box) => box.pair()?.record;
const armed = (box: Box): boolean => record(box)?.armed === true;
const images = (box: Box): string[] => [...box.host.images.keys()];
/** Where this machine's disk stands still the order gives its voters up (testing/mail.ts); then it is given again. */
async function replace(standby = 'dione'): Promise<Task> {
  for (;;) {
    const task = await atlas.order('pair.replaceStandby', { pairId: PAIR, standby });
    const again = task.problem?.kind === 'no-majority' && linked();
    if (!again || record(atlas)?.members.includes(standby)) return task;
  }
}
const linked = (): boolean => rig.world.linked(atlas.host, cora.host);
const history = (box: Box): Promise<string> => readFile(join(rig.folder, box.host.name, 'audit.log'), 'utf8');
/** Id of the order that changes the standby, at the moment of its beginning. */
const begun = (): Promise<string> =>
  new Promise((resolve) => {
    const end = atlas.service.subscribe((event) => {
      if (event.kind !== 'task' || event.task.kind !== 'replace-standby') return;
      end();
      resolve(event.task.id);
    });
  });
/** The next step of the order at the moment it begins, told by its event: a short one is over before a look comes round. Null: ended. */
const nextStep = (id: string, seen: Set<string>): Promise<string | null> =>
  new Promise((resolve) => {
    const look = (task: Task | undefined): void => {
      if (task?.id !== id) return;
      const step = task.steps.find(({ state }) => state === 'running')?.id;
      if (task.state === 'running' && (step === undefined || seen.has(step))) return;
      end();
      resolve(task.state === 'running' ? (step ?? null) : null);
    };
    const end = atlas.service.subscribe((event) => event.kind === 'task' && look(event.task));
    look(atlas.service.tasks().find((task) => task.id === id));
  });
const refusal = async (order: Promise<unknown>): Promise<string> =>
  order.then(
    () => 'not refused',
    (error: ProblemError) => error.problem.kind,
  );

async function protect(witness: string | null): Promise<void> {
  const order = { pairId: PAIR, vmUuid: MAIL, standby: 'boreas', witness, profile: 'patient' } as const;
  const policy = witness === null ? 'manual' : 'automatic';
  for (;;) {
    const { state, problem } = await atlas.order('protect.start', { ...order, policy });
    if (state === 'done') break;
    expect(problem).toMatchObject({ kind: 'no-majority' });
  }
  if (witness !== null) await until(() => armed(atlas));
  startedAt = atlas.host.guest(MAIL)?.startedAt;
}

beforeEach(async () => {
  rig = await Rig.open([
    { name: 'atlas', guests: [{ ...guestDraft() }] },
    { name: 'boreas' },
    { name: 'cora' },
    { name: 'dione' },
  ]);
  [atlas, boreas, cora, dione] = [rig.box('atlas'), rig.box('boreas'), rig.box('cora'), rig.box('dione')];
  rig.world.pace.copyBps = 60e9;
  writer = setInterval(() => {
    for (const box of rig.boxes.values()) if (box.host.runs(MAIL)) box.host.write(MAIL);
  }, 2);
});

afterEach(async () => {
  clearInterval(writer);
  expect(rig.world.violations).toEqual([]);
  await rig.close();
});

describe('a standby that is lost for good', () => {
  beforeEach(async () => {
    await protect('cora');
    await boreas.powerOff();
  });

  it('is replaced while the machine runs on; the pair arms again and fails over to the new one', async () => {
    expect(await replace()).toMatchObject({ state: 'done', problem: null });
    await until(() => armed(atlas));
    expect(record(atlas)).toMatchObject({
      members: ['atlas', 'dione'],
      voters: ['atlas', 'dione', 'cora'],
      epoch: { n: 1 },
      paused: false,
    });
    expect(atlas.pair()?.spec).toMatchObject({ members: ['atlas', 'dione'] });
    expect(atlas.host.guest(MAIL)?.startedAt).toBe(startedAt);
    await atlas.powerOff();
    await until(() => dione.host.runs(MAIL));
    expect(record(dione)).toMatchObject({ owner: 'dione', change: 'takeover', epoch: { n: 2 } });
  });

  it('comes back, starts nothing, is counted by nobody, and its copy goes', async () => {
    await replace();
    await until(() => armed(atlas));
    await boreas.powerOn();
    await until(() => boreas.service.votes().length === 0);
    expect(boreas.host.runs(MAIL)).toBe(false);
    expect(boreas.service.list()).toEqual([]);
    expect(images(boreas)).toEqual([]);
    expect(await history(boreas)).toContain('no longer stands by for mail: dione does since');
    expect(armed(atlas)).toBe(true);
    // What was kept of it at the owner goes once it has heard.
    await until(() => Object.keys(atlas.pair()?.spec.definitions ?? {}).length === 2);
    await atlas.powerOff();
    await until(() => dione.host.runs(MAIL));
    expect(boreas.host.runs(MAIL)).toBe(false);
  });

  it('comes back when the new standby has taken over already, and still starts nothing', async () => {
    await replace();
    await until(() => armed(atlas));
    await atlas.powerOff();
    await until(() => dione.host.runs(MAIL));
    await boreas.powerOn();
    await until(() => boreas.service.votes().length === 0);
    expect(boreas.host.runs(MAIL)).toBe(false);
    expect(images(boreas)).toEqual([]);
    await atlas.powerOn();
    await until(() => atlas.pair()?.local.kind === 'quarantined');
    expect(dione.host.runs(MAIL)).toBe(true);
  });

  it('can be made the standby again, after it has left', async () => {
    await replace();
    await until(() => armed(atlas));
    await boreas.powerOn();
    await until(() => boreas.service.votes().length === 0);
    await dione.powerOff();
    expect(await replace('boreas')).toMatchObject({ state: 'done', problem: null });
    await until(() => armed(atlas));
    expect(record(boreas)?.members).toEqual(['atlas', 'boreas']);
  });

  it('is replaced by an order that survives its agent, wherever that is killed', async () => {
    const seen = new Set<string>();
    const ordered = begun();
    void replace();
    const id = await ordered;
    for (;;) {
      const now = await nextStep(id, seen);
      if (now === null) break;
      seen.add(now);
      await atlas.killAgent();
      await atlas.startAgent();
    }
    expect(await atlas.ended(id)).toMatchObject({ state: 'done', problem: null });
    expect([...seen]).toContain('change');
    await until(() => armed(atlas));
    expect(record(atlas)).toMatchObject({ members: ['atlas', 'dione'], config: 4, paused: false });
    expect(atlas.host.guest(MAIL)?.startedAt).toBe(startedAt);
  });

  it('leaves the pair as any that has fallen behind, when the new host is lost during the copy', async () => {
    rig.world.pace.copyBps = 1e9;
    const order = replace();
    await until(() => atlas.pair()?.mirror?.state === 'copying');
    await dione.powerOff();
    expect(await order).toMatchObject({ state: 'failed' });
    expect(record(atlas)).toMatchObject({ members: ['atlas', 'dione'], armed: false });
    rig.world.pace.copyBps = 60e9;
    await dione.powerOn();
    await until(() => armed(atlas));
  });
});

describe('a standby that is there', () => {
  it('lets its copy go at once', async () => {
    await protect('cora');
    expect(await replace()).toMatchObject({ state: 'done' });
    expect(boreas.service.list()).toEqual([]);
    expect(boreas.service.votes()).toEqual([]);
    expect(images(boreas)).toEqual([]);
    expect(Object.keys(atlas.pair()?.spec.definitions ?? {})).toEqual(['atlas', 'dione']);
    await until(() => armed(atlas));
  });

  it('is replaced without a witness, too', async () => {
    await protect(null);
    expect(await replace()).toMatchObject({ state: 'done', problem: null });
    await until(() => record(dione)?.replica.state === 'in-sync');
    expect(record(dione)).toMatchObject({ members: ['atlas', 'dione'], voters: ['atlas'] });
    expect(images(boreas)).toEqual([]);
  });

  it('stays when the voters cannot agree, and so does everything else', async () => {
    await protect('cora');
    // Both other voters are gone between the checks and the order's first step.
    atlas.service.subscribe(({ kind }) => {
      if (kind === 'task') for (const other of ['boreas', 'cora']) rig.world.cable('atlas', other, false);
    });
    expect(await replace()).toMatchObject({ state: 'failed', problem: { kind: 'no-majority' } });
    expect(record(atlas)?.members).toEqual(['atlas', 'boreas']);
    rig.world.cable('atlas', 'cora', true);
    rig.world.cable('atlas', 'boreas', true);
    await until(() => [atlas, boreas].some((box) => box.host.runs(MAIL)));
    expect(record(boreas)?.members).toEqual(['atlas', 'boreas']);
  });
});

describe('who cannot stand by', () => {
  it.each([
    ['cora', 'standby-is-witness'],
    ['atlas', 'standby-is-member'],
    ['boreas', 'standby-is-member'],
  ])('%s: %s', async (standby, kind) => {
    await protect('cora');
    expect(await refusal(replace(standby))).toBe(kind);
    expect(armed(atlas)).toBe(true);
  });

  it('a host that does not answer, and nothing has changed', async () => {
    await protect('cora');
    await dione.powerOff();
    expect(await refusal(replace())).toBe('check-hosts-connected');
    expect(armed(atlas)).toBe(true);
  });

  it('nor without the witness, whose vote the change needs', async () => {
    await protect('cora');
    await cora.powerOff();
    await until(() => !armed(atlas));
    expect(await refusal(replace())).toBe('check-witness-answers');
  });
});

describe('a person forces the old standby, who has heard nothing', () => {
  beforeEach(async () => {
    await protect(null);
    await boreas.powerOff();
    await replace();
    await until(() => record(dione)?.replica.state === 'in-sync');
    for (const other of ['atlas', 'cora', 'dione']) rig.world.cable('boreas', other, false);
    await boreas.powerOn();
    const expected = record(boreas)?.epoch ?? { n: 0, by: '' };
    await boreas.order('pair.failover', { pairId: PAIR, expected, forced: true, evidence: {} });
    await until(() => boreas.host.runs(MAIL));
    // Two copies by a person's word: what is asserted is what comes of it.
    rig.world.violations.length = 0;
  });

  it('stops the owner when they meet, and keeps the copy of the new standby', async () => {
    const kept = images(dione);
    for (const other of ['atlas', 'cora', 'dione']) rig.world.cable('boreas', other, true);
    await until(() => atlas.pair()?.local.kind === 'quarantined' && !atlas.host.runs(MAIL));
    await until(() => dione.service.votes().length === 0);
    expect(images(dione)).toEqual(kept);
    expect(await history(dione)).toContain('is kept for a person to decide about');
    expect(boreas.host.runs(MAIL)).toBe(true);
    rig.world.violations.length = 0;
  });
});
