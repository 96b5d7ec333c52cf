import { ok, type Result } from '../../protocol/index.ts';
import type { Blocks } from './block-layer.ts';
import type { CatchUp } from './catch-up.ts';
import type { Changes } from './change-layer.ts';

export interface LastStepPorts {
  blocks: Pick<Blocks, 'running' | 'addReplica' | 'startMirror'>;
  changes: Pick<Changes, 'backup' | 'dismiss' | 'stopGuest'>;
  /** Written down before the guest is stopped: who finds it so lets it go on. */
  aboutToPause(): Promise<void>;
  /** Returns when the guest runs on, or is no more. */
  goOn(): Promise<void>;
  /** Nobody needs to let it go on any more. */
  wentOn(): Promise<void>;
  now(): number;
}

/**
 * With the stream open: the guest stands still while what is left is sent and the mirror begins. QEMU's backup job may
 * do that, since no write of the guest can wait for it.
 * @param disks where the mirror meets the stream
 * @returns how long the guest stood still, ms, and what was sent, bytes
 */
export async function lastStep(
  catchUp: CatchUp,
  disks: { target: string; socket: string; device: string }[],
  ports: LastStepPorts,
): Promise<Result<{ pauseMs: number; bytes: number }>> {
  const { blocks, changes } = ports;
  for (const { target, socket } of disks) {
    const added = await blocks.addReplica(target, socket);
    if (!added.ok) return added;
  }
  // One that somebody paused stays so.
  const runs = (await blocks.running()) !== false;
  if (runs) await ports.aboutToPause();
  const more = await catchUp.oneMore();
  const rest = more.ok ? await catchUp.rest() : more;
  if (!rest.ok) {
    if (runs) await ports.wentOn();
    return rest;
  }
  const began = ports.now();
  const sent = await whileStopped(rest.value, disks, runs, ports);
  if (runs) await ports.goOn();
  const pauseMs = runs ? ports.now() - began : 0;
  if (runs) await ports.wentOn();
  await changes.dismiss(rest.value.map(({ disk }) => disk));
  return sent.ok ? ok({ pauseMs, bytes: sent.value.bytes }) : sent;
}

async function whileStopped(
  rest: Parameters<Changes['backup']>[0],
  disks: { target: string; device: string }[],
  runs: boolean,
  { blocks, changes }: LastStepPorts,
): Promise<Result<{ bytes: number }>> {
  if (runs) {
    const stopped = await changes.stopGuest();
    if (!stopped.ok) return stopped;
  }
  const sent = await changes.backup(rest);
  if (!sent.ok) return sent;
  const begun = await Promise.all(
    disks.map(({ target, device }) => blocks.startMirror(target, device, 'none')),
  );
  return begun.find((one) => !one.ok) ?? sent;
}
