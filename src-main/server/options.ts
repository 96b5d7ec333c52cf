import { parseArgs } from 'node:util';
import { defaultDataDir } from '../local/data-dir.ts';

export interface ServerOptions {
  practice: boolean;
  /** 0: any free one. */
  port: number;
  dataDir: string;
  /** Why there is no window; '' when nobody said. */
  reason: string;
}

export const USAGE = `Usage: server.cjs [--headless] [--practice] [--port N] [--data-dir DIR] [--reason TEXT]`;

type Environment = Record<string, string | undefined>;

/** Throws an Error with a sentence for the person when an argument cannot be understood. */
export function readOptions(
  args: string[],
  environment: Environment,
  platform: NodeJS.Platform,
): ServerOptions {
  const { values } = parseArgs({
    args,
    options: {
      headless: { type: 'boolean' },
      practice: { type: 'boolean', default: false },
      port: { type: 'string', default: '0' },
      'data-dir': { type: 'string' },
      reason: { type: 'string', default: '' },
    },
  });
  const dataDir = values['data-dir'] ?? defaultDataDir(environment, platform);
  return { practice: values.practice, port: portOf(values.port), dataDir, reason: values.reason };
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Error(`--port must be a number from 0 to 65535, not "${text}".`);
}
