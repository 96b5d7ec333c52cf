/**
 * The remote procedures used, with their numbers and shapes.
 * Sources: libvirt's src/remote/remote_protocol.x, src/remote/qemu_protocol.x, src/rpc/virkeepaliveprotocol.x
 * (numbers never change once released). Flags: /usr/include/libvirt/libvirt-*.h.
 */
import { type DomainRef, type Procedure, readDomain, writeDomain } from './types.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

export const Program = { remote: 0x20008086, qemu: 0x20008087, keepalive: 0x6b656570 } as const;
/** All three programs are at version 1. */
export const PROGRAM_VERSION = 1;

/** virDomainXMLFlags. */
export const XmlFlag = { secure: 1, inactive: 2, migratable: 8 } as const;
/** virConnectListAllDomainsFlags. */
export const ListFlag = { persistent: 4, autostart: 1024 } as const;
/** virDomainUndefineFlagsValues; the kept ones keep the file when the guest is defined again. */
export const UndefineFlag = {
  managedSave: 1,
  snapshotsMetadata: 2,
  keepNvram: 8,
  checkpointsMetadata: 16,
  keepTpm: 64,
} as const;
/** virDomainEventID of the events registered for. */
export const EventId = {
  lifecycle: 0,
  reboot: 1,
  ioErrorReason: 6,
  diskChange: 9,
  balloonChange: 13,
  deviceRemoved: 15,
  agentLifecycle: 18,
  deviceAdded: 19,
} as const;
/** Procedure numbers of event messages, remote program. */
export const EventNumber = {
  lifecycle: 318,
  reboot: 319,
  ioErrorReason: 324,
  diskChange: 327,
  balloonChange: 331,
  deviceRemoved: 333,
  agentLifecycle: 348,
  deviceAdded: 354,
} as const;
/** Procedure number of a QMP event, QEMU program. */
export const QEMU_MONITOR_EVENT = 6;
export const Keepalive = { ping: 1, pong: 2 } as const;

type Encode<A> = (writer: XdrWriter, args: A) => void;
type Decode<R> = (reader: XdrReader) => R;

const none = (): void => {};
const remote = <A, R>(
  number: number,
  name: string,
  encode: Encode<A>,
  decode: Decode<R>,
): Procedure<A, R> => ({
  program: Program.remote,
  number,
  name,
  waitsForGuest: false,
  encode,
  decode,
});
const waiting = <A, R>(procedure: Procedure<A, R>): Procedure<A, R> => ({
  ...procedure,
  waitsForGuest: true,
});
const qemu = <A, R>(procedure: Procedure<A, R>): Procedure<A, R> => ({ ...procedure, program: Program.qemu });

interface OnDomain {
  dom: DomainRef;
}
interface OnDomainWithFlags extends OnDomain {
  flags: number;
}
const encodeDomain: Encode<OnDomain> = (writer, { dom }) => void writeDomain(writer, dom);
const encodeDomainFlags: Encode<OnDomainWithFlags> = (writer, { dom, flags }) =>
  void writeDomain(writer, dom).uint(flags);

export const connectOpen = remote(
  1,
  'connect_open',
  (writer, args: { uri: string; flags: number }) => void writer.optionalString(args.uri).uint(args.flags),
  none,
);
/** remote_auth_type: 0 none, 1 SASL, 2 polkit. */
export const authList = remote(66, 'auth_list', none, (reader) => reader.array((each) => each.int()));
/** major * 1,000,000 + minor * 1,000 + release, as `libVersion`. */
export const connectGetVersion = remote(4, 'connect_get_version', none, (reader) => reader.uhyper());
export const connectGetLibVersion = remote(157, 'connect_get_lib_version', none, (reader) => reader.uhyper());
export const connectGetCapabilities = remote(7, 'connect_get_capabilities', none, (reader) =>
  reader.string(),
);
export const connectGetDomainCapabilities = remote(
  342,
  'connect_get_domain_capabilities',
  (
    writer,
    args: { emulator: string | null; arch: string | null; machine: string | null; virtType: string | null },
  ) =>
    void writer
      .optionalString(args.emulator)
      .optionalString(args.arch)
      .optionalString(args.machine)
      .optionalString(args.virtType)
      .uint(0),
  (reader) => reader.string(),
);
/** virCPUCompareResult: 0 incompatible, 1 identical, 2 superset. */
export const connectCompareHypervisorCpu = remote(
  393,
  'connect_compare_hypervisor_cpu',
  (
    writer,
    args: {
      emulator: string | null;
      arch: string | null;
      machine: string | null;
      virtType: string | null;
      cpu: string;
    },
  ) =>
    void writer
      .optionalString(args.emulator)
      .optionalString(args.arch)
      .optionalString(args.machine)
      .optionalString(args.virtType)
      .string(args.cpu)
      .uint(0),
  (reader) => reader.int(),
);

export const connectListAllDomains = remote(
  273,
  'connect_list_all_domains',
  (writer, args: { flags: number }) => void writer.int(1).uint(args.flags),
  (reader) => reader.array(readDomain),
);
/** Flag 2: active networks only (virConnectListAllNetworksFlags). */
export const connectListAllNetworks = remote(
  283,
  'connect_list_all_networks',
  (writer, args: { flags: number }) => void writer.int(1).uint(args.flags),
  (reader) => reader.array((each) => ({ name: each.string(), uuid: each.uuid() })),
);
export const networkGetXmlDesc = remote(
  43,
  'network_get_xml_desc',
  (writer, args: { name: string; uuid: string }) => void writer.string(args.name).uuid(args.uuid).uint(0),
  (reader) => reader.string(),
);
export const connectListAllNwfilters = remote(
  286,
  'connect_list_all_nwfilters',
  (writer) => void writer.int(1).uint(0),
  (reader) => reader.array((each) => ({ name: each.string(), uuid: each.uuid() })),
);
export const domainLookupByUuid = remote(
  24,
  'domain_lookup_by_uuid',
  (writer, args: { uuid: string }) => void writer.uuid(args.uuid),
  readDomain,
);
export const domainGetXmlDesc = remote(14, 'domain_get_xml_desc', encodeDomainFlags, (reader) =>
  reader.string(),
);
export const domainGetState = remote(212, 'domain_get_state', encodeDomainFlags, (reader) => ({
  state: reader.int(),
  reason: reader.int(),
}));
export const domainGetAutostart = remote(
  15,
  'domain_get_autostart',
  encodeDomain,
  (reader) => reader.int() !== 0,
);
export const domainIsPersistent = remote(
  151,
  'domain_is_persistent',
  encodeDomain,
  (reader) => reader.int() !== 0,
);
export const domainSetAutostart = remote(
  29,
  'domain_set_autostart',
  (writer, args: OnDomain & { on: boolean }) => void writeDomain(writer, args.dom).int(args.on ? 1 : 0),
  none,
);
export const domainDefineXmlFlags = remote(
  350,
  'domain_define_xml_flags',
  (writer, args: { xml: string; flags: number }) => void writer.string(args.xml).uint(args.flags),
  readDomain,
);
export const domainUndefineFlags = remote(231, 'domain_undefine_flags', encodeDomainFlags, none);
/** virDomainCreateFlags. `forceBoot`: saved memory is discarded, not resumed. */
export const CreateFlag = { paused: 1, forceBoot: 8 } as const;
export const domainResume = waiting(remote(28, 'domain_resume', encodeDomain, none));
export const domainCreateWithFlags = remote(196, 'domain_create_with_flags', encodeDomainFlags, readDomain);
export const domainShutdownFlags = waiting(remote(258, 'domain_shutdown_flags', encodeDomainFlags, none));
export const domainDestroyFlags = remote(234, 'domain_destroy_flags', encodeDomainFlags, none);
export const domainHasManagedSaveImage = remote(
  183,
  'domain_has_managed_save_image',
  encodeDomainFlags,
  (reader) => reader.int() !== 0,
);
export const domainSnapshotNum = remote(187, 'domain_snapshot_num', encodeDomainFlags, (reader) =>
  reader.int(),
);

export interface BlockInfo {
  /** Bytes the image takes on the host. */
  allocation: bigint;
  /** Bytes the guest sees. */
  capacity: bigint;
  physical: bigint;
}
export const domainGetBlockInfo = waiting(
  remote(
    194,
    'domain_get_block_info',
    (writer, args: OnDomain & { path: string }) =>
      void writeDomain(writer, args.dom).string(args.path).uint(0),
    (reader): BlockInfo => ({
      allocation: reader.uhyper(),
      capacity: reader.uhyper(),
      physical: reader.uhyper(),
    }),
  ),
);

/** `source`: 0 DHCP leases of libvirt's networks, 1 guest agent (virDomainInterfaceAddressesSource). */
export const domainInterfaceAddresses = waiting(
  remote(
    353,
    'domain_interface_addresses',
    (writer, args: OnDomain & { source: number }) =>
      void writeDomain(writer, args.dom).uint(args.source).uint(0),
    (reader) =>
      reader.array((each) => ({
        name: each.string(),
        mac: each.optionalString(),
        addresses: each.array((address) => ({
          type: address.int(),
          address: address.string(),
          prefix: address.uint(),
        })),
      })),
  ),
);

export const connectDomainEventCallbackRegisterAny = remote(
  316,
  'connect_domain_event_callback_register_any',
  // No domain: the events of all guests.
  (writer, args: { eventId: number }) => void writer.int(args.eventId).uint(0),
  (reader) => reader.int(),
);

/** virDomainMigrateFlags. `unsafe`: libvirt cannot know that the images agree without shared storage; the pair does. */
export const MigrateFlag = { live: 1, tunnelled: 4, paused: 32, unsafe: 512 } as const;

/** Parameters of a migration, all of them strings here (remote_typed_param, type 7). */
function writeParams(writer: XdrWriter, params: Record<string, string>): XdrWriter {
  const given = Object.entries(params);
  writer.uint(given.length);
  for (const [field, value] of given) writer.string(field).int(7).string(value);
  return writer;
}

/** The source's word on the guest: definition for the other host, and libvirt's own cookie for its like. */
export const domainMigrateBegin3Params = remote(
  302,
  'domain_migrate_begin3_params',
  (writer, args: OnDomainWithFlags) => void writeParams(writeDomain(writer, args.dom), {}).uint(args.flags),
  (reader) => ({ cookie: reader.opaque(), xml: reader.string() }),
);
/** Makes the process that waits for the memory; its bytes follow as a stream under the same serial number. */
export const domainMigratePrepareTunnel3Params = remote(
  304,
  'domain_migrate_prepare_tunnel3_params',
  (writer, args: { xml: string; cookie: Buffer; flags: number }) =>
    void writeParams(writer, { destination_xml: args.xml }).opaque(args.cookie).uint(args.flags),
  none,
);
export const domainMigrateFinish3Params = remote(
  306,
  'domain_migrate_finish3_params',
  (writer, args: { name: string; flags: number; cancelled: boolean }) =>
    void writeParams(writer, { destination_name: args.name })
      .opaque(Buffer.alloc(0))
      .uint(args.flags)
      .int(args.cancelled ? 1 : 0),
  readDomain,
);

export const qemuDomainMonitorCommand = waiting(
  qemu(
    remote(
      1,
      'qemu_domain_monitor_command',
      (writer, args: OnDomain & { command: string }) =>
        void writeDomain(writer, args.dom).string(args.command).uint(0),
      (reader) => reader.string(),
    ),
  ),
);
/** `timeoutS`: how long the guest agent may take. */
export const qemuDomainAgentCommand = waiting(
  qemu(
    remote(
      3,
      'qemu_domain_agent_command',
      (writer, args: OnDomain & { command: string; timeoutS: number }) =>
        void writeDomain(writer, args.dom).string(args.command).int(args.timeoutS).uint(0),
      (reader) => reader.optionalString(),
    ),
  ),
);
/** No domain and no filter: every event of every guest. */
export const qemuConnectDomainMonitorEventRegister = qemu(
  remote(
    4,
    'qemu_connect_domain_monitor_event_register',
    (writer) => void writer.uint(0).uint(0).uint(0),
    (reader) => reader.int(),
  ),
);
