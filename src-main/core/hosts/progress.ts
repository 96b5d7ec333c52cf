export type OnStep = (step: string, fraction: number | null) => void;

/** Uploads tell their progress with every packet; a page needs no more than one word for each percent. */
export function byPercent(tell: OnStep): OnStep {
  let last = '';
  return (step, fraction) => {
    const word = `${step} ${fraction === null ? '' : Math.floor(fraction * 100)}`;
    if (word === last) return;
    last = word;
    tell(step, fraction);
  };
}
