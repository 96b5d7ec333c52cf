import type { ConsoleApi, Handlers, PairStatus, PeerApi, Task } from '../protocol/index.ts';

export type PairsEvent =
  | { kind: 'pair'; pairId: string; pair: PairStatus | null }
  | { kind: 'task'; task: Task };

/** The protected machines of one host: their records, tasks, and what this member does about them. */
export interface PairsService {
  /** Resumes interrupted tasks and decides about guests found at start. Call after hypervisor and peers started. */
  start(): Promise<void>;
  stop(): Promise<void>;
  list(): PairStatus[];
  tasks(): Task[];
  subscribe(listener: (event: PairsEvent) => void): () => void;
  readonly consoleHandlers: Pick<
    Handlers<ConsoleApi>,
    | 'protect.check'
    | 'protect.fix'
    | 'protect.start'
    | 'protect.end'
    | 'pair.failover'
    | 'pair.switchover'
    | 'pair.resync'
    | 'task.cancel'
  >;
  readonly peerHandlers: Omit<Handlers<PeerApi>, 'peer.hello'>;
}
