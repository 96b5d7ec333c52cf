import { type CopyLimit, limitProblem, WORKDAYS } from '../../../agent/protocol/limits.ts';
import type { HostView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { span } from '../../lib/time.ts';

/** As a person enters it; a rate that is empty is none. */
export interface EnteredLimit {
  rate: string;
  withHours: boolean;
  days: boolean[];
  from: number;
  to: number;
  hoursRate: string;
}

export interface ReadLimit {
  /** Null while something is wrong. */
  limit: CopyLimit | null;
  rateProblem: string | null;
  hoursRateProblem: string | null;
  hoursProblem: string | null;
}

const text = (mibPerS: number | null): string => (mibPerS === null ? '' : String(mibPerS));

/** What a form begins with; hours that are not set are offered as working hours. */
export function enteredLimit({ mibPerS, hours }: CopyLimit): EnteredLimit {
  const offered = hours ?? { days: WORKDAYS, from: 8, to: 18, mibPerS: 5 };
  return {
    rate: text(mibPerS),
    withHours: hours !== null,
    days: m.limits.days.map((_, day) => offered.days.includes(day)),
    from: offered.from,
    to: offered.to,
    hoursRate: text(offered.mibPerS),
  };
}

/** What was entered, with what is wrong with it said at its field. */
export function limitFrom(form: EnteredLimit): ReadLimit {
  const good = { rateProblem: null, hoursRateProblem: null, hoursProblem: null };
  const mibPerS = rateOf(form.rate);
  if (mibPerS === undefined) return { limit: null, ...good, rateProblem: m.limits.rateWrong };
  const inHours = rateOf(form.hoursRate);
  if (form.withHours && inHours === undefined)
    return { limit: null, ...good, hoursRateProblem: m.limits.rateWrong };
  const days = form.days.flatMap((on, day) => (on ? [day] : []));
  const hours = { days, from: form.from, to: form.to, mibPerS: inHours ?? null };
  const limit = { mibPerS, hours: form.withHours ? hours : null };
  const problem = limitProblem(limit);
  if (problem === null) return { limit, ...good };
  const field = problem.field;
  return {
    limit: null,
    rateProblem: field === 'mibPerS' ? problem.message : null,
    hoursRateProblem: field === 'hoursMibPerS' ? problem.message : null,
    hoursProblem: field === 'hours' ? problem.message : null,
  };
}

/** Undefined when it is no number. */
function rateOf(entered: string): number | null | undefined {
  if (entered.trim() === '') return null;
  return /^\s*\d{1,6}\s*$/.test(entered) ? Number(entered) : undefined;
}

/** What holds on hosts, a sentence each, as far as they tell. */
export function limitsOf(hosts: readonly (HostView | undefined)[]): string[] {
  return hosts.flatMap((host) => {
    const view = host?.facts?.copyLimit;
    return host && view ? [m.limits.now(host.name, view.nowMibPerS)] : [];
  });
}

/** When which limit holds; nothing without a timetable. */
export function timetableOf({ mibPerS, hours }: CopyLimit): string[] {
  if (hours === null) return [];
  const { days, from, to } = hours;
  return [
    m.limits.also(m.limits.hours(from, to), daysInWords(days), hours.mibPerS),
    m.limits.otherwise(mibPerS),
  ];
}

function daysInWords(days: readonly number[]): string {
  if (days.length === 7) return m.limits.everyDay;
  if (days.join() === WORKDAYS.join()) return m.limits.workdays;
  return days.map((day) => m.limits.daysShort[day]).join(', ');
}

const EXAMPLE_MIB = 100 * 1024;

/** What a limit costs, a sentence each. */
export function limitCost({ mibPerS, hours }: CopyLimit): string[] {
  const rates = [mibPerS, hours?.mibPerS ?? null].filter((rate) => rate !== null);
  if (rates.length === 0) return [];
  const least = Math.min(...rates);
  return [m.limits.slower(least, span((EXAMPLE_MIB / least) * 1_000)), m.limits.points];
}
