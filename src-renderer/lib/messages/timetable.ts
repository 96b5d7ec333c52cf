/** Work on a pair that is done by timetable, or by order. */
export const timetable = {
  when: 'When?',
  every: { never: 'Only by order', weekly: 'Every Monday', monthly: 'On the first of each month' },
  hour: 'At',
  hourOf: (hour: number) => `${String(hour).padStart(2, '0')}:00`,
  hourHint: (host: string) => `By the clock of ${host}.`,
  next: (when: string) => `Next by timetable: ${when}.`,
  none: 'Only when somebody orders it.',
  by: (who: string) => (who === 'timetable' ? 'by timetable' : `by ${who}`),
};
