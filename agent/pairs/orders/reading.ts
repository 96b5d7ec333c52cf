import type { Clock } from '../../ports.ts';
import { type ExportAddress, fail, ok, type Problem, type Result } from '../../protocol/index.ts';

/** How far the standby is with reading its side; its offers once it is done. */
interface Reading {
  doneBytes: number;
  totalBytes: number;
  remote: ExportAddress | null;
}

/** How often the standby is asked how far it is, ms, and how many times in a row it may not answer. */
const ASK_MS = 300;
const MOST_SILENCES = 20;
/** Problems of the way there, not of the comparison. */
const SILENCE = ['peer-unreachable', 'link-closed', 'deadline', 'cancelled'];

/** Resolves with what the standby offers once it has read its side too. */
export async function untilRead(
  clock: Clock,
  of: {
    ask(): Promise<Result<Reading>>;
    /** Why nobody wants it any more; null while somebody does. */
    givenUp(): Problem | null;
    progress?(doneBytes: number): void;
  },
): Promise<Result<ExportAddress>> {
  for (let silences = 0; ; ) {
    const givenUp = of.givenUp();
    if (givenUp) return fail(givenUp);
    const asked = await of.ask();
    if (asked.ok) of.progress?.(asked.value.doneBytes);
    if (asked.ok && asked.value.remote) return ok(asked.value.remote);
    silences = asked.ok ? 0 : silences + 1;
    const silent = !asked.ok && SILENCE.includes(asked.problem.kind);
    if (!asked.ok && (!silent || silences > MOST_SILENCES)) return asked;
    await new Promise<void>((done) => void clock.setTimeout(done, ASK_MS));
  }
}
