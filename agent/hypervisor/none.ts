import { hostname } from 'node:os';
import { type Check, fail, type Result, type VmInfo } from '../protocol/index.ts';
import type { Hypervisor, HypervisorEvent, VmDefinition } from './hypervisor.ts';

/** A host without guests: a witness only looks and votes. Every order about a guest is refused. */
export class NoHypervisor implements Hypervisor {
  readonly kind = 'none';
  readonly reachable = false;
  readonly version = '';
  readonly migration = null;

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async refreshLoad(): Promise<void> {}

  /** Nothing ever happens to the guests of a host that has none. */
  subscribe(_listener: (event: HypervisorEvent) => void): () => void {
    return () => undefined;
  }

  list(): VmInfo[] {
    return [];
  }

  withDisks(text: string): string {
    return text;
  }

  outline(): null {
    return null;
  }

  async definition(): Promise<Result<VmDefinition>> {
    return REFUSED;
  }
  async define(): Promise<Result<void>> {
    return REFUSED;
  }
  async undefine(): Promise<Result<void>> {
    return REFUSED;
  }
  async run(): Promise<Result<void>> {
    return REFUSED;
  }
  async prepareRun(): Promise<Result<void>> {
    return REFUSED;
  }
  async resume(): Promise<Result<void>> {
    return REFUSED;
  }
  async shutdown(): Promise<Result<void>> {
    return REFUSED;
  }
  async destroy(): Promise<Result<void>> {
    return REFUSED;
  }
  async freeze(): Promise<Result<void>> {
    return REFUSED;
  }
  async guestAnswers(): Promise<boolean> {
    return false;
  }
  async quiesce(): Promise<'none'> {
    return 'none';
  }
  async thaw(): Promise<Result<void>> {
    return REFUSED;
  }
  async setAutostart(): Promise<Result<void>> {
    return REFUSED;
  }
  async monitor(): Promise<Result<unknown>> {
    return REFUSED;
  }
  async fix(): Promise<Result<void>> {
    return REFUSED;
  }

  async checkSource(): Promise<Check[]> {
    return [NOT_HERE];
  }
  async checkStandby(): Promise<{ checks: Check[]; paths: Record<string, string> }> {
    return { checks: [NOT_HERE], paths: {} };
  }
}

const REFUSED = fail({
  kind: 'no-hypervisor',
  message: `${hostname()} is a witness: it runs no virtual machines.`,
  next: 'Choose a host that has a hypervisor.',
});

const NOT_HERE: Check = {
  id: 'hypervisor',
  state: 'failed',
  host: hostname(),
  title: 'Hypervisor',
  message: REFUSED.ok ? '' : REFUSED.problem.message,
  next: REFUSED.ok ? '' : REFUSED.problem.next,
};
