import { expect, test } from 'vitest';
import { noted } from './advance.ts';
import { takenUp } from './book.ts';
import { notesOf } from './notes.ts';
import { inSyncAgain, NIGHT, pairAt, silentSince, Teller, takenOver } from './testing/worlds.ts';

const MACHINES = ['web', 'mail', 'db'];

test('a takeover is one message for all machines of the lost host, and its end another', () => {
  const boreas = new Teller('h-boreas');
  let back = 0;
  boreas.world = (world) => ({
    pairs: MACHINES.map((name, index) =>
      back > index ? inSyncAgain(name, NIGHT + 900_000) : takenOver(name, NIGHT, back > 0),
    ),
    sights: back > 0 ? world.sights : silentSince(world, 'h-atlas', NIGHT - 4_000),
  });
  expect(boreas.after(600)).toHaveLength(1);
  const [message] = boreas.told;
  expect(message).toMatchObject({
    severity: 'urgent',
    title: 'web, mail and db run on boreas now',
    covers: expect.arrayContaining(['silent:h-atlas', 'unprotected:p-web']),
  });
  expect(message?.text).toContain('on atlas, which has not answered since 03:01');
  expect(message?.text).toContain('Every write that was confirmed is there.');
  expect(message?.text).toContain('Away for 7 s.');
  expect(message?.text).toContain('Told by the Understudy agent on boreas, 30 Nov 2026, 03:02:07 UTC.');
  // One after the other is protected again: told when all are.
  back = 1;
  expect(boreas.after(120)).toEqual([]);
  back = 3;
  expect(boreas.after(120).map(({ title, severity }) => [title, severity])).toEqual([
    ['web, mail and db are protected again', 'recovered'],
  ]);
  expect(boreas.after(3_600, 10)).toEqual([]);
});

test('the witness does not tell of a host whose loss was told, and tells when nobody did', () => {
  const silence = (teller: Teller) => {
    teller.world = (world) => ({ sights: silentSince(world, 'h-atlas', NIGHT) });
  };
  const cora = new Teller('h-cora');
  silence(cora);
  expect(cora.after(140)).toEqual([]);
  expect(cora.after(30).map(({ title }) => title)).toEqual(['atlas does not answer']);
  cora.world = () => ({});
  expect(cora.after(60).map(({ title }) => title)).toEqual(['atlas answers again']);

  const boreas = new Teller('h-boreas');
  boreas.world = (world) => ({
    pairs: [takenOver('web', NIGHT)],
    sights: silentSince(world, 'h-atlas', NIGHT),
  });
  const [story] = boreas.after(20);
  const other = new Teller('h-cora');
  silence(other);
  other.after(20);
  if (!story) throw new Error('nothing was told');
  other.book = noted(other.book, 'h-boreas', notesOf(story, boreas.book));
  expect(other.after(600)).toEqual([]);
  other.world = () => ({});
  expect(other.after(600)).toEqual([]);
  // The next silence is news again.
  silence(other);
  expect(other.after(200).map(({ title }) => title)).toEqual(['atlas does not answer']);
});

test('two hosts that hear each other and no third: one of them tells of it', () => {
  const told = ['h-atlas', 'h-boreas'].map((self) => {
    const teller = new Teller(self);
    teller.world = (world) => ({ sights: silentSince(world, 'h-cora', NIGHT) });
    return teller.after(600).map(({ title }) => title);
  });
  expect(told).toEqual([['cora does not answer'], []]);
});

test('when the teller is lost, the next in line neither repeats it nor forgets its end', () => {
  const atlas = new Teller('h-atlas');
  const witness = new Teller('h-cora');
  const boreasSilent = (world: Parameters<Teller['world']>[0]) => silentSince(world, 'h-boreas', NIGHT);
  witness.world = (world) => ({ sights: boreasSilent(world) });
  atlas.world = (world) => ({ sights: boreasSilent(world) });
  const [story] = witness.after(200);
  atlas.after(200);
  if (!story) throw new Error('nothing was told');
  atlas.book = noted(atlas.book, 'h-cora', notesOf(story, witness.book));
  atlas.after(1_200);
  // Now the witness is lost, too, and boreas comes back a little later.
  atlas.world = (world) => ({
    sights: silentSince({ ...world, sights: boreasSilent(world) }, 'h-cora', NIGHT),
  });
  atlas.after(30);
  atlas.world = (world) => ({ sights: silentSince(world, 'h-cora', NIGHT) });
  expect(atlas.after(200).map(({ title }) => title)).toEqual([
    'boreas answers again',
    'cora does not answer',
  ]);
});

test('a failover that waits for a person is told at any hour, with what stands in its way', () => {
  const boreas = new Teller('h-boreas', { quiet: { from: '22:00', to: '07:00' } });
  boreas.world = (world) => ({
    pairs: [
      pairAt('h-boreas', 'web', {
        record: { policy: 'manual', armed: false },
        status: { peer: { hostId: 'h-atlas', reachable: false, since: NIGHT } },
      }),
    ],
    sights: silentSince(world, 'h-atlas', NIGHT),
  });
  const [message, ...more] = boreas.after(900);
  expect(more).toEqual([]);
  expect(message).toMatchObject({
    severity: 'urgent',
    title: 'web may be down: atlas does not answer, and nobody takes over',
  });
  expect(message?.text).toContain('failover is set to manual');
  expect(message?.text).toContain('A decision is needed.');
});

const noStandby = (name: string) =>
  pairAt('h-atlas', name, {
    record: { armed: false, replica: { mode: 'sync', state: 'stale', point: 1, since: NIGHT } },
    status: {
      mirror: { state: 'connecting', doneBytes: 0, totalBytes: 0, rateBps: 0, since: 0, problem: null },
      peer: { hostId: 'h-boreas', reachable: false, since: NIGHT },
    },
  });

test('quiet hours hold back what can wait until they end; what is over by then is not told', () => {
  const atlas = new Teller('h-atlas', { quiet: { from: '22:00', to: '07:00' }, zone: 'Europe/Berlin' });
  atlas.now = Date.UTC(2026, 10, 30, 4, 0);
  atlas.world = () => ({ pairs: [noStandby('web')] });
  // 05:00 to 06:59 in Berlin.
  expect(atlas.after(2 * 3600 - 9, 9)).toEqual([]);
  expect(atlas.after(20).map(({ title }) => title)).toEqual(['web has had no current copy for 10 minutes']);

  const other = new Teller('h-atlas', { quiet: { from: '22:00', to: '07:00' } });
  other.world = () => ({ pairs: [noStandby('web')] });
  other.after(3_600, 10);
  other.world = () => ({ pairs: [pairAt('h-atlas', 'web')] });
  expect(other.after(6 * 3_600, 10)).toEqual([]);
});

test('it is told of once, however long it lasts, and flapping is no news', () => {
  const atlas = new Teller('h-atlas');
  atlas.world = () => ({ pairs: [noStandby('web')] });
  expect(atlas.after(700).map(({ title }) => title)).toEqual(['web has had no current copy for 10 minutes']);
  for (let flap = 0; flap < 5; flap += 1) {
    atlas.world = () => ({ pairs: [pairAt('h-atlas', 'web')] });
    atlas.after(10);
    atlas.world = () => ({ pairs: [noStandby('web')] });
    atlas.after(300);
  }
  expect(atlas.after(7_200, 10)).toEqual([]);
  expect(atlas.told).toHaveLength(1);
  atlas.world = () => ({ pairs: [pairAt('h-atlas', 'web')] });
  expect(atlas.after(60).map(({ title }) => title)).toEqual(['web is protected again']);
});

test('beyond the rate messages wait, and are told together with a count', () => {
  const atlas = new Teller('h-atlas', { mostPerHour: 1, unprotectedMinutes: 1 });
  const names = Array.from({ length: 14 }, (_, index) => `vm${index}`);
  let down = 1;
  atlas.world = () => ({
    pairs: names.map((name, index) =>
      index < down
        ? pairAt('h-atlas', name, {
            record: { policy: 'manual' },
            status: { changes: { open: open(`Disk ${name} grew.`), followed: [], touched: null } },
          })
        : pairAt('h-atlas', name),
    ),
  });
  atlas.after(400);
  expect(atlas.titles).toEqual(['vm0 was changed in a way that its copy cannot follow']);
  down = 14;
  expect(atlas.after(3_000)).toEqual([]);
  const [digest] = atlas.after(900);
  expect(digest?.title).toBe(
    'vm1, vm2, vm3 and 10 more were changed in a way that their copies cannot follow',
  );
  expect(digest?.text).toContain('vm7: Disk vm7 grew.');
});

const open = (message: string) => ({
  since: NIGHT,
  changes: [],
  lacks: true,
  ask: { kind: 'x', message, next: 'Look.' },
});

test('what is urgent goes beyond the rate, but not every minute', () => {
  const boreas = new Teller('h-boreas', { mostPerHour: 1 });
  let count = 1;
  boreas.world = () => ({
    pairs: MACHINES.slice(0, count).map((name) => takenOver(name, boreas.now)),
  });
  boreas.after(20);
  count = 2;
  expect(boreas.after(240)).toEqual([]);
  count = 3;
  expect(boreas.after(60).map(({ title }) => title)).toEqual(['mail and db run on boreas now']);
});

test('a story that was told to its end does not begin again when protection is lost once more', () => {
  const boreas = new Teller('h-boreas');
  boreas.world = () => ({ pairs: [takenOver('web', NIGHT)] });
  boreas.after(30);
  boreas.world = () => ({ pairs: [inSyncAgain('web', NIGHT + 60_000)] });
  boreas.after(60);
  boreas.world = () => ({ pairs: [takenOver('web', NIGHT)] });
  boreas.after(1_200);
  expect(boreas.titles).toEqual([
    'web runs on boreas now',
    'web is protected again',
    'web has had no current copy for 10 minutes',
  ]);
});

test('a failed drill and a copy that differs are told once each, also when they are over at once', () => {
  const atlas = new Teller('h-atlas');
  const found = { totalBytes: 9, readBytes: 9, writtenBytes: 0, differingBytes: 512, places: [] };
  const verify = (repairedAt: number | null) => ({
    settings: { every: 'never' as const, hour: 1 },
    distrusted: repairedAt === null,
    next: null,
    results: [
      {
        id: 'v1',
        at: NIGHT,
        host: 'h-boreas',
        by: 'timetable',
        outcome: 'differs' as const,
        found,
        problem: null,
        tookMs: 1,
        repairedAt,
      },
    ],
  });
  atlas.world = () => ({ pairs: [pairAt('h-atlas', 'web', { status: { verify: verify(null) } })] });
  atlas.after(3);
  atlas.world = () => ({ pairs: [pairAt('h-atlas', 'web', { status: { verify: verify(NIGHT) } })] });
  atlas.after(300);
  expect(atlas.titles).toEqual(['web had a copy on boreas that differs', 'web has a repaired copy']);
  expect(atlas.told[0]?.text).toContain('512');
});

test('maintenance, pause and a copy under way are no alarm', () => {
  const atlas = new Teller('h-atlas', { unprotectedMinutes: 1 });
  const bare = noStandby('web');
  atlas.world = () => ({
    pairs: [
      {
        ...bare,
        record: { ...bare.record, maintenance: { until: NIGHT + 86_400_000, reason: 'new disks' } },
      },
      { ...noStandby('mail'), mirror: { ...bare.mirror, state: 'copying' } as typeof bare.mirror },
      pairAt('h-atlas', 'db', { record: { armed: false, paused: true } }),
    ],
  });
  expect(atlas.after(3_000)).toEqual([]);
});

test('a host that is worked on is not called silent; one that stays away afterwards is', () => {
  const cora = new Teller('h-cora');
  const maintenance = { until: NIGHT + 3_600_000, reason: 'new disks' };
  cora.world = (world) => ({
    sights: silentSince(world, 'h-atlas', NIGHT),
    records: [{ members: ['h-atlas', 'h-boreas'], maintenance }],
  });
  expect(cora.after(3_500, 10)).toEqual([]);
  expect(cora.after(600, 10).map(({ title }) => title)).toEqual(['atlas does not answer']);
  const boreas = new Teller('h-boreas');
  boreas.world = () => ({
    pairs: [
      pairAt('h-boreas', 'web', {
        record: { armed: false, maintenance },
        status: { peer: { hostId: 'h-atlas', reachable: false, since: NIGHT } },
      }),
    ],
  });
  expect(boreas.after(840, 10)).toEqual([]);
  expect(boreas.after(180, 10).map(({ severity }) => severity)).toEqual(['soon']);
});

test('an armed pair whose witness is lost says that it would wait for a person', () => {
  const atlas = new Teller('h-atlas');
  const lease = {
    ...pairAt('h-atlas').lease,
    hindrances: [{ kind: 'voter-missing', text: 'cora does not answer.' }],
  };
  atlas.world = () => ({
    pairs: [pairAt('h-atlas', 'web', { record: { armed: false }, status: { lease } })],
  });
  const [message] = atlas.after(700);
  expect(message?.title).toBe('web would not be failed over by itself');
  expect(message?.text).toContain('cora does not answer.');
});

test('an agent that starts hears nobody at first: that is no news, and what it told before is not over', () => {
  const cora = new Teller('h-cora');
  cora.world = (world) => ({ sights: silentSince(world, 'h-atlas', NIGHT) });
  cora.after(100);
  // Off for an hour; then it has looked for a second.
  cora.book = takenUp(cora.book);
  cora.now += 3_600_000;
  expect(cora.after(60)).toEqual([]);
  expect(cora.after(120)).toHaveLength(1);
  cora.world = () => ({});
  cora.after(10);
  cora.book = takenUp(cora.book);
  cora.now += 3_600_000;
  cora.world = (world) => ({ sights: silentSince(world, 'h-atlas', NIGHT) });
  expect(cora.after(600, 10)).toEqual([]);
});

test('a host that hears nobody says that of itself, not of all the others', () => {
  const atlas = new Teller('h-atlas');
  atlas.world = (world) => ({ sights: world.sights.map((sight) => ({ ...sight, reachable: false })) });
  expect(atlas.after(900).map(({ title }) => title)).toEqual(['atlas hears none of the other hosts']);
});
