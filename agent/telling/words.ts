/** "web", "web and mail", "web, mail and 3 more". */
export function listed(names: readonly string[], most = 4): string {
  const [first = '', ...rest] = names;
  if (rest.length === 0) return first;
  if (names.length <= most) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`;
}

/** "7 s", "3 minutes", "2 hours", "4 days". */
export function spanWords(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 100) return `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const [count, unit] =
    seconds < 5_400
      ? [Math.round(seconds / 60), 'minute']
      : seconds < 129_600
        ? [Math.round(seconds / 3600), 'hour']
        : [Math.round(seconds / 86_400), 'day'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
