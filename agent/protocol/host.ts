import * as v from 'valibot';
import { CopyLimitView } from './limits.ts';
import { TellingBrief } from './telling.ts';

export { HostId } from './host-id.ts';

/** libvirt's domain UUID, lower case. */
export const VmUuid = v.pipe(v.string(), v.uuid());
export type VmUuid = v.InferOutput<typeof VmUuid>;

export const HypervisorKind = v.picklist(['libvirt', 'simulated', 'none']);
export type HypervisorKind = v.InferOutput<typeof HypervisorKind>;

/** What an agent may be used for: `hypervisor` runs guests, `witness` only looks and votes. */
export const HostRole = v.picklist(['hypervisor', 'witness']);
export type HostRole = v.InferOutput<typeof HostRole>;

export const HostFacts = v.object({
  hostname: v.string(),
  /** e.g. "Debian GNU/Linux 12 (bookworm)". */
  os: v.string(),
  kernel: v.string(),
  /** Node's names: x64, arm64. */
  arch: v.string(),
  cpuModel: v.string(),
  cpuCount: v.number(),
  memoryBytes: v.number(),
  /** Changes at every boot of the host (Linux: /proc/sys/kernel/random/boot_id). */
  bootId: v.string(),
  hypervisor: v.object({
    kind: HypervisorKind,
    /** e.g. "libvirt 9.0.0, QEMU 7.2.22". */
    version: v.string(),
    /** False while the hypervisor daemon does not answer. */
    reachable: v.boolean(),
  }),
  /** Addresses by which other hosts may reach this one, best first. */
  addresses: v.array(v.string()),
  /** How fast it sends copies. Left out by an agent that knows no limits. */
  copyLimit: v.optional(CopyLimitView),
  /** How it tells people what happens. Left out by an agent that tells nobody. */
  telling: v.optional(TellingBrief),
});
export type HostFacts = v.InferOutput<typeof HostFacts>;

export const HostLoad = v.object({
  /** Share of all cores in use since the last sample, 0..1. */
  cpu: v.number(),
  memoryUsedBytes: v.number(),
  memoryBytes: v.number(),
  /** Wall clock, ms since the epoch, of the sample. */
  at: v.number(),
});
export type HostLoad = v.InferOutput<typeof HostLoad>;

export const VmState = v.picklist(['running', 'paused', 'shutting-down', 'stopped', 'crashed', 'unknown']);
export type VmState = v.InferOutput<typeof VmState>;

export const DiskInfo = v.object({
  /** Guest-visible target, e.g. "vda". */
  target: v.string(),
  /** Path on the host; empty when the source is no file. */
  path: v.string(),
  format: v.string(),
  /** Virtual size; 0 while unknown. */
  sizeBytes: v.number(),
  readOnly: v.boolean(),
  device: v.picklist(['disk', 'cdrom', 'floppy', 'lun']),
});
export type DiskInfo = v.InferOutput<typeof DiskInfo>;

export const NicInfo = v.object({
  mac: v.string(),
  /** libvirt: bridge, network, direct, ... */
  type: v.string(),
  /** Name of the bridge, network or device it hangs on. */
  source: v.string(),
});
export type NicInfo = v.InferOutput<typeof NicInfo>;

export const VmInfo = v.object({
  uuid: VmUuid,
  name: v.string(),
  state: VmState,
  vcpus: v.number(),
  memoryBytes: v.number(),
  autostart: v.boolean(),
  /**
   * Why it is paused, where that matters: its disks failed it; it has not run its first instruction here yet; its memory
   * is still coming from the other host (`incoming`); its memory is at the other host, or about to be (`leaving`).
   */
  pause: v.optional(v.picklist(['io-error', 'not-started', 'incoming', 'leaving'])),
  /** False: its definition was taken away while it runs, so it vanishes when it stops. Left out where it has one. */
  defined: v.optional(v.literal(false)),
  /** It is stopped here because it was migrated to another host, as far as the hypervisor remembers. Left out otherwise. */
  away: v.optional(v.literal(true)),
  disks: v.array(DiskInfo),
  nics: v.array(NicInfo),
  /** Share of one host's cores in use, 0..1; 0 when stopped. */
  cpu: v.number(),
  memoryUsedBytes: v.number(),
  /** What it writes to its disks, bytes/s over the last sample; left out while not known. */
  writeBps: v.optional(v.number()),
  /** Addresses the guest is known by (guest agent or lease file), possibly none. */
  addresses: v.array(v.string()),
});
export type VmInfo = v.InferOutput<typeof VmInfo>;
