import { randomUUID } from 'node:crypto';
import type { FollowStatus, ReplicationMode, RestorePoint, Task } from '../../../agent/protocol/index.ts';
import { AgentClient, agentState, askAgent } from '../agent-client.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { waitFor } from '../run.ts';

const MINUTE = 60_000;
const order = (fleet: ProtectedFleet, machine: string) => ({
  requestId: randomUUID(),
  actor: 'lab',
  pairId: fleet.pairId(machine),
});

/** Waits until an order has ended, and fails when it did not end well. */
export async function done(fleet: ProtectedFleet, host: string, taskId: string | undefined): Promise<Task> {
  const task = await waitFor('an order to end', 3 * MINUTE, async () => {
    const found = (await agentState(fleet.lab, host))?.tasks.find(({ id }) => id === taskId);
    return found && found.state !== 'running' ? found : null;
  });
  if (task.state !== 'done') throw new Error(`${task.kind} ${task.state}: ${task.problem?.message}`);
  return task;
}

/** How the copy is kept from now on; also with the mode that it has already, which makes a point at once. */
export async function keep(fleet: ProtectedFleet, machine: string, mode: ReplicationMode): Promise<Task> {
  const { owner } = await fleet.roles(machine);
  const given = await askAgent(fleet.lab, owner, 'pair.mode', {
    ...order(fleet, machine),
    replication: mode,
  });
  return done(fleet, owner, given?.task.id);
}

/** A person starts the machine on its standby, from its newest point or another if it is kept by points. @returns the moment of the order, Unix ms */
export async function startFrom(
  fleet: ProtectedFleet,
  machine: string,
  host: string,
  point?: string,
): Promise<number> {
  const expected = (await fleet.sight(machine)).members[host]?.record.epoch;
  if (!expected) throw new Error(`${host} does not tell of ${machine}`);
  const at = Date.now();
  const given = await askAgent(fleet.lab, host, 'pair.failover', {
    ...order(fleet, machine),
    expected,
    forced: true,
    evidence: { lab: 'its power was cut' },
    point: point ?? null,
  });
  await done(fleet, host, given?.task.id);
  return at;
}

/** The points a host keeps. */
export async function pointsOn(
  fleet: ProtectedFleet,
  machine: string,
  host: string,
): Promise<RestorePoint[]> {
  return (await fleet.sight(machine)).members[host]?.restorePoints ?? [];
}

/** Waits until the host keeps so many points besides those. */
export function newerThan(
  fleet: ProtectedFleet,
  machine: string,
  host: string,
  known: RestorePoint[],
  count: number,
): Promise<RestorePoint[]> {
  const ids = known.map(({ id }) => id);
  return waitFor(`${count} newer points on ${host}`, 4 * MINUTE, async () => {
    const points = await pointsOn(fleet, machine, host);
    return points.filter(({ id }) => !ids.includes(id)).length >= count ? points : null;
  });
}

/** How far the copy is behind, as a console was last told: from notices, so that it is known when its host has no power. */
export class Meter {
  last: FollowStatus | null = null;
  readonly #client: AgentClient;

  private constructor(client: AgentClient) {
    this.#client = client;
  }

  static async open(fleet: ProtectedFleet, machine: string, host: string): Promise<Meter> {
    let meter: Meter | null = null;
    const see = (
      status: { spec: { pairId: string }; mirror?: { follow?: FollowStatus | undefined } | null } | null,
    ) => {
      if (meter && status?.spec.pairId === fleet.pairId(machine))
        meter.last = status.mirror?.follow ?? meter.last;
    };
    const client = await AgentClient.open(fleet.lab, host, (notice) => {
      if (notice.name === 'pair') see(notice.value.pair);
    });
    if (!client) throw new Error(`the agent of ${host} cannot be asked`);
    meter = new Meter(client);
    for (const pair of (await client.call('state.subscribe', {})).pairs) see(pair);
    return meter;
  }

  /** Waits until it shows a newer point. */
  async newer(timeoutMs: number): Promise<RestorePoint> {
    const before = this.last?.point?.id;
    return waitFor('a newer point', timeoutMs, () => {
      const point = this.last?.point;
      return point && point.id !== before ? point : null;
    });
  }

  close(): void {
    this.#client.close();
  }
}
