/** Times, lengths of time and lists in words. Imports nothing: lib/time.ts and lib/format.ts are made of it, others use those. */
export const units = {
  justNow: 'just now',
  ago: (span: string) => `${span} ago`,
  ahead: (span: string) => `in ${span}`,
  seconds: (n: number | string) => `${n} s`,
  minutes: (n: number) => `${n} min`,
  hours: (n: number) => `${n} h`,
  days: (n: number) => `${n} days`,
  minutesSeconds: (minutes: number, seconds: string) => `${minutes} min ${seconds} s`,
  hoursMinutes: (hours: number, minutes: string) => `${hours} h ${minutes} min`,
  fewSecondsLeft: 'a few seconds left',
  left: (span: string) => `about ${span} left`,
  months: ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
  date: (day: number, month: string) => `${day} ${month}`,
  and: (first: string, last: string) => `${first} and ${last}`,
  more: (n: number) => `${n} more`,
};
