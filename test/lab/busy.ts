import { parseArgs } from 'node:util';
import { AgentClient } from './agent-client.ts';
import { auditOfAll } from './audit-file.ts';
import { Bench, MACHINE, MINUTE, pause } from './failover/bench.ts';
import { EVENTS } from './failover/timeline.ts';
import { places } from './places.ts';
import { ProtectedFleet } from './protected-fleet.ts';
import { must } from './run.ts';

/**
 * `npm run lab:busy -- --minutes M [--profile balanced] [--json] [--keep]`: a healthy, armed machine while 8 busy
 * processes saturate its host. It must be neither paused nor restarted, and its mirror not be held.
 */
const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    minutes: { type: 'string', default: '10' },
    profile: { type: 'string', default: 'balanced' },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const BUSY = 8;
const say = (line: string): void => console.error(line);

interface Figures {
  minutes: number;
  profile: string;
  pauses: number;
  restarts: number;
  /** The mirror was held, or given up, though nothing was broken. */
  falseHolds: number;
  /** The pair was disarmed though nothing was broken. */
  disarmed: number;
  acked: number;
  missing: number;
  /** Longest time without an acknowledgement. */
  gapS: number;
  observerGapMs: number;
}

/** Counts how often the mirror went into *held*, as a console is told, and how often the record lost `armed`. */
async function watchMirror(fleet: ProtectedFleet, host: string) {
  const seen = { held: 0, disarmed: 0 };
  let [last, armed] = ['', true];
  const client = await AgentClient.open(fleet.lab, host, (notice) => {
    if (notice.name !== 'pair' || !notice.value.pair) return;
    const { mirror, record } = notice.value.pair;
    if (mirror?.state === 'held' && last !== 'held') seen.held += 1;
    if (armed && !record.armed) seen.disarmed += 1;
    armed = record.armed;
    last = mirror?.state ?? '';
  });
  if (!client) throw new Error(`the agent of ${host} cannot be asked`);
  await client.call('state.subscribe', {});
  return { seen, close: () => client.close() };
}

async function measure(fleet: ProtectedFleet, bench: Bench): Promise<Figures> {
  const { owner } = await fleet.roles(MACHINE);
  const recorder = await bench.record(50, 500);
  const mirror = await watchMirror(fleet, owner);
  const began = Date.now();
  const units = Array.from({ length: BUSY }, (_, n) => `busy${n}`);
  const start = units.map((unit) => `systemd-run --quiet --unit ${unit} sh -c "while :; do :; done"`);
  await must(fleet.lab.sshCommand(owner, ['--', start.join(' && ')]));
  await pause(Number(values.minutes) * MINUTE);
  await fleet.lab.exec(owner, ['systemctl', 'stop', ...units]);
  const minutes = (Date.now() - began) / MINUTE;
  const disturbances = bench.disturbances(began);
  mirror.close();
  await recorder.stop();
  const { acked, missing } = await recorder.verify();
  const stale = auditOfAll(fleet.lab, began).filter(({ event }) => EVENTS.stale.test(event));
  for (const { host, event, text } of stale) say(`${host}: ${event}: ${text}`);
  return {
    minutes: Math.round(minutes * 10) / 10,
    profile: fleet.plan.profile,
    ...disturbances,
    falseHolds: mirror.seen.held + stale.length,
    disarmed: mirror.seen.disarmed,
    acked,
    missing,
    gapS: (await recorder.outage()).seconds,
    observerGapMs: bench.observer.worstGapMs,
  };
}

async function main(): Promise<boolean> {
  const profile = (['fast', 'balanced', 'patient'] as const).find((one) => one === values.profile);
  if (!profile || !(Number(values.minutes) > 0))
    throw new Error('--minutes takes a number, --profile a profile');
  const plan = { machines: [MACHINE], policy: 'automatic', profile, witness: true, say } as const;
  const fleet = await ProtectedFleet.up(places(process.env.UNDERSTUDY_LAB ?? 'busy'), {
    ...plan,
    machines: [MACHINE],
  });
  const bench = await Bench.open(fleet);
  try {
    const figures = await measure(fleet, bench);
    process.stdout.write(`${JSON.stringify(figures, null, values.json ? 0 : 2)}\n`);
    return figures.pauses + figures.restarts + figures.falseHolds + figures.missing === 0;
  } finally {
    await bench.observer.stop();
    if (!values.keep) await fleet.down();
  }
}

main().then(
  (good) => {
    process.exitCode = good ? 0 : 1;
  },
  (error: unknown) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    say(text);
    process.stdout.write(`${JSON.stringify({ error: text })}\n`);
    process.exitCode = 1;
  },
);
