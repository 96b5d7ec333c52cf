import { type Problem, secondsAtRisk } from '../../../agent/protocol/index.ts';
import type { Verdict } from '../../contract/index.ts';
import { isAttended, isByPoints } from '../pairs/attended.ts';
import { clockTime } from '../pairs/time.ts';
import type { VerdictInputs } from './inputs.ts';

export const vmState = {
  running: 'running',
  paused: 'paused',
  'shutting-down': 'shutting down',
  stopped: 'stopped',
  crashed: 'crashed',
} as const;

export function notReached(name: string, since: number | null, now: number): string {
  return since === null
    ? `has not reached ${name} yet`
    : `has not reached ${name} since ${clockTime(since, now)}`;
}

export function notHeard(name: string, at: number | null, now: number): string {
  return at === null ? `has never heard ${name}` : `has not heard ${name} since ${clockTime(at, now)}`;
}

export function verdict(inputs: VerdictInputs, result: Verdict['result']): string {
  const { machine, old } = inputs;
  switch (result) {
    case 'running':
      return inputs.oldWord
        ? `${machine} runs on ${old.name}: a second copy must not be started.`
        : `${old.name} is up, so ${machine} may still run there: a second copy must not be started.`;
    case 'proven':
      return isStopped(inputs)
        ? `${machine} is stopped on ${old.name}, by its own agent's word: it is safe to start the copy.`
        : `${old.name} has lost the right to run ${machine}, so ${machine} stands still there: it is safe to start the copy.`;
    case 'unproven':
      return `Nothing proves that ${machine} stopped on ${old.name}. You decide, and you vouch for it.`;
  }
}

function isStopped({ oldWord }: VerdictInputs): boolean {
  const vm = oldWord?.vm;
  return oldWord !== null && !oldWord.frozen && (vm === null || vm === 'stopped' || vm === 'crashed');
}

export function replica(inputs: VerdictInputs): string {
  const { newest, now } = inputs;
  if (newest === null) return 'nothing is known of the copy';
  if (inputs.point)
    return `being brought up to date; its state of ${pointTime(inputs)} is kept, and is what would be started`;
  const last = newestPoint(inputs);
  if (last)
    return `kept by points; the newest is of ${clockTime(last.at, now)}${last.quiesced ? ', its file systems at rest' : ''}`;
  if (inputs.unclean)
    return 'ended uncleanly with writes in memory only: it may lack some, and may not start';
  const { state, point, since } = newest.replica;
  switch (state) {
    case 'in-sync':
      return `in sync when last heard, ${clockTime(point ?? since, now)}`;
    case 'stale':
      return `ends at ${clockTime(point ?? since, now)}: writes after that are not in it`;
    case 'catching-up':
      return `incomplete: a copy was under way since ${clockTime(since, now)}`;
    case 'none':
      return 'there is no copy';
  }
}

/** Of a copy that is kept by points. */
const newestPoint = ({ newest, points = [] }: VerdictInputs) =>
  newest && isByPoints(newest) ? points.at(-1) : undefined;

const pointTime = ({ point, now }: VerdictInputs): string =>
  point?.wholeUntil ? clockTime(point.wholeUntil, now) : 'before that began';

export function loss(inputs: VerdictInputs): string {
  const { newest, machine, old, standby, now } = inputs;
  const state = newest?.replica.state;
  const usable = state === 'stale' || state === 'in-sync';
  if (newest?.replica.mode === 'shared' && usable)
    return `Nothing that is on the disks: ${standby.name} starts from the very same ones.`;
  if (newest?.replica.mode === 'external')
    return `What the replication had not yet brought to ${standby.name}. Its state command there says how much that is.`;
  const last = newestPoint(inputs);
  if (last) return sinceLast(inputs, last.at);
  if (inputs.point)
    return (
      `Everything ${machine} wrote after ${pointTime(inputs)}: the copy on ${standby.name} was being brought up to date, ` +
      'and only its state of then is whole.'
    );
  if (newest === null || state === 'none' || state === 'catching-up') return 'The copy cannot be used.';
  if (state === 'stale') {
    const at = clockTime(newest.replica.point ?? newest.replica.since, now);
    return `Everything ${machine} wrote after ${at} is missing from the copy on ${standby.name}.${howLong(inputs)}${lastTold(inputs.atRisk?.bytes ?? null)}`;
  }
  if (inputs.unclean)
    return `What ${machine} confirmed last may be missing: ${standby.name} had it in memory only when it ended uncleanly. Nobody knows how much.`;
  if (inputs.oldWord !== null || inputs.standbyWord?.record.armed)
    return `Nothing: every write ${machine} confirmed is on ${standby.name} too.`;
  return (
    `Nothing that ${machine} confirmed while the two were in sync, which is what ${standby.name} last knew. ` +
    `Only if ${old.name} lost its link to ${standby.name} first and went on alone are its later writes missing.`
  );
}

/** Seconds of writes that are not on the copy: until its owner was last heard, of whom nobody knows what it wrote later. */
function howLong({ atRisk, old, now }: VerdictInputs): string {
  const seconds = atRisk ? secondsAtRisk(atRisk, old.silentSince ?? now) : null;
  if (seconds === null) return '';
  const known = old.silentSince === null ? '' : ' at least';
  return ` That is${known} ${seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`} of writes.`;
}

/** How much that was, as far as its owner told. */
const lastTold = (bytes: number | null): string =>
  bytes ? ` When last told that was ${Math.max(1, Math.round(bytes / 2 ** 20))} MiB.` : '';

/** What is wrong with the copy itself. */
export function warnings({ distrusted, machine, standby, now }: VerdictInputs): string[] {
  if (!distrusted) return [];
  return [
    `The copy of ${machine} on ${standby.name} was compared at ${clockTime(distrusted.at, now)} and differs in ` +
      `${Math.max(1, Math.round(distrusted.bytes / 1024))} KiB. It is being repaired: it has every write, but what ` +
      'the machine reads in those places may be wrong. Wait until it is repaired when you can.',
  ];
}

/** What the owner's last word adds: nothing was written for a while, or so much. */
function sinceLast(inputs: VerdictInputs, at: number): string {
  const { machine, standby, follow, old, now } = inputs;
  const idle = follow?.wholeUntil != null && follow.wholeUntil > at;
  const from = clockTime(idle ? (follow?.wholeUntil ?? at) : at, now);
  const much = lastTold(follow?.behindBytes ?? null);
  const until =
    old.silentSince === null ? '' : ` ${old.name} was last heard at ${clockTime(old.silentSince, now)}.`;
  return `Everything ${machine} wrote after ${from} is not on ${standby.name} and is given up.${until}${howLong(inputs)}${much}`;
}

export function uncleanRisk({ machine, old, standby }: VerdictInputs): string {
  return (
    `The copy on ${standby.name} acknowledged writes from memory and ended uncleanly: writes of ${machine} may be missing, also in the middle of its file systems. ` +
    `Bring ${old.name} back if that can be done: then the copy is compared, and nothing is lost.`
  );
}

export function risks(inputs: VerdictInputs): string[] {
  const { machine, old, standby, newest } = inputs;
  if (newest?.replica.mode === 'shared')
    return [
      `If ${old.name} still runs and only its network is cut, two machines would write to the same disks and destroy them. ` +
        'Nothing but the locks of the storage keeps the second one from starting.',
      `Take ${old.name} off the power (pull the cable, or use its remote management) before you go on.`,
    ];
  return [
    `If ${old.name} still runs and only its network is cut, two copies of ${machine} run: they answer at the same ` +
      'address when the network returns, and each holds writes the other does not have.',
    `To be sure, take ${old.name} off the power (pull the cable, or use its remote management) before you go on.`,
    `When ${old.name} comes back it starts nothing by itself: it asks ${standby.name} first, and its old copy is set aside.`,
  ];
}

export function steps(inputs: VerdictInputs): string[] {
  const { machine, standby } = inputs;
  const votes = inputs.standbyWord?.record.armed
    ? [`${standby.name} asks for the votes once more; without a majority nothing starts.`]
    : [];
  return [
    ...votes,
    ...(newestPoint(inputs)
      ? [`${standby.name} puts a layer of its own over the point, which stays as it is.`]
      : []),
    ...(inputs.point ? [`${standby.name} puts the copy back to its state of ${pointTime(inputs)}.`] : []),
    ...(inputs.newest && isAttended(inputs.newest)
      ? []
      : [`${standby.name} closes the copy, so that no write from outside can reach it.`]),
    `${standby.name} records that it owns ${machine} now.`,
    ...(inputs.newest && isAttended(inputs.newest) && inputs.newest.replica.mode !== 'shared'
      ? [`${standby.name} runs the promote command of the replication.`]
      : []),
    `${standby.name} starts ${machine}.`,
  ];
}

export function standbySilent({ standby, machine }: VerdictInputs): Problem {
  return {
    kind: 'standby-offline',
    message: `${standby.name} holds the copy of ${machine} and does not answer this console.`,
    next: `Bring ${standby.name} back or reconnect it, then try again.`,
  };
}

export function stillConnecting({ old }: VerdictInputs): Problem {
  return {
    kind: 'still-connecting',
    message: `This console is just connecting to ${old.name} and has not asked it yet.`,
    next: 'Wait a few seconds.',
  };
}

export function noUsableReplica({ standby, machine, record, newest }: VerdictInputs): Problem {
  const states = [record?.replica.state, newest?.replica.state];
  const why = states.includes('catching-up') ? 'is not complete' : 'does not exist';
  return {
    kind: 'replica-unusable',
    message: `The copy of ${machine} on ${standby.name} ${why}: it cannot be started.`,
    next: `Bring ${machine}'s own host back, or restore the machine from a backup.`,
  };
}

export function stillRuns({ machine, old, oldWord }: VerdictInputs): Problem {
  if (oldWord !== null) {
    return {
      kind: 'still-running',
      message: `${machine} runs on ${old.name}.`,
      next: 'Use Switch over: it shuts the machine down there first and loses nothing.',
    };
  }
  return {
    kind: 'still-running',
    message: `${old.name} is up: other hosts hear it, only this console does not reach it.`,
    next: `Reconnect ${old.name} and switch over, or take it off the power and try again.`,
  };
}
