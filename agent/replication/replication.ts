import type {
  ExportAddress,
  MirrorStatus,
  PointMode,
  Problem,
  RestorePoint,
  Result,
  Retention,
} from '../protocol/index.ts';
import type { PointUse } from './names.ts';

export interface ReplicaDisk {
  target: string;
  path: string;
  sizeBytes: number;
  format: 'qcow2' | 'raw';
}

export type { PointUse };

/** Of an image file: another at its path has another `file`. */
export interface ImagePrint {
  file: string;
  sizeBytes: number;
  /** Last write, wall clock, ms with fractions. */
  writtenMs: number;
}

export interface PointTaken {
  /** How long the replica was kept waiting for it, ms. */
  tookMs: number;
  /** It stood already: a former order of the same kind had come that far. */
  already: boolean;
}

/**
 * Frozen states of a replica that goes on being filled beside them, without a copy: what is about to be written over is
 * kept in an overlay first. A point reads as the replica did at one instant, the same for all disks of a machine.
 *
 * One point of each `use` may stand for a pair:
 * - `drill`: taken of a replica in sync, offered read-only to a machine that is tried out, then undone;
 * - `seal`: taken of a whole replica before it is written over in disorder (a resync), then undone when it is whole
 *   again, or sealed when the source is lost half-way: the overlay, over the half-written replica, is the last whole copy.
 *
 * A point lives as long as the storage daemon. It takes space as the replica is written to, at most the disk's size. When
 * there is none left, a drill's point breaks (it does not stand any more) and the replica goes on; a sealing point stays whole
 * and the replica's write fails. Whoever takes a point looks at the space while it stands.
 */
export interface ReplicaPoints {
  /**
   * Takes the point; the replica's export must be open. What was left of a former one is removed first; one that stands
   * unbroken is kept (`already`). Problem kinds: `replica-not-open`, `point-sealed`, `standby-disk-full`, `image-not-made`, `qmp-error`.
   */
  take(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<PointTaken>>;
  /** Whether it stands on every disk, unbroken since it was taken. */
  stands(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<boolean>>;
  /**
   * Offers it read-only on the address of the replica's own exports (NBD, mutual TLS, of this host too). Who wants to
   * write puts a layer of its own above. Idempotent. Problem kind: `point-gone`.
   */
  offer(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /** Ends it: offer, copying, overlays, files, in this order. Idempotent; also ok when nothing is there. */
  undo(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<void>>;
  /**
   * Closes the replica in order (as `ReplicaTarget.close`) and keeps the point: the paths of overlays, each complete on
   * disk with the replica as its backing file (`qemu-img commit` puts the replica back to the point). The replica must not be
   * written to until then. Idempotent. Problem kind: `point-gone` when it did not stand until the replica was closed.
   */
  seal(pairId: string, use: PointUse, disks: ReplicaDisk[]): Promise<Result<ReplicaDisk[]>>;
  /** Bytes the point's overlays take now. */
  sizeBytes(use: PointUse, disks: ReplicaDisk[]): Promise<number>;
}

/** Where a point's overlay lies: beside its replica, so that what has room for one write has room for keeping it. */
export const overlayPath = (replica: string, use: PointUse): string => `${replica}.point-${use}`;
/** Its name once it is complete on disk and may be believed without the daemon. */
export const sealedPath = (replica: string, use: PointUse): string => sealedName(overlayPath(replica, use));
export const sealedName = (overlay: string): string => `${overlay}.whole`;

/**
 * States of a machine kept on its standby, each of which can be started: a chain of layers, the oldest below. What has changed
 * since the newest point is written into a new layer, which counts for nothing until it is sealed: all disks, or none.
 * Disks are qcow2. Every change is durable when it resolves; one cut short is finished, or thrown away, by the next.
 */
export interface RestorePoints {
  /** Complete points, oldest first. */
  list(pairId: string): RestorePoint[];
  /**
   * The whole copy that lies at the disks' own places becomes the newest point, and leaves them. Repeatable. Former points
   * on which it does not lie are forgotten, and their files `left`. Problem kinds: `image-missing`, `points-need-qcow2`.
   */
  adopt(pairId: string, disks: ReplicaDisk[], point: RestorePoint): Promise<Result<{ left: string[] }>>;
  /**
   * An old disk that lies at the disks' own places goes under the points to come, as it is and under another name (`tag` in it): it
   * is no point, but what the first one is compared with. Repeatable. `under`: where it lies, by disk; `left`: files of
   * former points, which are forgotten. Problem kinds: `image-missing`, `points-need-qcow2`.
   */
  lieOn(
    pairId: string,
    disks: ReplicaDisk[],
    tag: string,
  ): Promise<Result<{ under: Record<string, string>; left: string[] }>>;
  /** Whether there is such a disk under the points. */
  liesOn(pairId: string): boolean;
  /** The points lie on it no longer, and take the room for that. Problem kind: `points-busy`, in a moment in which the layers are in use. */
  standAlone(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /** Offers a new layer over the newest point, or over nothing; a half-written one is thrown away. */
  begin(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /**
   * While a layer is on offer: hashes the newest point for a comparison, begun with the first call. Null until that is done,
   * then the offer with its digests. Problem kind: `point-gone`.
   */
  compare(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress | null>>;
  /**
   * What was written to the layer on offer, and flushed by whoever wrote it, is a point from now on. Idempotent. Problem kind:
   * `layer-gone` when that layer is not on offer any more: nothing of it counts.
   */
  seal(pairId: string, disks: ReplicaDisk[], point: RestorePoint): Promise<Result<void>>;
  /** Gives up the points that the rule does not keep; while a layer or a point is in use: later. */
  prune(pairId: string, disks: ReplicaDisk[], rule: Retention): Promise<Result<{ dropped: number }>>;
  /**
   * Puts a point (null: the newest) at the disks' own places, where a machine starts from: an empty layer over it, so that the
   * point itself stays. What a former call put there goes. Problem kind: `point-gone`.
   */
  surface(pairId: string, disks: ReplicaDisk[], id: string | null): Promise<Result<RestorePoint>>;
  /**
   * Offers a point (null: the newest) read-only until `hide`, for a machine that is tried out: who wants to write puts a layer of its
   * own above. Points go on being made meanwhile, none is given up. Another one takes its place. Problem kind: `point-gone`.
   */
  show(
    pairId: string,
    disks: ReplicaDisk[],
    id: string | null,
  ): Promise<Result<{ point: RestorePoint; remote: ExportAddress }>>;
  /** Whether a point is on offer that way, all disks of it. */
  isShown(pairId: string, disks: ReplicaDisk[]): Promise<Result<boolean>>;
  /** Ends that. Idempotent. */
  hide(pairId: string): Promise<Result<void>>;
  /** Breaks off the giving up of points, which may take long: somebody wants to start. It is done another time. */
  makeWay(pairId: string): void;
  /** Id of the point that `surface` put there, as long as nobody has written to that. */
  surfacedAt(pairId: string): string | null;
  /** Somebody writes, or has written, to what `surface` put there: it is a copy of its own now. */
  keepSurfaced(pairId: string): Promise<void>;
  /** Files of all points, for who sets them aside. Forgets them; they stay where they are. */
  release(pairId: string): Promise<string[]>;
  /** What all points take on disk, bytes. */
  sizeBytes(pairId: string): Promise<number>;
}

/** How a running guest's disks are compared with their replica. */
export interface VerifyOrder {
  /** Called at the moment from which the standby may read its side; resolves when it has, with its digests on offer. */
  begun(): Promise<Result<ExportAddress>>;
  signal: AbortSignal;
  progress(doneBytes: number, totalBytes: number): void;
}

/** What a comparison beside the running mirror found, bytes. */
export interface Verified {
  totalBytes: number;
  /** Read and hashed here; holes are known without. */
  readBytes: number;
  /** Written meanwhile, so that nothing can be said of it. */
  writtenBytes: number;
  /** Not alike though nobody wrote there; the first places only. */
  differing: { bytes: number; places: { target: string; offset: number; length: number }[] };
}

export interface DigestStatus {
  doneBytes: number;
  totalBytes: number;
  done: boolean;
  problem: Problem | null;
}

/** The standby's side: images, and the exports through which the primary fills them. */
export interface ReplicaTarget {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whether a second copy as large as what lies at these paths now would fit beside it, or so much of it. */
  roomBeside(disks: ReplicaDisk[], atMostBytes?: number): Promise<boolean>;
  /** Creates the images anew, empty. An image in the way is renamed aside and its new name returned. */
  create(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] }>>;
  /**
   * Renames the images aside and makes new ones on top of them, which read alike and take no room. Null when the format
   * has no such thing (raw), and nothing was done.
   */
  layer(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] } | null>>;
  /**
   * Puts the replica back to its sealed point, which is used up by that. Interrupted, it is called again. Problem kind:
   * `point-gone` when there is none that stood until the replica was closed.
   */
  backToPoint(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /** Undoes `layer`: the images aside (paths by disk) take the places of what was made on top of them. Repeatable. */
  backUnder(pairId: string, disks: ReplicaDisk[], under: Record<string, string>): Promise<Result<void>>;
  /**
   * Copies into the images what they still take from those under them, while they are offered or not; afterwards nothing
   * rests on those. `progress` in bytes. Closing the replica breaks it off, and leaves everything as good as before.
   */
  standAlone(
    pairId: string,
    disks: ReplicaDisk[],
    progress: (doneBytes: number, totalBytes: number) => void,
  ): Promise<Result<void>>;
  /** What anybody has written to the images is on stable storage when it resolves, whatever his caching was. Nobody writes meanwhile. */
  settle(disks: ReplicaDisk[]): Promise<Result<void>>;
  /** What an image takes on disk, bytes; null when there is none. */
  allocatedBytes(path: string): Promise<number | null>;
  /**
   * Begins to hash the images, closed first, for a comparison; begins anew when called again. @returns where they will be
   * offered once `open` is called afterwards
   */
  digest(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /**
   * Begins to hash the images while they are offered and written to; `offerDigests` once `digesting` says that they are
   * done. Problem kind: `replica-not-open`.
   */
  digestOpen(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /**
   * Offers finished digests beside images that are open, and only then: never opens what was closed meanwhile. Problem kind:
   * `replica-not-open`.
   */
  offerDigests(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /** Ends that, or what came of it. The replica stays open. Idempotent. */
  endDigest(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /** How far that is; null when none was begun since the agent started. */
  digesting(pairId: string): DigestStatus | null;
  /**
   * Offers the images, and finished digests beside them. Idempotent. `memory`: a write is acknowledged before it is on disk, and
   * a durable marker says so until the images were closed in order; otherwise write-through. Problem kind: `replica-unclean`.
   */
  open(pairId: string, disks: ReplicaDisk[], memory?: boolean): Promise<Result<ExportAddress>>;
  /**
   * The images acknowledged from memory, and the storage daemon or the host ended without having put it on disk; also of an
   * earlier life of either. They may lack what was acknowledged, until `forgetUnclean`.
   */
  isUnclean(pairId: string): boolean;
  /** Nobody counts on the images as they are any more: they are compared, made anew, or run by a person's decision. */
  forgetUnclean(pairId: string): Promise<void>;
  /** Told when images are found to have ended uncleanly. */
  onUnclean(listener: (pairId: string) => void): () => void;
  /**
   * Ends the offer in order: after it returns ok no write can reach the images and they are closed and flushed.
   * Idempotent; also ok when nothing was open.
   */
  close(pairId: string): Promise<Result<void>>;
  /** True until the images are closed, also while they are not offered any more. */
  isOpen(pairId: string): boolean;
  /** Deletes images once set aside by `create`; those already gone are no failure. */
  discard(paths: string[]): Promise<Result<void>>;
  readonly points: ReplicaPoints;
  readonly restore: RestorePoints;
  /** How large each image is for its machine, bytes, by target; null where there is none of the disk's format. */
  sizes(disks: ReplicaDisk[]): Promise<Record<string, number | null>>;
  /**
   * Closes the images and makes them as large as the disks are: those that are missing are made, empty, and smaller ones
   * grow by zeroes. Never makes one smaller. Repeatable. Problem kinds: `standby-disk-full`, `image-not-made`.
   */
  fit(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
  /** What tells an image from another, and when it was written to, by path; null where there is none. */
  prints(paths: string[]): Promise<Record<string, ImagePrint | null>>;
  /** Deletes the replica's images and its restore points (closed first). */
  remove(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
}

/**
 * How the replica is brought to what the guest has. `generation` names the replica's content as its host wrote it down
 * when it was last made or compared: what a bitmap tells is the distance to that, and to no other.
 */
export type CatchingUp =
  /** Everything, into empty images. */
  | { way: 'full'; generation: string }
  /** What was written since both agreed. */
  | { way: 'changes'; generation: string }
  /** What differs. `compared` resolves when the standby has read its side too, with its digests on offer. */
  | { way: 'compare'; generation: string; compared(): Promise<Result<ExportAddress>> };

/** What catching up took. */
export interface CatchUpFigures {
  way: CatchingUp['way'];
  /** Bytes that had changed, or were found to differ, in whole grains; and bytes on the wire for them. */
  dirtyBytes: number;
  sentBytes: number;
  /** This side's share of the comparison: bytes read and hashed, and how long that took; 0 without one. */
  hashBytes: number;
  hashMs: number;
  /** How long the guest stood still at the end. */
  pauseMs: number;
  rounds: number;
}

export interface MirrorOrder {
  pairId: string;
  vmUuid: string;
  disks: ReplicaDisk[];
  /** Standby's address, and what it exports. */
  address: string;
  remote: ExportAddress;
  /** Once in sync: how long a write may wait for the standby before it is given up, ms. Without: as long as it takes. */
  patienceMs?: number;
  /** Without: everything, and nothing is remembered for the next time. */
  how?: CatchingUp;
}

/** Where a standby's storage daemon listens. */
export interface StandbyAddress {
  host: string;
  port: number;
  /** Name in its certificate: its host id. */
  serverName: string;
}

export type MovedGuest = Pick<MirrorOrder, 'pairId' | 'vmUuid' | 'disks'>;

/** `newest` of a standby that has no point yet, but an old disk to compare with: what no bitmap is called. */
export const OLD_DISK = '~';

/** The standby's restore points as the owner's host reaches them: calls to the other agent. */
export interface PointsLink {
  /** A new layer over the newest point there. `newest`: its id; null when there is none. */
  begin(): Promise<Result<{ remote: ExportAddress; newest: string | null }>>;
  /** Resolves with the offer and its digests once the standby has read its newest point; given up when `stopped` says so. */
  compared(stopped: () => boolean): Promise<Result<ExportAddress>>;
  /** Everything is written and flushed: it is a point from now on. */
  seal(point: RestorePoint): Promise<Result<void>>;
}

export interface FollowOrder {
  pairId: string;
  vmUuid: string;
  disks: ReplicaDisk[];
  /** Standby's address. */
  address: string;
  mode: PointMode;
  link: PointsLink;
  /** The newest point that is known; what it says of freshness holds until a newer one is made. */
  last: RestorePoint | null;
}

/** What was found of a copy that somebody else keeps. */
export interface Attended {
  /** `in-sync`: nothing that was acknowledged until now is missing on it. */
  state: 'in-sync' | 'behind';
  behindS: number | null;
  behindBytes: number | null;
  /** What was found, for a person. */
  line: string;
}

export interface AttendOrder {
  pairId: string;
  vmUuid: string;
  /** False: however it is found, nobody may count on it as if it had everything. */
  mayBeWhole: boolean;
  /** True: after the machine has stopped the copy may need a moment for what was written last, and is asked once more. */
  settles: boolean;
  /** From the end of one look to the next, ms. */
  everyMs: number;
  /** A copy that is none (any more) is a failure. Bounded in time; need not go on once `stopped` says so. */
  look(stopped: () => boolean): Promise<Result<Attended>>;
}

/** The primary's side: how a running guest's disks are kept on the standby too, by whichever mode. */
export interface ReplicaSource {
  /** Finds out which mirrors are there. Until it has resolved `status` and `endedInSync` say nothing. */
  start(): Promise<void>;
  /** `start` has resolved. */
  readonly ready: boolean;
  stop(): Promise<void>;
  /** Copies what is wanted and then mirrors every write, all disks of the guest together. Returns once it runs. */
  mirror(order: MirrorOrder): Promise<Result<void>>;
  /**
   * Makes one point after the other on the standby, for as long as the guest runs, until `end`: the first at once. A point that
   * does not come about is tried again. Nobody but an agent drives it: after its restart it is ordered again.
   */
  follow(order: FollowOrder): Promise<Result<void>>;
  /**
   * Copies nothing: looks again and again how a copy is that somebody else keeps, until `end`. What was seen counts only for a
   * while. Nobody but an agent drives it: after its restart it is ordered again. Problem kind: `guest-stopped`.
   */
  attend(order: AttendOrder): Promise<Result<void>>;
  /** Null when no mirror of this pair is known here, nothing follows, and nothing is looked after. */
  status(pairId: string): MirrorStatus | null;
  /** Told at every change of state and, while copying, about once a second. */
  subscribe(listener: (pairId: string, status: MirrorStatus) => void): () => void;
  /** Another patience (`MirrorOrder.patienceMs`) for the mirror that runs; null: as long as it takes. */
  setPatience(pairId: string, ms: number | null): Promise<Result<void>>;
  /** How long a standby's storage daemon takes for a small write now, ms, the worst of a few; null when it does not answer. */
  answersIn(standby: StandbyAddress): Promise<number | null>;
  /**
   * After `held`: lets the guest go on alone. Call it only once `stale` is durable in the record (docs/safety.md).
   * The mirror is gone afterwards (state `broken`, then null after `end`).
   */
  release(pairId: string): Promise<Result<void>>;
  /**
   * Ends a mirror in order (drained) or what is left of one. Idempotent.
   * @param drained told as soon as nothing of it uses the guest's disks any more and every write is on the replica, of a guest
   * that stands still; what is left to do then (writing it down) nobody has to wait for
   */
  end(pairId: string, drained?: () => void): Promise<Result<void>>;
  /**
   * The machine came from the other host, whose images read like those here (`generation` names that) until the guest goes
   * on: from then on the distance is known. Called while it stands still and has written nothing here. Problem kind:
   * `guest-went-on`, and what QEMU says; then nothing is known.
   */
  beginDistance(of: MovedGuest, generation: string): Promise<Result<void>>;
  /** Generation of the replica to which the distance is known, by this very QEMU, and that distance; null when it has to be compared. */
  distanceKnown(pairId: string): Promise<{ generation: string; bytes: number } | null>;
  /**
   * Compares the guest's disks with the replica while the mirror goes on. Problem kinds: `not-in-sync`, `no-quiet-moment`, and
   * whatever `begun` answers.
   */
  verify(pairId: string, order: VerifyOrder): Promise<Result<Verified>>;
  /** Ends that, and clears away what one that was cut short by the agent's end has left. The mirror goes on. Idempotent. */
  endVerify(pairId: string): Promise<void>;
  /** Of the last catching up that was completed; null when there was none since the agent started. */
  figures(pairId: string): CatchUpFigures | null;
  /** True when the last mirror of this pair ended with every acknowledged write on the replica (orderly end while in sync). */
  endedInSync(pairId: string): boolean;
}
