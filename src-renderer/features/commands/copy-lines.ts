import type { ExternalVerb } from '../../../agent/protocol/coordinated.ts';
import { isCoordinated, makesPoints, type ReplicationMode } from '../../../agent/protocol/mode.ts';
import { m } from '../../lib/messages.ts';
import { shellLine, shellWord } from './shell.ts';

export interface Side {
  id: string;
  name: string;
}

/** One disk by its name in the machine, with its file on each side. */
export interface DiskFiles {
  target: string;
  owner: string;
  standby: string;
}

/** What of a pair is written into commands. */
export interface Parts {
  pairId: string;
  /** As a shell takes it for one word. */
  name: string;
  owner: Side;
  standby: Side;
  mode: ReplicationMode;
  disks: readonly DiskFiles[];
}

type Copied = Pick<Parts, 'disks' | 'pairId'>;
type Kept = Copied & Pick<Parts, 'mode'>;

const record = m.commands.record;

export const exported = (pairId: string, target: string): string => `${pairId}.${target}`;

/** Every write on both hosts, whatever the copy is kept by otherwise. */
export const mirrored = ({ disks }: Copied): string[] =>
  disks.map(
    ({ target }) => `blockdev-mirror ${target} copy-mode=write-blocking   # QMP, through the forwarder`,
  );

export const unmirrored = ({ disks, pairId }: Copied): string[] =>
  disks.map(({ target }) => `block-job-cancel understudy-${pairId}-${target}   # QMP`);

/** What was written since the last point is sent as the next one, again and again. */
const followed = ({ disks, pairId }: Copied): string[] =>
  disks.flatMap(({ target }) => [
    `block-dirty-bitmap-add ${target} understudy-${pairId}   # QMP, notes what is written`,
    `block-export-add nbd ${target} writable=false   # QMP, read for the next point`,
  ]);

const unfollowed = ({ disks, pairId }: Copied): string[] =>
  disks.map(({ target }) => `block-dirty-bitmap-remove ${target} understudy-${pairId}   # QMP`);

/** On the owner: its writes are sent to the copy from now on. Nothing where others do that. */
export function sent(parts: Kept): string[] {
  if (isCoordinated(parts.mode)) return [];
  return makesPoints(parts.mode) ? followed(parts) : mirrored(parts);
}

/** On the owner: they are not sent any more. */
export function unsent(parts: Kept): string[] {
  if (isCoordinated(parts.mode)) return [];
  return makesPoints(parts.mode) ? unfollowed(parts) : unmirrored(parts);
}

/** On the standby: its storage daemon takes what is sent. */
export const opened = ({ disks, pairId, mode }: Kept): string[] =>
  isCoordinated(mode)
    ? []
    : disks.map(
        ({ target }) =>
          `block-export-add nbd ${exported(pairId, target)} writable=true   # QMP, storage daemon`,
      );

/** On the standby: nothing of ours has the copy open any more. */
export const closed = ({ disks, pairId, mode }: Kept): string[] =>
  isCoordinated(mode)
    ? []
    : disks.map(
        ({ target }) => `block-export-del ${exported(pairId, target)}; blockdev-del   # QMP, storage daemon`,
      );

/** On the standby: its copy can be started. `mirrored`: also one kept by points has everything now. */
export function startable(parts: Parts, isMirrored = false): string[] {
  const { mode, disks } = parts;
  if (mode.kind === 'shared')
    return disks.map(({ standby: path }) => `qemu-img info ${shellWord(path)}   ${record.free}`);
  if (mode.kind === 'external') return promoted(parts);
  const layers = disks.map(({ standby: path }) => `qemu-img create -f qcow2 -b POINT ${shellWord(path)}`);
  return [...closed(parts), ...(makesPoints(mode) && !isMirrored ? layers : [])];
}

/** On the standby, before every start of the machine there. */
export const promoted = (parts: Parts): string[] => command(parts, parts.standby, 'promote');

/** On the owner, once its machine is shut down: the other side may be written to. */
export const released = (parts: Parts): string[] => command(parts, parts.owner, 'demote');

/** One of the operator's own commands, as it stands; none where there is no such thing. */
function command({ mode }: Parts, { id }: Side, verb: ExternalVerb): string[] {
  const found = mode.kind === 'external' ? mode.commands[id]?.[verb] : null;
  return found ? [shellLine(found)] : [];
}

/** Whose files they are decides who deletes them. */
export const removed = ({ mode, disks }: Parts): string[] =>
  isCoordinated(mode) ? [] : disks.map(({ standby }) => `rm ${shellWord(standby)}`);
