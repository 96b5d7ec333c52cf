import { type MirrorStatus, type Problem, ProblemError } from '../protocol/index.ts';
import type { StepIo } from '../tasks/runner.ts';
import type { PairContext } from './context.ts';

export interface Watching {
  pairId: string;
  /** Whether this status ends the wait. Told each one, also the present. */
  ends(status: MirrorStatus): boolean;
  /** What ends it as a failure, asked at every event of the hypervisor; null: nothing. */
  broken(): Problem | null;
  /** What has to be over before an abort counts as carried out. */
  aborted?(): Promise<unknown>;
}

/** Resolves with the first status of a copy that ends it. Rejects with ProblemError when it broke, with Error when aborted. */
export function untilStatus(
  context: PairContext,
  { signal }: Pick<StepIo, 'signal'>,
  { pairId, ends, broken, aborted }: Watching,
): Promise<MirrorStatus> {
  const { source, hypervisor } = context.deps;
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = [];
    const finish = (end: () => void): void => {
      for (const one of undo.splice(0)) one();
      end();
    };
    const see = (status: MirrorStatus | null): void => {
      if (status !== null && ends(status)) finish(() => resolve(status));
    };
    const look = (): void => {
      const problem = broken();
      if (problem) finish(() => reject(new ProblemError(problem)));
    };
    const onAbort = (): void =>
      finish(() => void Promise.resolve(aborted?.()).then(() => reject(new Error('aborted')), reject));
    undo.push(
      source.subscribe((id, status) => id === pairId && see(status)),
      hypervisor.subscribe(look),
    );
    signal.addEventListener('abort', onAbort);
    undo.push(() => signal.removeEventListener('abort', onAbort));
    if (signal.aborted) return onAbort();
    look();
    see(source.status(pairId));
  });
}
