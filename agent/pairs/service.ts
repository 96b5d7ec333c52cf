import type {
  ConsoleApi,
  Handlers,
  LeaseView,
  PairRecord,
  PairStatus,
  PeerApi,
  Task,
  UnclaimedMachine,
} from '../protocol/index.ts';

export type PairsEvent =
  | { kind: 'lease'; pairId: string; lease: LeaseView }
  | { kind: 'pair'; pairId: string; pair: PairStatus | null }
  | { kind: 'task'; task: Task }
  | { kind: 'unclaimed' };

/** The protected machines of one host: their records, tasks, and what this member does about them. */
export interface PairsService {
  /**
   * Takes up the leases at once, so that no machine is frozen for a slow start, and, once guests and mirrors are known
   * (`ready`), everything else: orders, interrupted tasks. Call after identity, guard and peers have started.
   */
  start(ready?: Promise<unknown>): Promise<void>;
  /** `inOrder`: the voters are asked first to be patient until the next agent has come up. */
  stop(inOrder?: boolean): Promise<void>;
  list(): PairStatus[];
  tasks(): Task[];
  /** Pairs on which this host votes, member or witness. */
  votes(): string[];
  /** Their records as far as this host knows them. */
  records(): PairRecord[];
  /** Machines that the guard protects here though their pair is lost; `subscribe` tells when they change. */
  unclaimed(): UnclaimedMachine[];
  /** How the lease of each pair stands; told about once a second through `subscribe` while `watched`. */
  watched(on: boolean): void;
  subscribe(listener: (event: PairsEvent) => void): () => void;
  readonly consoleHandlers: Pick<
    Handlers<ConsoleApi>,
    | 'protect.check'
    | 'protect.fix'
    | 'protect.start'
    | 'protect.end'
    | 'pair.failover'
    | 'pair.switchover'
    | 'pair.switchover.check'
    | 'pair.resync'
    | 'pair.revert'
    | 'pair.discard'
    | 'pair.checkStandby'
    | 'pair.replaceStandby'
    | 'pair.mode'
    | 'pair.settings'
    | 'pair.witness'
    | 'pair.drill'
    | 'pair.drillSettings'
    | 'pair.verify'
    | 'pair.verifySettings'
    | 'pair.objectives'
    | 'pair.riskHistory'
    | 'pair.lookAgain'
    | 'pair.trustCopy'
    | 'guard.letGo'
    | 'task.cancel'
  >;
  readonly peerHandlers: Omit<
    Handlers<PeerApi>,
    'peer.hello' | 'telling.offer' | 'telling.told' | 'telling.relay'
  >;
}
