import type { Check, Result } from '../../../protocol/index.ts';
import type { CopyKept, VmDefinition } from '../../hypervisor.ts';
import { type Domain, DomainXmlError, parseDomain } from '../domain-xml.ts';
import type { Guest } from '../guests.ts';
import { finding } from './finding.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView } from './libvirt-view.ts';
import { checkSource } from './source.ts';
import { checkStandby } from './standby.ts';

/** The preflight of both sides. */
export class Checks {
  readonly #libvirt: LibvirtView;
  readonly #host: HostView;

  constructor(libvirt: LibvirtView, host: HostView) {
    this.#libvirt = libvirt;
    this.#host = host;
  }

  async source(
    definition: Result<VmDefinition>,
    guest: Guest | null,
    copy: CopyKept = 'ours',
  ): Promise<Check[]> {
    if (!definition.ok) return [this.#unread(definition.problem.message, definition.problem.next)];
    const domain = this.#parse(definition.value.text);
    if (domain === null) return [this.#unreadable()];
    return checkSource(domain, guest?.vm.state ?? 'unknown', this.#host, this.#libvirt, copy);
  }

  async standby(
    definition: VmDefinition,
    guests: Guest[],
    reachable: boolean,
    copy: CopyKept = 'ours',
  ): Promise<{ checks: Check[]; paths: Record<string, string> }> {
    if (!reachable) {
      const check = finding(this.#host.name(), 'libvirt', 'libvirt');
      const message = `libvirt on ${this.#host.name()} does not answer.`;
      return { checks: [check.failed(message, 'Look at "systemctl status libvirtd" there.')], paths: {} };
    }
    const domain = this.#parse(definition.text);
    if (domain === null) return { checks: [this.#unreadable()], paths: {} };
    const vms = guests.map((guest) => guest.vm);
    return checkStandby({ definition, domain, guests: vms, host: this.#host, libvirt: this.#libvirt, copy });
  }

  #parse(text: string): Domain | null {
    try {
      return parseDomain(text);
    } catch (error) {
      if (error instanceof DomainXmlError) return null;
      throw error;
    }
  }

  #unread(message: string, next: string): Check {
    return finding(this.#host.name(), 'vm-state', 'The machine').failed(message, next);
  }

  #unreadable(): Check {
    return this.#unread('Its definition cannot be read.', 'Look at "virsh dumpxml" of the machine.');
  }
}
