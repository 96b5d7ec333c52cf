import { homedir } from 'node:os';
import { join } from 'node:path';

type Environment = Record<string, string | undefined>;

/**
 * Where the console keeps its database when nothing else is said: with a window, without one, and for the command line. Programs
 * of each platform have their place (XDG Base Directory specification on Linux).
 */
export function defaultDataDir(environment: Environment, platform: NodeJS.Platform): string {
  if (environment.UNDERSTUDY_DATA) return environment.UNDERSTUDY_DATA;
  const home = homedir();
  if (platform === 'win32') {
    return join(environment.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Understudy');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Understudy');
  return join(environment.XDG_DATA_HOME || join(home, '.local', 'share'), 'understudy');
}
