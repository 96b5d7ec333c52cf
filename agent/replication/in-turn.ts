/** Runs one piece of work after the other. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** One order at a time: two of them would see each other's half-made nodes. */
export function makeTurns(): InTurn {
  let turn: Promise<unknown> = Promise.resolve();
  return (work) => {
    const run = turn.then(work, work);
    turn = run.catch(() => undefined);
    return run;
  };
}
