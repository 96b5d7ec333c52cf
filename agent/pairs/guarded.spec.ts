import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedGuard } from '../guard/simulated-guard.ts';
import { MAIL } from '../hypervisor/simulated/spec-world.ts';
import { type Box, type Rig, until } from '../replication/simulated/spec-rig.ts';
import { PAIR, protectedMail } from './testing/mail.ts';

/** A host whose guard protects a machine though the host has lost the machine's pair. */
let rig: Rig;
let atlas: Box;
let boreas: Box;

beforeEach(async () => {
  ({ rig, atlas, boreas } = await protectedMail());
});
afterEach(() => rig.close());

const guardOf = (box: Box) => createSimulatedGuard(box.host);
const unclaimed = (): string[] => atlas.service.unclaimed().map(({ name }) => name);
const told = async (event: string): Promise<string[]> => {
  const log = await readFile(join(rig.folder, 'atlas', 'audit.log'), 'utf8');
  return log.split('\n').filter((line) => line.includes(`"${event}"`));
};
/** `what`: "pairs" alone, or "votes" with it. */
async function lose(...what: string[]): Promise<void> {
  await atlas.powerOff();
  for (const folder of what) await rm(join(rig.folder, 'atlas', folder), { recursive: true });
  await atlas.powerOn();
}
const letGo = (vouched: boolean): Promise<void> =>
  atlas.consoleCall('guard.letGo', { vmUuid: MAIL, vouched });

it('knows of nothing lost as long as each machine has its pair, also when one is ending', async () => {
  expect([unclaimed(), guardOf(atlas).protects()]).toEqual([[], [MAIL]]);
  await expect(letGo(true)).rejects.toThrow(/belongs to a pair/);
  await boreas.powerOff();
  await atlas.order('protect.end', { pairId: PAIR });
  expect([unclaimed(), guardOf(atlas).protects()]).toEqual([[], []]);
});

it('lets go at its start what a crash kept protected after its protection had ended', async () => {
  await boreas.powerOff();
  await atlas.order('protect.end', { pairId: PAIR });
  await atlas.stopAgent();
  // The crash came between the note that it has ended and the guard's list.
  await guardOf(atlas).protect(MAIL);
  await atlas.startAgent();
  expect([unclaimed(), guardOf(atlas).protects()]).toEqual([[], []]);
  expect(await told('pair-lost')).toEqual([]);
});

describe('a machine whose pair is lost', () => {
  it('is told of with a way out, stays protected, and does not run', async () => {
    await boreas.powerOff();
    await lose('pairs', 'votes');
    expect(unclaimed()).toEqual(['mail']);
    expect(atlas.service.unclaimed()[0]?.problem).toMatchObject({ kind: 'pair-lost' });
    expect(atlas.service.unclaimed()[0]?.problem.next).toMatch(/Bring back the host/);
    expect(await told('pair-lost')).toHaveLength(1);
    expect([guardOf(atlas).protects(), atlas.host.runs(MAIL)]).toEqual([[MAIL], false]);
  });

  it('has its pair again as soon as the other member tells of it', async () => {
    await boreas.powerOff();
    await lose('pairs', 'votes');
    await boreas.powerOn();
    await until(() => atlas.pair() !== undefined && unclaimed().length === 0);
    expect(guardOf(atlas).protects()).toEqual([MAIL]);
    expect(await told('pair-found')).toHaveLength(1);
  });

  it('is one whose file is damaged, too', async () => {
    await boreas.powerOff();
    await atlas.powerOff();
    await writeFile(join(rig.folder, 'atlas', 'pairs', `${PAIR}.json`), 'half a pa');
    await atlas.powerOn();
    expect(unclaimed()).toEqual(['mail']);
  });

  it('is let go only by a person who vouches, while the other host is silent', async () => {
    await boreas.powerOff();
    await lose('pairs', 'votes');
    await expect(letGo(false)).rejects.toThrow(/boreas cannot be asked/);
    expect(guardOf(atlas).protects()).toEqual([MAIL]);
    await letGo(true);
    expect([unclaimed(), guardOf(atlas).protects()]).toEqual([[], []]);
    expect(await told('let-go')).toHaveLength(1);
    // Given twice, carried out once.
    await letGo(true);
    expect(await told('let-go')).toHaveLength(1);
    expect(await told('pair-found')).toEqual([]);
  });

  it('is not let go without that word while a record here still names this host', async () => {
    await boreas.powerOff();
    await lose('pairs');
    await expect(letGo(false)).rejects.toThrow(/A record still names atlas/);
    await letGo(true);
    expect(guardOf(atlas).protects()).toEqual([]);
  });

  it('is not let go while it stands still here, whoever vouches for it', async () => {
    await atlas.stopAgent();
    await boreas.powerOff();
    guardOf(atlas).permit(MAIL, { kind: 'deadline', epoch: { n: 1, by: 'atlas' }, ms: 0 });
    for (const folder of ['pairs', 'votes']) await rm(join(rig.folder, 'atlas', folder), { recursive: true });
    await atlas.startAgent();
    expect(guardOf(atlas).stopped(MAIL)).toBe(true);
    await expect(letGo(true)).rejects.toThrow(/stands still on atlas/);
    expect(guardOf(atlas).protects()).toEqual([MAIL]);
  });
});
