import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvent } from './events.ts';
import { EventNumber, Program, QEMU_MONITOR_EVENT } from './procedures.ts';
import { writeDomain } from './types.ts';
import { FrameReader, type Message, MessageType } from './wire.ts';
import { XdrError, XdrWriter } from './xdr.ts';

const dom = { name: 'erp', uuid: '7e570000-0000-4000-8000-000000000061', id: 3 };

function message(program: number, procedure: number, writer: XdrWriter): Message {
  const header = { program, version: 1, procedure, type: MessageType.event, serial: 0, status: 0 };
  return { header, payload: writer.finish() };
}
const withDomain = (): XdrWriter => writeDomain(new XdrWriter().int(1), dom);

describe('events', () => {
  it('reads a recorded lifecycle event (libvirtd 9.0.0, a guest undefined)', () => {
    const recorded =
      '0000004420008086000000010000013e000000020000000100000000000000120000000474696e795bca16d12e9a4fd6867fcd19a5f1a62fffffffff0000000100000000';
    const [event] = new FrameReader().push(Buffer.from(recorded, 'hex'));
    expect(event && decodeEvent(event)).toEqual({
      kind: 'lifecycle',
      dom: { name: 'tiny', uuid: '5bca16d1-2e9a-4fd6-867f-cd19a5f1a62f', id: -1 },
      event: 1,
      detail: 0,
    });
  });

  it('reads a QMP event with its data', () => {
    const payload = withDomain()
      .string('BLOCK_JOB_READY')
      .int(0)
      .int(1)
      .uint(5)
      .optionalString('{"device":"vda"}');
    expect(decodeEvent(message(Program.qemu, QEMU_MONITOR_EVENT, payload))).toEqual({
      kind: 'monitor',
      dom,
      event: 'BLOCK_JOB_READY',
      data: { device: 'vda' },
    });
  });

  it('takes a QMP event without readable data for one without data', () => {
    const payload = withDomain().string('STOP').int(0).int(1).uint(5).optionalString('{');
    expect(decodeEvent(message(Program.qemu, QEMU_MONITOR_EVENT, payload))).toMatchObject({ data: null });
  });

  it('reads a disk error with its reason', () => {
    const payload = withDomain().string('/x.qcow2').string('virtio-disk0').int(1).string('enospc');
    expect(decodeEvent(message(Program.remote, EventNumber.ioErrorReason, payload))).toEqual({
      kind: 'io-error',
      dom,
      path: '/x.qcow2',
      reason: 'enospc',
    });
  });

  it.each([
    [1, true],
    [2, false],
  ])('reads guest agent state %i', (state, connected) => {
    const payload = withDomain().int(state).int(1);
    expect(decodeEvent(message(Program.remote, EventNumber.agentLifecycle, payload))).toEqual({
      kind: 'guest-agent',
      dom,
      connected,
    });
  });

  it('knows that a guest may read differently after a change of its devices', () => {
    expect(decodeEvent(message(Program.remote, EventNumber.deviceAdded, withDomain().string('vdb')))).toEqual(
      {
        kind: 'changed',
        dom,
      },
    );
  });

  it('passes over what it did not register for', () => {
    expect(decodeEvent(message(Program.remote, 320, withDomain()))).toBeNull();
    expect(decodeEvent(message(0x1234, 1, withDomain()))).toBeNull();
  });

  it('fails only in the way its reader expects, whatever comes', () => {
    const numbers = [...Object.values(EventNumber), QEMU_MONITOR_EVENT];
    const programs = fc.constantFrom(Program.remote, Program.qemu);
    fc.assert(
      fc.property(
        programs,
        fc.constantFrom(...numbers),
        fc.uint8Array({ maxLength: 80 }),
        (program, number, bytes) => {
          try {
            decodeEvent({ ...message(program, number, new XdrWriter()), payload: Buffer.from(bytes) });
          } catch (error) {
            expect(error).toBeInstanceOf(XdrError);
          }
        },
      ),
    );
  });

  it('refuses an event that ends too early', () => {
    expect(() => decodeEvent(message(Program.remote, EventNumber.lifecycle, withDomain()))).toThrow(XdrError);
  });
});
