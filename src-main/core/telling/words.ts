/** What tray and desktop notifications say. A pair's own sentence comes from core/pairs. */
export const words = {
  noHosts: 'No hosts yet.',
  nothing: 'Nothing is protected yet.',
  andMore: (sentence: string, more: number) => (more > 0 ? `${sentence} And ${more} more.` : sentence),
  paused: (paused: number, all: number) => `Automation is paused for ${paused} of ${machines(all)}.`,
  copying: (count: number) => `${machines(count)} being copied or moved.`,
  protected: (count: number) =>
    count === 1 ? 'The machine is protected.' : `All ${machines(count)} are protected.`,
  wellAgain: 'All is well again',
  runsOn: (names: readonly string[], host: string) =>
    `${list(names)} ${names.length === 1 ? 'runs' : 'run'} on ${host} now`,
  several: (names: readonly string[]) =>
    names.length === 1 ? (names[0] ?? '') : `${list(names)}: ${names.length} machines`,
  otherHost: 'its other host',
  practice: (title: string) => `Practice: ${title}`,
};

const machines = (count: number): string => `${count} ${count === 1 ? 'machine' : 'machines'}`;

function list(names: readonly string[]): string {
  if (names.length <= 3) return [names.slice(0, -1).join(', '), names.at(-1)].filter(Boolean).join(' and ');
  return `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}
