/** Own icon set: 20 x 20, drawn with a 1.75 stroke unless the path is meant to be filled. */
export const icons = {
  play: { fill: 'M6 4.2v11.6a.9.9 0 0 0 1.37.77l9.4-5.8a.9.9 0 0 0 0-1.54l-9.4-5.8A.9.9 0 0 0 6 4.2Z' },
  ring: { line: 'M10 4.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11Z' },
  check: { line: 'm4.5 10.5 3.6 3.6 7.4-8.2' },
  cross: { line: 'm5 5 10 10M15 5 5 15' },
  alert: { line: 'M10 3.6 2.8 16.2h14.4L10 3.6Zm0 4.9v3.4m0 2.1v.2' },
  question: { line: 'M7.2 7.3A2.9 2.9 0 0 1 10 5c1.6 0 2.8 1 2.8 2.5 0 1.9-2.7 2.3-2.7 4m0 3.2v.2' },
  pause: { line: 'M7 5v10m6-10v10' },
  stop: { line: 'M5.5 5.5h9v9h-9z' },
  clock: { line: 'M10 3.3a6.7 6.7 0 1 0 0 13.4 6.7 6.7 0 0 0 0-13.4ZM10 6.4V10l2.4 1.6' },
  copy: { line: 'M3.5 10h11m-4-4.3 4.2 4.3-4.2 4.3M17.3 5v10' },
  aside: { line: 'M3.5 6.5h13v9.3h-13zM2.7 3.6h14.6v2.9H2.7zM8 10h4' },
  unlinked: {
    line: 'm8.2 11.8-1.7 1.7a2.6 2.6 0 0 1-3.7-3.7l2.4-2.3M11.8 8.2l1.7-1.7a2.6 2.6 0 1 1 3.7 3.7l-2.4 2.3M4 4l12 12',
  },
  search: { line: 'M9 3.8a5.2 5.2 0 1 0 0 10.4 5.2 5.2 0 0 0 0-10.4ZM12.8 12.8l3.7 3.7' },
  plus: { line: 'M10 4v12M4 10h12' },
  minus: { line: 'M4 10h12' },
  server: { line: 'M3.5 4h13v5h-13zM3.5 11h13v5h-13zM6.3 6.5h.2m-.2 7h.2' },
  witness: {
    line: 'M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5Zm7.5-2a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z',
  },
  key: { line: 'M13 3.5a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6ZM10.2 9.8 3.8 16.2m2-2 2 2' },
  power: { line: 'M10 3v6.5M6 5.6a6 6 0 1 0 8 0' },
  trash: { line: 'M4 6h12M8 6V4h4v2m-6.5 0 .6 10h7.8l.6-10' },
  right: { line: 'm7.5 4.5 5.5 5.5-5.5 5.5' },
  left: { line: 'M12.5 4.5 7 10l5.5 5.5' },
  down: { line: 'm4.5 7.5 5.5 5.5 5.5-5.5' },
  arrow: { line: 'M3.5 10h13m-5-5 5 5-5 5' },
  swap: { line: 'M3.5 7h12m-3.4-3.4L15.5 7l-3.4 3.4M16.5 13h-12m3.4-3.4L4.5 13l3.4 3.4' },
  map: { line: 'M3.5 4h4v12h-4zM12.5 4h4v12h-4zM7.5 8h5M7.5 12h5' },
  list: { line: 'M7 5.5h10M7 10h10M7 14.5h10M3.4 5.5h.2m-.2 4.5h.2m-.2 4.5h.2' },
  pulse: { line: 'M2.5 10.5h3.7L8.3 5l3.4 10 2.1-4.5h3.7' },
  gear: {
    line: 'M10 7.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2ZM10 2.6v2.2m0 10.4v2.2m7.4-7.4h-2.2M4.8 10H2.6m12.6-5.2-1.5 1.5M6.3 13.7l-1.5 1.5m10.4 0-1.5-1.5M6.3 6.3 4.8 4.8',
  },
  info: { line: 'M10 3.3a6.7 6.7 0 1 0 0 13.4 6.7 6.7 0 0 0 0-13.4ZM10 9v4.4m0-6.8v.2' },
  mask: {
    line: 'M3 4.5c2.3 1 4.7 1.4 7 1.4s4.7-.4 7-1.4v5.3c0 3.9-3.1 6.7-7 6.7s-7-2.8-7-6.7V4.5Zm3.6 4.7h2m2.8 0h2M7.5 12.6c1.5 1.2 3.5 1.2 5 0',
  },
  shield: { line: 'M10 2.8 3.8 5v4.6c0 3.7 2.5 6.4 6.2 7.6 3.7-1.2 6.2-3.9 6.2-7.6V5L10 2.8Z' },
} as const satisfies Record<string, { line: string } | { fill: string }>;

export type IconName = keyof typeof icons;
