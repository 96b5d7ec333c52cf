import type { Check } from '../../../protocol/index.ts';
import type { Domain } from '../domain-xml.ts';
import { finding, size } from './finding.ts';
import type { HostView } from './host-view.ts';

/** Are memory and CPUs enough to run the guest here? */
export async function checkResources(domain: Domain, host: HostView): Promise<Check[]> {
  const checks = [domain.hugePages ? await hugePages(domain, host) : await memory(domain, host)];
  const count = host.cpuCount();
  if (domain.vcpus > count || domain.highestPinnedCpu >= count)
    checks.push(processors(domain, host.name(), count));
  return checks;
}

async function memory(domain: Domain, host: HostView): Promise<Check> {
  const check = finding(host.name(), 'memory', 'Memory to run it');
  const { totalBytes, availableBytes } = await host.memory();
  const words = `${size(domain.memoryBytes)} needed at a failover`;
  if (domain.memoryBytes > totalBytes) {
    return check.failed(
      `${words}, ${host.name()} has ${size(totalBytes)} in all.`,
      'Choose another standby, or give the machine less memory.',
    );
  }
  if (domain.memoryBytes > availableBytes) {
    return check.warning(
      `${words}, ${size(availableBytes)} free now.`,
      `Make room on ${host.name()} before the machine has to start there.`,
    );
  }
  return check.ok(`${words}, ${size(availableBytes)} free now.`);
}

/** Huge pages are set aside beforehand; QEMU does not start without them. */
async function hugePages(domain: Domain, host: HostView): Promise<Check> {
  const check = finding(host.name(), 'memory', 'Memory to run it');
  const text = (await host.readText('/proc/meminfo')) ?? '';
  const figure = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
  const free = figure('HugePages_Free') * figure('Hugepagesize') * 1024;
  const words = `${size(domain.memoryBytes)} of huge pages needed at a failover, ${size(free)} free now`;
  if (free >= domain.memoryBytes) return check.ok(`${words}.`);
  return check.failed(`${words}.`, `Set more aside on ${host.name()} (sysctl vm.nr_hugepages).`);
}

function processors(domain: Domain, host: string, count: number): Check {
  const check = finding(host, 'cpu-count', 'Processors');
  if (domain.highestPinnedCpu >= count) {
    return check.failed(
      `The machine is pinned to CPU ${domain.highestPinnedCpu} of its host; ${host} has ${count}, numbered from 0.`,
      'Take the pinning away (cputune, cpuset), or choose another standby.',
    );
  }
  return check.warning(
    `The machine has ${domain.vcpus} virtual processors, ${host} has ${count}: it would be slower there.`,
    'Nothing to do if that is good enough for a failover.',
  );
}
