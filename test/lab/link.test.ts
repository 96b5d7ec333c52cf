import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { down, type Lab, up } from './lab.ts';
import { places } from './places.ts';
import { must } from './run.ts';

/** A lab of its own, so that one which somebody works with is left alone. */
const PLACES = places('link');
const ROOT = join(import.meta.dirname, '..', '..');

/** One line of link-probe.ts. */
interface Line {
  at: number;
  state: string;
  kind: string;
}

let lab: Lab;
let probe: ChildProcess;
const lines: Line[] = [];
let wake: () => void = () => undefined;

beforeAll(async () => {
  await must([process.execPath, join(ROOT, 'src-main/scripts/build-agent.mjs')], { timeoutMs: 300_000 });
  await down(PLACES);
  lab = await up({ hosts: 1 }, PLACES);
  const script = join(import.meta.dirname, 'link-probe.ts');
  const argv = [
    process.execPath,
    script,
    join(ROOT, 'dist', 'agent'),
    lab.host('atlas').address,
    lab.keyFile,
  ];
  const [command = '', ...args] = lab.inNamespace(argv);
  probe = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (probe.stdout === null) throw new Error('no pipe');
  createInterface(probe.stdout).on('line', (line) => {
    lines.push(JSON.parse(line));
    wake();
  });
  await next('online');
});

afterAll(async () => {
  probe?.kill();
  await down(PLACES);
});

/** The next line with that state, from those not looked at yet. */
async function next(state: string): Promise<Line> {
  for (;;) {
    const index = lines.findIndex((line) => line.state === state);
    if (index >= 0) return lines.splice(0, index + 1).at(-1) ?? Promise.reject(new Error('gone'));
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

/** Seconds from `cause` until the link shows `state`. */
async function secondsTo(state: string, cause: () => Promise<void>): Promise<number> {
  const before = Date.now();
  await cause();
  const line = await next(state);
  return (line.at - before) / 1000;
}

describe('a lasting link', () => {
  test.each([
    ['stands still', () => lab.freeze('atlas'), () => lab.thaw('atlas')],
    ['is cut off', () => lab.cut('atlas', 'client'), () => lab.heal()],
    ['loses power', () => lab.powerOff('atlas'), () => lab.powerOn('atlas')],
  ])('notices a host that %s, and finds it again', async (name, harm, mend) => {
    const noticed = await secondsTo('offline', harm);
    const back = await secondsTo('online', mend);
    console.log(`host that ${name}: noticed after ${noticed} s, back ${back} s after it was mended`);
    expect(noticed).toBeLessThan(6);
  });
});
