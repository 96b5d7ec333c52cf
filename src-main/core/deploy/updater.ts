import type { Problem } from '../../../agent/protocol/index.ts';
import type { HostTarget } from '../fleet/host-link.ts';
import { AgentAssets } from './assets.ts';
import { agentNotUpdated } from './problems.ts';
import { type DeployServices, DeploySession } from './session.ts';

export interface UpdaterOptions {
  services: DeployServices;
  report: (problem: Problem) => void;
}

/** What a link has found out about the agent it greeted. */
export interface FoundAgent {
  version: string;
  /** It speaks an older protocol: no use until it is replaced. */
  tooOld: boolean;
}

/**
 * Replaces agents of an older release in place when a link meets them. Builds of the same release are left alone:
 * two consoles of different builds would otherwise replace each other's agent for ever.
 */
export class AgentUpdater {
  readonly #options: UpdaterOptions;
  /** Host and version already tried in vain: told once, not at every reconnection. */
  readonly #tried = new Set<string>();

  constructor(options: UpdaterOptions) {
    this.#options = options;
  }

  /** True when another agent runs there now: greet again. */
  async replaceIfOlder(target: HostTarget, found: FoundAgent): Promise<boolean> {
    const attempt = `${target.hostId} ${found.version}`;
    // With one that is too old to be used the link waits for the person: every attempt is wanted.
    if ((this.#tried.has(attempt) && !found.tooOld) || !(await this.#isOlder(found))) return false;
    this.#tried.add(attempt);
    const problem = await this.#replace(target);
    if (problem === null) return true;
    this.#options.report(agentNotUpdated(target.name, found.version, problem));
    return false;
  }

  async #isOlder(found: FoundAgent): Promise<boolean> {
    const assets = await AgentAssets.open(this.#options.services.assetsDir);
    return assets.ok && (found.tooOld || compareReleases(found.version, assets.value.version) < 0);
  }

  async #replace({ login, ...target }: HostTarget): Promise<Problem | null> {
    if (login === null) return null;
    const session = await DeploySession.open(this.#options.services, { ...target, login });
    if (!session.ok) return session.problem;
    const updated = await session.value.update();
    session.value.close();
    return updated.ok ? null : updated.problem;
  }
}

/** Negative when `a` is the older release; build ids behind + do not count (Semantic Versioning 2.0, 10 and 11). */
export function compareReleases(a: string, b: string): number {
  const [first, second] = [numbersOf(a), numbersOf(b)];
  for (const index of [0, 1, 2]) {
    const difference = (first[index] ?? 0) - (second[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  const [release = ''] = version.split(/[+-]/);
  return release.split('.').map((part) => Number.parseInt(part, 10) || 0);
}
