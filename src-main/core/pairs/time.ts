const DAY_MS = 86_400_000;

/** A wall clock time for a sentence, in the workstation's own zone: "14:02:03", with its date when it is older. */
export function clockTime(at: number, now: number): string {
  const moment = new Date(at);
  const time = [moment.getHours(), moment.getMinutes(), moment.getSeconds()].map(two).join(':');
  const sameDay = Math.abs(now - at) < DAY_MS && moment.getDate() === new Date(now).getDate();
  if (sameDay) return time;
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${time}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
