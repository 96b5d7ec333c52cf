import { EventNumber, Program, QEMU_MONITOR_EVENT } from './procedures.ts';
import { type DomainRef, readDomain } from './types.ts';
import type { Message } from './wire.ts';
import { XdrReader } from './xdr.ts';

/** virDomainEventType, /usr/include/libvirt/libvirt-domain.h. */
export const Lifecycle = {
  defined: 0,
  undefined: 1,
  started: 2,
  suspended: 3,
  resumed: 4,
  stopped: 5,
  shutdown: 6,
  pmSuspended: 7,
  crashed: 8,
} as const;

/** What libvirtd tells without being asked. */
export type LibvirtEvent =
  | { kind: 'lifecycle'; dom: DomainRef; event: number; detail: number }
  /** The guest's devices, memory or state may read differently now. */
  | { kind: 'changed'; dom: DomainRef }
  | { kind: 'io-error'; dom: DomainRef; path: string; reason: string }
  | { kind: 'guest-agent'; dom: DomainRef; connected: boolean }
  | { kind: 'monitor'; dom: DomainRef; event: string; data: unknown };

/** Messages of other kinds, and of events not registered for, are null. Throws XdrError on a broken one. */
export function decodeEvent({ header, payload }: Message): LibvirtEvent | null {
  const reader = new XdrReader(payload);
  if (header.program === Program.qemu && header.procedure === QEMU_MONITOR_EVENT) return monitorEvent(reader);
  if (header.program !== Program.remote) return null;
  return remoteEvent(header.procedure, reader);
}

function remoteEvent(procedure: number, reader: XdrReader): LibvirtEvent | null {
  switch (procedure) {
    case EventNumber.lifecycle:
      reader.int();
      return { kind: 'lifecycle', dom: readDomain(reader), event: reader.int(), detail: reader.int() };
    case EventNumber.reboot:
    case EventNumber.diskChange:
    case EventNumber.balloonChange:
    case EventNumber.deviceAdded:
    case EventNumber.deviceRemoved:
      reader.int();
      return { kind: 'changed', dom: readDomain(reader) };
    case EventNumber.ioErrorReason:
      return ioError(reader);
    case EventNumber.agentLifecycle:
      reader.int();
      // virConnectDomainEventAgentLifecycleState: 1 connected, 2 disconnected.
      return { kind: 'guest-agent', dom: readDomain(reader), connected: reader.int() === 1 };
    default:
      return null;
  }
}

/** remote_domain_event_callback_io_error_reason_msg. */
function ioError(reader: XdrReader): LibvirtEvent {
  reader.int();
  const dom = readDomain(reader);
  const path = reader.string();
  reader.string();
  reader.int();
  return { kind: 'io-error', dom, path, reason: reader.string() };
}

/** qemu_domain_monitor_event_msg: callback, domain, event, seconds, microseconds, JSON details. */
function monitorEvent(reader: XdrReader): LibvirtEvent {
  reader.int();
  const dom = readDomain(reader);
  const event = reader.string();
  reader.hyper();
  reader.uint();
  const details = reader.optionalString();
  return { kind: 'monitor', dom, event, data: details === null ? null : parsed(details) };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
