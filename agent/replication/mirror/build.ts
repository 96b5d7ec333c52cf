import { join } from 'node:path';
import { ok, type Result } from '../../protocol/index.ts';
import type { GroupOrder, GroupStatus } from '../forwarder/control-protocol.ts';
import type { MirrorOrder } from '../replication.ts';
import type { Blocks } from './block-layer.ts';
import type { Forwarder } from './forwarder-client.ts';

export interface DeviceDisk {
  target: string;
  /** QEMU's node under the guest's disk. */
  device: string;
  /** Where its mirror meets the forwarder. */
  socket: string;
}

/** How long a released guest's next write may take to end its mirror by itself: 10 looks of 50 ms. */
export const RELEASE_LOOKS = 10;

/**
 * Connects the stream first, then gives QEMU one replica node and one job per disk.
 * What an earlier attempt left in QEMU is removed before.
 */
export async function buildMirror(
  order: MirrorOrder,
  blocks: Blocks,
  forwarder: Forwarder,
  deadlineMs: number,
  /** Told where QEMU will look for the forwarder, before it does. */
  willUse: (disks: DeviceDisk[]) => Promise<void>,
): Promise<Result<GroupStatus | null>> {
  const cleared = await takeApart(order, blocks, 1);
  if (!cleared.ok) return cleared;
  const disks = await deviceDisks(order, blocks);
  if (!disks.ok) return disks;
  await willUse(disks.value);
  const opened = await openStream(order, disks.value, forwarder, deadlineMs);
  if (!opened.ok) return opened;
  for (const { target, device, socket } of disks.value) {
    const added = await blocks.addReplica(target, socket);
    const mirrored = added.ok ? await blocks.startMirror(target, device) : added;
    if (!mirrored.ok) return mirrored;
  }
  return opened;
}

/** The forwarder's stream to what the standby offers; one of before is closed. */
export async function openStream(
  order: MirrorOrder,
  disks: DeviceDisk[],
  forwarder: Forwarder,
  deadlineMs: number,
): Promise<Result<GroupStatus | null>> {
  await forwarder.order({ c: 'close', group: order.pairId });
  const opened = await forwarder.order({ c: 'open', order: streamOf(order, disks, deadlineMs) });
  return opened.ok ? ok(opened.value[0] ?? null) : opened;
}

/**
 * Removes jobs and nodes of this pair from QEMU, whatever is left of them.
 * @param looks how often to look for the jobs' own end before they are cancelled
 */
export async function takeApart(order: MirrorOrder, blocks: Blocks, looks: number): Promise<Result<void>> {
  const gone = await blocks.untilNoJobs(looks);
  if (!gone.ok) {
    const cancelled = await blocks.cancelJobs(true);
    if (!cancelled.ok) return cancelled;
  }
  return blocks.removeReplicas(order.disks.map(({ target }) => target));
}

/** QEMU's nodes of the disks, and where their mirrors will meet the forwarder. */
export async function deviceDisks(order: MirrorOrder, blocks: Blocks): Promise<Result<DeviceDisk[]>> {
  const directory = await blocks.socketDirectory();
  if (!directory.ok) return directory;
  const found: DeviceDisk[] = [];
  for (const { target, path } of order.disks) {
    const device = await blocks.deviceNode(target, path);
    if (!device.ok) return device;
    found.push({ target, device: device.value, socket: join(directory.value, `understudy-${target}.sock`) });
  }
  return ok(found);
}

function streamOf(order: MirrorOrder, disks: DeviceDisk[], deadlineMs: number): GroupOrder {
  const { remote } = order;
  return {
    group: order.pairId,
    remote: { host: order.address, port: remote.port, serverName: remote.serverName },
    heartbeat: remote.heartbeat,
    deadlineMs,
    disks: disks.map(({ target, socket }) => ({
      name: target,
      socket,
      exportName: remote.exports[target] ?? '',
    })),
  };
}
