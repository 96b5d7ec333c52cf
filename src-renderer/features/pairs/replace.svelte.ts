import type { Check } from '../../../agent/protocol/check.ts';
import type { Problem } from '../../../agent/protocol/problem.ts';
import { call, session } from '../../lib/session.svelte.ts';

/** What was found about a host that is to stand by, before anything is ordered. */
export class StandbyChecks {
  standby = $state<string | null>(null);
  checks = $state<Check[] | null>(null);
  bytesToCopy = $state(0);
  checking = $state(false);
  fixing = $state<string | null>(null);
  problem = $state<Problem | null>(null);
  readonly #pairId: string;

  constructor(pairId: string) {
    this.#pairId = pairId;
  }

  blocked(): boolean {
    return this.checks === null || this.checks.some((check) => check.state === 'failed');
  }

  async check(): Promise<void> {
    const { standby } = this;
    if (standby === null) return;
    this.checking = true;
    this.problem = null;
    this.checks = null;
    const found = await call('pair.checkStandby', { pairId: this.#pairId, standby });
    // Another host was chosen meanwhile.
    if (this.standby !== standby) return;
    this.checking = false;
    if (found.ok) {
      this.checks = found.value.checks;
      this.bytesToCopy = found.value.bytesToCopy;
    } else this.problem = found.problem;
  }

  async fix(check: Check): Promise<void> {
    const pair = session.fleet.pairs[this.#pairId];
    const vmUuid = Object.values(pair?.members ?? {})[0]?.status.spec.workload.uuid;
    if (!pair || vmUuid === undefined || !check.fix || this.fixing) return;
    this.fixing = check.fix;
    const on = Object.values(session.fleet.hosts).find((host) => host.name === check.host)?.id ?? check.host;
    const fixed = await call('protect.fix', { hostId: pair.primary, vmUuid, on, fix: check.fix });
    this.fixing = null;
    if (fixed.ok) await this.check();
    else this.problem = fixed.problem;
  }
}
