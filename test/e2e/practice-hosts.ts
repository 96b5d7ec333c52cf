import {
  createPractice,
  type Practice,
  type PracticeOptions,
} from '../../src-main/core/practice/practice.ts';
import type { PracticeAccess } from '../../src-main/core/practice/practice-host.ts';

export interface PracticeHosts extends Practice {
  access(name: string): PracticeAccess;
}

/** Practice hosts in this process, to be added by their SSH servers like any others; they outlive a console. */
export async function startPracticeHosts(options: PracticeOptions = {}): Promise<PracticeHosts> {
  const practice = await createPractice(options);
  return {
    ...practice,
    access(name) {
      const found = practice.hosts.find((host) => host.name === name);
      if (!found) throw new Error(`there is no practice host ${name}`);
      return found;
    },
  };
}
