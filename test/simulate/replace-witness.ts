import { type Change, settings, setWitness } from '../../agent/lease/transitions.ts';
import type { Host } from './host.ts';
import type { World } from './world.ts';

/** By the book: automation paused, the new voter holds the record and has kept silent, then the swap. */
export function replaceWitness(world: World, through: Host | null = null): boolean {
  const record = world.truth();
  const old = world.witness();
  if (world.lossUsed || record === null || record.config > 1 || old === world.spare) return false;
  if (world.hosts.length < 3 || old.twin !== null) return false;
  if (![...world.members, old].every((one) => one.well)) return false;
  world.lossUsed = true;
  const checked = world.rules.voterSwapChecked;
  const order = (change: Change): void => {
    const host = through?.well === true ? through : world.members.find((one) => one.well);
    host?.node?.order(change, () => undefined);
  };
  if (checked) {
    world.spare.ran = true;
    world.spare.disk = { ...old.disk, incarnation: 0, writes: 0, seen: {} };
  }
  world.spare.startAgent();
  const readyAt = world.kernel.now + (checked ? world.timing.holdMs * 1.1 : 0);
  const again = (): void => {
    const now = world.truth();
    if (now?.config === 2 && old.power === 'on') {
      old.killAgent();
      old.power = 'gone';
    }
    if (now?.config === 2 && !now.paused) return;
    if (now?.config === 2) order(settings({ paused: false }));
    else if (checked && now?.armed === true) order(settings({ paused: true }));
    else if (world.kernel.now >= readyAt) order(setWitness(world.spare.id, true, world.rules));
    world.kernel.after(400, again);
  };
  again();
  return true;
}
