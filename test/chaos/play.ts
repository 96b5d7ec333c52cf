import { auditOfAll } from '../lab/audit-file.ts';
import { briefly, type ProtectedFleet } from '../lab/protected-fleet.ts';
import { waitFor } from '../lab/run.ts';
import { Client } from './client.ts';
import { Director } from './director.ts';
import { startByHand } from './kinds-process.ts';
import { Observer } from './observer.ts';
import { Person } from './person.ts';
import { type Kind, pause, Scene } from './scene.ts';
import { Steward } from './steward.ts';
import { beyondPermission, touched, twoCopies, untold, type Violation } from './verdict.ts';
import { type Counts, judgeWrites, rounded, type Writes } from './writes.ts';

/** What one machine went through. */
interface Part extends Counts {
  /** The ways its copy was kept, as long as it was in place. */
  modes: string[];
  /** Share of the looks in which it was armed; null for one that never is. */
  armedShare: number | null;
}

export interface Result extends Omit<Writes, 'of'> {
  seed: number;
  minutes: number;
  profile: string;
  /** Every way in which a copy was kept. */
  modes: string[];
  machines: Record<string, Part>;
  /** Count by kind. */
  faults: Record<string, number>;
  faultsPerMinute: number;
  /** Share of faults that found their pair armed, and of all looks at pairs that are to be. */
  armedAtFault: number;
  armedShare: number;
  violations: number;
  violationDetails: Violation[];
  /** Worst overlap after a thaw, an upper bound; observerGapMs says how far apart the looks were at worst. */
  thawOverlapMs: number;
  observerGapMs: number;
  /** Failovers to a point, by a person. */
  personFailovers: number;
  /** How long after the last fault was undone every machine ran on one host and was written to; and was armed. */
  runsAgainS: number;
  armedAgainS: number | null;
  /** Faults that could not be brought about or undone. */
  troubles: string[];
}

interface Order {
  seed: number;
  minutes: number;
  kinds: Kind[];
  say(line: string): void;
}

const MINUTE = 60_000;
/** I7: how long it may take until everything runs once nothing is broken any more; hosts boot within it. */
const RUNS_WITHIN_MS = 2 * MINUTE;
const ARMED_WITHIN_MS = 4 * MINUTE;
/** Old records are written anew as well; where a failover may lose some, new ones only, so that a lost one is told from an old one. */
const PACE = { intervalMs: 50, fresh: 1_000 };
const LOOSE_PACE = { intervalMs: 100, fresh: Number.POSITIVE_INFINITY };

/** Chaos on an armed fleet, and the verdict on it. */
export async function play(fleet: ProtectedFleet, order: Order): Promise<Result> {
  const { machines } = fleet.plan;
  const uuids = [...machines.map((name) => fleet.lab.guest(name).uuid), ...fleet.bystanders.values()];
  const observer = await Observer.start(fleet.lab, uuids);
  const scene = new Scene(fleet, observer, order.say);
  const clients = await Promise.all(
    machines.map((name) => Client.start(fleet, name, fleet.isLoose(name) ? LOOSE_PACE : PACE)),
  );
  await Promise.all(clients.map((client) => client.waitForMore(50, MINUTE)));
  const person = new Person(scene, clients);
  const steward = new Steward(fleet, person);
  const tended = steward.start();
  const director = new Director(scene, order.seed, order.kinds);
  const began = Date.now();
  await Promise.race([director.play(began + order.minutes * MINUTE), tended]);
  const minutes = (Date.now() - began) / MINUTE;
  const end = await calm(scene, clients);
  await steward.stop();
  await Promise.all(clients.map((client) => client.stop()));
  const { of: counts, ...written } = await judgeWrites(clients, end.violations);
  await observer.stop();
  const violations = [
    ...end.violations,
    ...steward.epochs.violations,
    ...judge(fleet, scene, observer, began),
  ];
  return {
    seed: order.seed,
    minutes: rounded(minutes),
    profile: fleet.plan.profile,
    ...partsOf(fleet, steward, counts),
    faults: scene.faults,
    faultsPerMinute: rounded(Object.values(scene.faults).reduce((a, b) => a + b, 0) / minutes),
    armedAtFault: rounded(scene.hits.armed / Math.max(1, scene.hits.all)),
    armedShare: rounded(steward.book.armedShare(machines.filter((name) => !fleet.isLoose(name)))),
    violations: violations.length,
    violationDetails: violations,
    thawOverlapMs: observer.thawOverlapMs,
    observerGapMs: observer.worstGapMs,
    ...written,
    personFailovers: person.failovers,
    runsAgainS: end.runsAgainS,
    armedAgainS: end.armedAgainS,
    troubles: director.troubles,
  };
}

function partsOf(
  fleet: ProtectedFleet,
  { book }: Steward,
  counts: Record<string, Counts>,
): Pick<Result, 'modes' | 'machines'> {
  const machines: Record<string, Part> = {};
  for (const [name, count] of Object.entries(counts)) {
    const armedShare = fleet.isLoose(name) ? null : rounded(book.armedShare([name]));
    machines[name] = { modes: book.modes(name), armedShare, ...count };
  }
  return { modes: [...new Set(Object.values(machines).flatMap(({ modes }) => modes))].sort(), machines };
}

function judge(fleet: ProtectedFleet, scene: Scene, observer: Observer, began: number): Violation[] {
  const wasDown = (host: string, at: number): boolean => scene.wasDown(host, at);
  const pairOf = new Map(fleet.plan.machines.map((name) => [fleet.lab.guest(name).uuid, fleet.pairId(name)]));
  const changes = observer.changes.filter(({ at }) => at >= began);
  const shared = fleet.plan.machines.filter((name) => fleet.plan.attended?.[name] === 'shared');
  const alone = new Set(shared.map((name) => fleet.lab.guest(name).uuid));
  return [
    ...twoCopies(observer.overlaps, alone),
    ...beyondPermission(observer.late),
    ...touched(changes, fleet.bystanders, wasDown),
    ...untold(changes, auditOfAll(fleet.lab), pairOf, wasDown),
  ];
}

/** Faults stop: within a bounded time everything runs on exactly one host, is written to, and is armed again. */
async function calm(
  scene: Scene,
  clients: Client[],
): Promise<{ violations: Violation[]; runsAgainS: number; armedAgainS: number | null }> {
  const violations: Violation[] = [];
  const { fleet, say } = scene;
  await fleet.mend();
  for (const machine of scene.downByHand) await startByHand(scene, machine);
  const began = Date.now();
  const since = (): number => rounded((Date.now() - began) / 1000);
  for (const [index, machine] of fleet.plan.machines.entries()) {
    const client = clients[index];
    const before = client?.acked ?? 0;
    await waitFor(`${machine} to run`, RUNS_WITHIN_MS, () => (client?.acked ?? 0) > before + 10).catch(
      async () => {
        const seen = JSON.stringify(briefly(await fleet.sight(machine)));
        violations.push({ invariant: 'I7', at: Date.now(), text: `${machine} does not run again: ${seen}` });
      },
    );
  }
  const runsAgainS = since();
  say(`everything mended; runs again after ${runsAgainS} s`);
  let armedAgainS: number | null = null;
  try {
    for (const machine of fleet.plan.machines) await fleet.settle(machine, ARMED_WITHIN_MS);
    armedAgainS = since();
  } catch (error) {
    violations.push({ invariant: 'arms-again', at: Date.now(), text: String(error) });
  }
  await pause(1_000);
  return { violations, runsAgainS, armedAgainS };
}
