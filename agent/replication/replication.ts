import type { ExportAddress, MirrorStatus, Result } from '../protocol/index.ts';

export interface ReplicaDisk {
  target: string;
  path: string;
  sizeBytes: number;
  format: 'qcow2' | 'raw';
}

/** The standby's side: images, and the exports through which the primary fills them. */
export interface ReplicaTarget {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Whether a second copy as large as what lies at these paths now would fit beside it. */
  roomBeside(disks: ReplicaDisk[]): Promise<boolean>;
  /** Creates the images anew, empty. An image in the way is renamed aside and its new name returned. */
  create(pairId: string, disks: ReplicaDisk[], asideTag: string): Promise<Result<{ aside: string[] }>>;
  /** Offers the images, write-through. Idempotent. */
  open(pairId: string, disks: ReplicaDisk[]): Promise<Result<ExportAddress>>;
  /**
   * Ends the offer in order: after it returns ok no write can reach the images and they are closed and flushed.
   * Idempotent; also ok when nothing was open.
   */
  close(pairId: string): Promise<Result<void>>;
  isOpen(pairId: string): boolean;
  /** Deletes images once set aside by `create`; those already gone are no failure. */
  discard(paths: string[]): Promise<Result<void>>;
  /** Deletes the replica's images (closed first). */
  remove(pairId: string, disks: ReplicaDisk[]): Promise<Result<void>>;
}

export interface MirrorOrder {
  pairId: string;
  vmUuid: string;
  disks: ReplicaDisk[];
  /** Standby's address, and what it exports. */
  address: string;
  remote: ExportAddress;
}

/** The primary's side: the synchronous mirror of a running guest's disks. */
export interface ReplicaSource {
  /** Finds out which mirrors are there. Until it has resolved `status` and `endedInSync` say nothing. */
  start(): Promise<void>;
  /** `start` has resolved. */
  readonly ready: boolean;
  stop(): Promise<void>;
  /** Starts a full copy and then mirrors every write, all disks of the guest together. Returns once it runs. */
  mirror(order: MirrorOrder): Promise<Result<void>>;
  /** Null when no mirror of this pair is known here. */
  status(pairId: string): MirrorStatus | null;
  /** Told at every change of state and, while copying, about once a second. */
  subscribe(listener: (pairId: string, status: MirrorStatus) => void): () => void;
  /**
   * After `held`: lets the guest go on alone. Call it only once `stale` is durable in the record (docs/safety.md).
   * The mirror is gone afterwards (state `broken`, then null after `end`).
   */
  release(pairId: string): Promise<Result<void>>;
  /**
   * Ends a mirror in order (drained) or what is left of one. Idempotent.
   * @param drained told as soon as nothing of it uses the guest's disks any more; its rest is taken away after that
   */
  end(pairId: string, drained?: () => void): Promise<Result<void>>;
  /** True when the last mirror of this pair ended with every acknowledged write on the replica (orderly end while in sync). */
  endedInSync(pairId: string): boolean;
}
