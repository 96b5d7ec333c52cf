import { labPackages } from '../lab/packages.ts';

export interface Stage {
  name: string;
  /** npm script or command line, run with the project's Node. */
  command: string[];
  /** Debian packages it stands on. */
  packages: string[];
  /** Debian packages without which a few of its tests say why they cannot run; CI has them. */
  helpful?: string[];
  /** Needs root on Linux (network namespaces, containers). */
  root?: boolean;
  /** Needs Linux. */
  linux?: boolean;
  /** How its closing line is counted: tests by the runner's own figures, or the stage as one. */
  counts: 'vitest' | 'playwright' | 'stage';
  /** Environment added. */
  env?: Record<string, string>;
}

const npm = (script: string): string[] => ['npm', 'run', '--silent', script];

/** The guard for both architectures, what runs the other one's here, and what makes images. */
const UNIT_HELPERS = [
  'gcc',
  'libc6-dev',
  'gcc-aarch64-linux-gnu',
  'libc6-dev-arm64-cross',
  'qemu-user-static',
  'qemu-utils',
];

const vitest = (config: string): string[] => ['vitest', 'run', '--config', config];
const playwright = (config: string): string[] => ['playwright', 'test', '--config', config];

const onLab = { linux: true, root: true } as const;
const WINDOW = ['chromium', 'xvfb', 'xauth'];

/** What each looks at is one program of one thread, but for the images: made while something else is busy. */
const QUICK: Stage[] = [
  {
    ...{ name: 'lab images', command: [...npm('lab'), '--', 'images'], packages: [...labPackages] },
    ...{ ...onLab, counts: 'stage' },
  },
  { name: 'types', command: npm('types'), packages: [], counts: 'stage' },
  { name: 'model', command: [...npm('model'), '--', '--bounded'], packages: [], counts: 'stage' },
  { name: 'lint', command: npm('lint'), packages: [], counts: 'stage' },
  { name: 'arrows', command: npm('arrows'), packages: [], counts: 'stage' },
  { name: 'build', command: npm('build'), packages: [], counts: 'stage' },
  {
    ...{ name: 'simulator', command: [...npm('simulate'), '--', '--schedules', '2000', '--json'] },
    ...{ packages: [], counts: 'stage' },
  },
];

const story = (shell: 'browser' | 'electron', packages: string[]): Stage => ({
  name: shell === 'browser' ? 'story in the browser' : 'story in the Electron window',
  command: [...npm('lab:story'), '--', '--json', '--shell', shell],
  packages: [...labPackages, ...packages],
  ...onLab,
  counts: 'stage',
});

/** Faults at random, beside the two stories: each has a lab of its own. */
const LAST: Stage[] = [
  {
    name: 'chaos',
    command: [...npm('chaos'), '--', '--seed', '1', '--minutes', '3', '--json'],
    packages: [...labPackages],
    ...onLab,
    counts: 'stage',
  },
  story('browser', ['chromium']),
  story('electron', WINDOW),
];

/** Everything `npm test` runs, group by group, cheapest first; of one group two stages at a time. */
export const GROUPS: Stage[][] = [
  QUICK,
  [{ name: 'unit', command: npm('unit'), packages: [], helpful: UNIT_HELPERS, counts: 'vitest' }],
  [
    {
      name: 'integration',
      command: vitest('test/integration/vitest.config.ts'),
      packages: ['qemu-system-x86', 'qemu-utils'],
      // Mounts small file systems, to fill them.
      ...onLab,
      counts: 'vitest',
    },
  ],
  [
    {
      ...{ name: 'browser', command: npm('e2e'), packages: ['chromium', 'fonts-dejavu-core'] },
      ...{ linux: true, counts: 'playwright' },
    },
    {
      ...{ name: 'electron', command: playwright('test/e2e/electron.config.ts'), packages: WINDOW },
      ...{ linux: true, counts: 'playwright' },
    },
  ],
  [{ name: 'lab', command: npm('lab:test'), packages: [...labPackages], ...onLab, counts: 'vitest' }],
  LAST,
];
