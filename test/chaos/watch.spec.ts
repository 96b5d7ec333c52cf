import { expect, it } from 'vitest';
import { type Finding, type GuestState, type Sample, type Sight, Watch } from './watch.ts';

const UUID = 'u';
const sight = (host: string, state: GuestState, lateMs: number | null = null): Sight => ({
  host,
  uuid: UUID,
  pid: host === 'a' ? 10 : 20,
  start: 1,
  state,
  lateMs,
});

function sample(at: number, sights: Sight[], frozen: string[] = []): Sample {
  const running = sights.filter((each) => each.state === 'runs');
  return { at, sights, frozen, both: running.length > 1 ? [UUID] : [] };
}

const overlaps = (findings: Finding[]) => findings.filter((finding) => finding.t === 'overlap');

function watched(samples: Sample[]): Finding[] {
  const watch = new Watch(200);
  return samples.flatMap((each) => watch.take(each));
}

it('tells each change of a process, by which it is known until it ends', () => {
  const told = watched([
    sample(0, []),
    sample(100, [sight('a', 'paused')]),
    sample(200, [sight('a', 'runs')]),
    sample(300, [sight('a', 'runs')]),
    sample(400, [sight('a', 'stopped')]),
    sample(500, []),
  ]);
  expect(told.map((finding) => finding.t === 'change' && [finding.from, finding.to])).toEqual([
    ['none', 'paused'],
    ['paused', 'runs'],
    ['runs', 'stopped'],
    ['stopped', 'none'],
  ]);
});

it('two that run are an overlap, with the times between which it must lie', () => {
  const told = watched([
    sample(0, [sight('a', 'runs')]),
    sample(100, [sight('a', 'runs'), sight('b', 'runs')]),
    sample(105, [sight('a', 'runs'), sight('b', 'runs')]),
    sample(110, [sight('a', 'stopped'), sight('b', 'runs')]),
  ]);
  expect(overlaps(told)).toEqual([
    {
      t: 'overlap',
      uuid: UUID,
      after: 0,
      first: 100,
      last: 105,
      before: 110,
      hosts: ['a', 'b'],
      thawed: null,
    },
  ]);
});

it('one that is stopped or paused beside one that runs is none', () => {
  expect(
    overlaps(watched([sample(0, [sight('a', 'stopped'), sight('b', 'runs')]), sample(100, [])])),
  ).toEqual([]);
  expect(overlaps(watched([sample(0, [sight('a', 'paused'), sight('b', 'runs')]), sample(100, [])]))).toEqual(
    [],
  );
});

it('a host just thawed explains an overlap within the bound, and no longer one', () => {
  const frozen = sample(0, [sight('a', 'frozen'), sight('b', 'runs')], ['a']);
  const both = (at: number) => sample(at, [sight('a', 'runs'), sight('b', 'runs')]);
  const end = (at: number) => sample(at, [sight('a', 'stopped'), sight('b', 'runs')]);
  expect(overlaps(watched([frozen, both(100), both(150), end(160)]))).toMatchObject([{ thawed: 'a' }]);
  expect(overlaps(watched([frozen, both(100), both(350), end(360)]))).toMatchObject([{ thawed: null }]);
});

it('a guest that starts elsewhere long after the thaw is not excused by it', () => {
  const samples = [
    sample(0, [sight('a', 'frozen')], ['a']),
    sample(100, [sight('a', 'runs')]),
    sample(500, [sight('a', 'runs'), sight('b', 'runs')]),
    sample(505, [sight('a', 'runs')]),
  ];
  expect(overlaps(watched(samples))).toMatchObject([{ thawed: null }]);
});

it('what the tester continued itself is excused like a thaw', () => {
  const watch = new Watch(200);
  watch.take(sample(0, [sight('a', 'stopped'), sight('b', 'runs')]));
  watch.continued('a', 50);
  watch.take(sample(100, [sight('a', 'runs'), sight('b', 'runs')]));
  expect(watch.take(sample(105, [sight('b', 'runs')]))).toMatchObject([
    { t: 'change' },
    { t: 'overlap', thawed: 'a' },
  ]);
});

it('a guest beyond its permission is told once, unless its host has just been thawed', () => {
  const late = (findings: Finding[]) => findings.filter((finding) => finding.t === 'late');
  const samples = [100, 250, 350].map((lateMs, n) => sample(n * 100, [sight('a', 'runs', lateMs)]));
  expect(late(watched(samples))).toMatchObject([{ lateMs: 250 }]);
  const thawed = [sample(0, [sight('a', 'frozen')], ['a']), sample(100, [sight('a', 'runs', 9_000)])];
  expect(late(watched(thawed))).toEqual([]);
  expect(late(watched([...thawed, sample(400, [sight('a', 'runs', 9_300)])]))).toHaveLength(1);
});

it('an overlap that goes on at the end is not forgotten', () => {
  const watch = new Watch(200);
  watch.take(sample(0, [sight('a', 'runs'), sight('b', 'runs')]));
  expect(watch.end(100)).toMatchObject([{ first: 0, before: 100, thawed: null }]);
  expect(watch.end(200)).toEqual([]);
});
