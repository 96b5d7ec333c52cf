import type { Check } from '../../../protocol/index.ts';
import type { Domain } from '../domain-xml.ts';
import { failureText } from '../failure.ts';
import { finding } from './finding.ts';
import type { HostView } from './host-view.ts';
import type { LibvirtView, Platform } from './libvirt-view.ts';

/** virCPUCompareResult, /usr/include/libvirt/libvirt-host.h. */
const CPU_INCOMPATIBLE = 0;

/** Does this host's QEMU offer the machine type, the CPU and the TPM the guest asks for? */
export async function checkPlatform(domain: Domain, host: HostView, libvirt: LibvirtView): Promise<Check[]> {
  const name = host.name();
  const emulator = domain.emulator === '' ? null : domain.emulator;
  if (emulator !== null && !(await host.exists(emulator))) {
    return [
      finding(name, 'machine-type', 'Machine type').failed(
        `${emulator} is missing on ${name}.`,
        'Install the same QEMU packages as on the other host.',
      ),
    ];
  }
  const platform = { emulator, arch: domain.arch, machine: domain.machine, virtType: domain.virtType };
  const offered = await libvirt.capabilities(platform);
  if (!offered.ok) return [machineMissing(domain, name, failureText(offered.failure))];
  const machine = finding(name, 'machine-type', 'Machine type').ok(
    `${domain.machine} (${domain.virtType === 'kvm' ? 'KVM' : domain.virtType}) is offered here too.`,
  );
  return [
    machine,
    await cpu(domain, platform, name, libvirt),
    ...firmware(domain, offered.value, name),
    ...tpm(domain, offered.value, name),
  ];
}

function machineMissing(domain: Domain, host: string, reason: string): Check {
  return finding(host, 'machine-type', 'Machine type').failed(
    `${host} cannot run a machine of type ${domain.machine} (${domain.arch}, ${domain.virtType}): ${reason}.`,
    domain.virtType === 'kvm'
      ? 'Enable virtualisation in its firmware, and install a QEMU at least as new as on the other host.'
      : 'Install a QEMU at least as new as on the other host.',
  );
}

async function cpu(domain: Domain, platform: Platform, host: string, libvirt: LibvirtView): Promise<Check> {
  const check = finding(host, 'cpu-model', 'CPU model');
  const mode = domain.cpu?.mode ?? '';
  if (mode === 'host-passthrough' || mode === 'maximum') {
    return check.warning(
      `The machine sees the CPU of the host it runs on (${mode}): after a failover it may be another one.`,
      'Give it a named CPU model if its software is bound to one; a cold start on the standby works either way.',
    );
  }
  if (mode === 'host-model')
    return check.ok('The machine takes on what the CPU of its host offers, at each start.');
  if (!domain.cpu || domain.cpu.model === '') return check.ok("The machine uses QEMU's default CPU.");
  const compared = await libvirt.compareCpu(platform, domain.cpu.xml);
  if (!compared.ok) {
    return check.warning(
      `libvirt could not compare the CPU model ${domain.cpu.model}: ${failureText(compared.failure)}.`,
      `Look at "virsh hypervisor-cpu-compare" on ${host}.`,
    );
  }
  if (compared.value === CPU_INCOMPATIBLE) {
    return check.failed(
      `The CPU of ${host} lacks something that the model ${domain.cpu.model} needs.`,
      'Choose an older CPU model for the machine, or another standby.',
    );
  }
  return check.ok(`${domain.cpu.model} is offered here too.`);
}

/** Where libvirt picks the firmware itself, it must have one to pick. */
function firmware(domain: Domain, capabilities: string, host: string): Check[] {
  if (domain.firmware === '' || domain.loader !== '') return [];
  const check = finding(host, 'firmware', 'Firmware');
  const [offered = ''] = /<enum name='firmware'>[\s\S]*?<\/enum>/.exec(capabilities) ?? [];
  if (offered.includes(`<value>${domain.firmware}</value>`)) {
    return [check.ok(`libvirt has ${domain.firmware} firmware here too.`)];
  }
  return [
    check.failed(
      `${host} has no ${domain.firmware} firmware.`,
      'Install it: apt install ovmf (Debian, x86-64).',
    ),
  ];
}

/** The TPM's state lies outside the disks and is not copied. */
function tpm(domain: Domain, capabilities: string, host: string): Check[] {
  if (domain.tpm === '') return [];
  const check = finding(host, 'tpm', 'TPM');
  const [section] = /<tpm supported='yes'>[\s\S]*?<\/tpm>/.exec(capabilities) ?? [];
  if (domain.tpm === 'emulator' && !section?.includes('<value>emulator</value>')) {
    return [check.failed(`${host} has no TPM emulator.`, 'Install it: apt install swtpm swtpm-tools.')];
  }
  return [
    check.warning(
      "The state of the machine's TPM is not copied; after a failover its TPM is empty.",
      'Keep recovery keys (BitLocker, LUKS) at hand, or copy the TPM state by other means.',
    ),
  ];
}
