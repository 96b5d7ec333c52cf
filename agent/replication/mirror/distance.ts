import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { MovedGuest } from '../replication.ts';
import type { Blocks } from './block-layer.ts';
import { addBitmap, bitmapName, type Changes, type Device, onBitmap } from './change-layer.ts';

export interface DistancePorts {
  blocks: Pick<Blocks, 'deviceNode' | 'running'>;
  changes: Pick<Changes, 'transact'>;
}

/**
 * Begins a bitmap on every disk of a guest that stands still, all in one step. QEMU takes them also while it has not opened
 * its images for writing yet (after a migration), and they outlast that.
 * @returns QEMU's nodes under the disks, by target
 */
export async function beginDistance(
  { pairId, disks }: MovedGuest,
  generation: string,
  { blocks, changes }: DistancePorts,
): Promise<Result<Record<string, string>>> {
  const devices: Device[] = [];
  for (const { target, path, sizeBytes } of disks) {
    const device = await blocks.deviceNode(target, path);
    if (!device.ok) return device;
    devices.push({ target, sizeBytes, device: device.value });
  }
  const name = bitmapName(pairId, generation, 1);
  const begun = await changes.transact(devices.map((disk) => addBitmap(disk, name)));
  if (!begun.ok) return begun;
  // Somebody let it go on by hand, maybe before the bitmaps were there.
  if ((await blocks.running()) !== false) {
    await changes.transact(devices.map((disk) => onBitmap('remove', disk, name)));
    return fail(wentOn);
  }
  return ok(Object.fromEntries(devices.map(({ target, device }) => [target, device])));
}

const wentOn: Problem = {
  kind: 'guest-went-on',
  message: 'The machine went on before it was known what it writes.',
  next: 'Both sides are compared instead, by itself.',
};
