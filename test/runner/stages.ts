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

/** Everything `npm test` runs, cheapest first. */
export const STAGES: Stage[] = [
  { name: 'lint', command: npm('lint'), packages: [], counts: 'stage' },
  { name: 'types', command: npm('types'), packages: [], counts: 'stage' },
  { name: 'arrows', command: npm('arrows'), packages: [], counts: 'stage' },
  { name: 'unit', command: npm('unit'), packages: [], helpful: UNIT_HELPERS, counts: 'vitest' },
  { name: 'model', command: [...npm('model'), '--', '--bounded'], packages: [], counts: 'stage' },
  {
    name: 'simulator',
    command: [...npm('simulate'), '--', '--schedules', '2000', '--json'],
    packages: [],
    counts: 'stage',
  },
  { name: 'build', command: npm('build'), packages: [], counts: 'stage' },
  {
    name: 'integration',
    command: ['vitest', 'run', '--config', 'test/integration/vitest.config.ts'],
    packages: ['qemu-system-x86', 'qemu-utils'],
    linux: true,
    // Mounts small file systems, to fill them.
    root: true,
    counts: 'vitest',
  },
  {
    name: 'browser',
    command: npm('e2e'),
    packages: ['chromium', 'fonts-dejavu-core'],
    linux: true,
    counts: 'playwright',
  },
  {
    name: 'electron',
    command: ['playwright', 'test', '--config', 'test/e2e/electron.config.ts'],
    packages: ['chromium', 'xvfb', 'xauth'],
    linux: true,
    counts: 'playwright',
  },
  {
    name: 'lab',
    command: npm('lab:test'),
    packages: [...labPackages],
    linux: true,
    root: true,
    counts: 'vitest',
  },
  {
    name: 'chaos',
    command: [...npm('chaos'), '--', '--seed', '1', '--minutes', '3', '--json'],
    packages: [...labPackages],
    linux: true,
    root: true,
    counts: 'stage',
  },
  {
    name: 'story in the browser',
    command: ['npm', 'run', '--silent', 'lab:story', '--', '--json', '--shell', 'browser'],
    packages: [...labPackages, 'chromium'],
    linux: true,
    root: true,
    counts: 'stage',
  },
  {
    name: 'story in the Electron window',
    command: ['npm', 'run', '--silent', 'lab:story', '--', '--json', '--shell', 'electron'],
    packages: [...labPackages, 'chromium', 'xvfb', 'xauth'],
    linux: true,
    root: true,
    counts: 'stage',
  },
];
