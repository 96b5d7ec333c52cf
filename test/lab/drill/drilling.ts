import { randomUUID } from 'node:crypto';
import type { DrillCheck, DrillResult, Task } from '../../../agent/protocol/index.ts';
import { agentState, askAgent } from '../agent-client.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { must, waitFor } from '../run.ts';

const MINUTE = 60_000;

/** Chooses how the machine's copy is asked; the standby knows of it when this resolves. */
export async function setCheck(fleet: ProtectedFleet, machine: string, check: DrillCheck): Promise<void> {
  const { owner, standby } = await fleet.roles(machine);
  const order = { requestId: randomUUID(), actor: 'lab', pairId: fleet.pairId(machine) };
  const settings = { check, every: 'never', hour: 3, maxAgeDays: 90 } as const;
  await askAgent(fleet.lab, owner, 'pair.drillSettings', { ...order, settings });
  await waitFor('the standby to know the check', MINUTE, async () => {
    const { members } = await fleet.sight(machine);
    return members[standby]?.drill?.settings.check.kind === check.kind;
  });
}

/** Orders a drill on the standby, of a restore point where one is named; the order's id. */
export async function orderDrill(
  fleet: ProtectedFleet,
  machine: string,
  standS: number,
  point: string | null = null,
): Promise<string> {
  const { standby } = await fleet.roles(machine);
  const requestId = randomUUID();
  const order = { requestId, actor: 'lab', pairId: fleet.pairId(machine), standS, point };
  const given = await askAgent(fleet.lab, standby, 'pair.drill', order);
  if (!given) throw new Error(`the agent of ${standby} cannot be asked`);
  return requestId;
}

export async function drillTask(fleet: ProtectedFleet, host: string, id: string): Promise<Task | null> {
  const state = await agentState(fleet.lab, host);
  return state?.tasks.find((task) => task.id === id) ?? null;
}

/** Waits until a step of it has begun, or, with a note, has said so. */
export async function untilStep(
  fleet: ProtectedFleet,
  host: string,
  id: string,
  step: string,
  note?: RegExp,
): Promise<void> {
  await waitFor(
    `the drill's ${step}`,
    3 * MINUTE,
    async () => {
      const task = await drillTask(fleet, host, id);
      if (task && task.state !== 'running' && task.state !== 'done')
        throw new Error(`the drill ended: ${JSON.stringify(task.problem)}`);
      const found = task?.steps.find((one) => one.id === step);
      if (!found || found.state === 'pending') return false;
      return note === undefined || note.test(found.note ?? '');
    },
    50,
  );
}

export async function untilEnded(fleet: ProtectedFleet, host: string, id: string): Promise<Task> {
  return waitFor('the drill to end', 6 * MINUTE, async () => {
    const task = await drillTask(fleet, host, id);
    return task && task.state !== 'running' ? task : null;
  });
}

export async function resultOf(fleet: ProtectedFleet, machine: string, id: string): Promise<DrillResult> {
  return waitFor('the result of the drill', MINUTE, async () => {
    const { members } = await fleet.sight(machine);
    const results = Object.values(members).flatMap(({ drill }) => drill?.results ?? []);
    return results.find((result) => result.id === id) ?? null;
  });
}

/** What a drill left on a host, anywhere; empty when it left no trace. */
export async function traces(fleet: ProtectedFleet, host: string): Promise<string[]> {
  const look = [
    'virsh --quiet list --all --name | grep ^drill- || true',
    'ip netns list',
    'ip -o link | grep -o " ud[0-9a-f]*n[0-9]" || true',
    'systemctl list-units --all --plain --no-legend "understudy-drill-*" | cut -d" " -f1',
    'pgrep -fa "[q]emu.*drill-" || true',
    'find /var/lib/libvirt /run/libvirt/understudy /run/understudy /etc/apparmor.d/libvirt /var/log/libvirt -name "*drill*" 2>/dev/null || true',
    'find /var/lib/libvirt/images -name "*.point-*" || true',
  ];
  const found = await fleet.lab.exec(host, ['sh', '-c', look.join('; ')], { timeoutMs: 20_000 });
  return found.stdout.split('\n').filter((line) => line.trim() !== '');
}

/**
 * Whether both copies of every disk read alike now. The machine is paused for the moment of it, which flushes its images;
 * the standby's are write-through.
 */
export async function identical(fleet: ProtectedFleet, machine: string): Promise<boolean> {
  const { owner, standby } = await fleet.roles(machine);
  const { lab } = fleet;
  const [member] = Object.values((await fleet.sight(machine)).members);
  if (!member) throw new Error('no agent answers');
  const virsh = async (command: string): Promise<void> => {
    const done = await lab.exec(owner, ['virsh', '--quiet', command, machine]);
    if (done.code !== 0) throw new Error(done.stderr);
  };
  await virsh('suspend');
  try {
    for (const { paths, format } of member.spec.disks) {
      const [mine, theirs] = [owner, standby].map((host) => lab.pathOn(host, paths[fleet.idOf(host)] ?? ''));
      const compare = ['qemu-img', 'compare', '-U', '-q', '-f', format, '-F', format];
      try {
        await must([...compare, mine ?? '', theirs ?? '']);
      } catch {
        return false;
      }
    }
    return true;
  } finally {
    await virsh('resume');
  }
}
