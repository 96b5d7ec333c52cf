import type { Duplex } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { socketPair } from '../socket-pair.spec-kit.ts';
import { soon } from '../soon.spec-kit.ts';
import { DiskRelay } from './disk-relay.ts';
import {
  Command,
  DEFAULT_BLOCK_SIZE,
  EIO,
  ENOSPC,
  encodeReply,
  encodeRequest,
  LEAST_FLAGS,
  REPLY_BYTES,
  REQUEST_BYTES,
} from './nbd-wire.ts';

const INFO = { sizeBytes: 2 ** 20, flags: LEAST_FLAGS, blockSize: DEFAULT_BLOCK_SIZE };

/** Everything that arrived at one end of a stream. */
function collect(stream: Duplex): { bytes(): Buffer; closed: boolean } {
  const chunks: Buffer[] = [];
  const seen = { bytes: () => Buffer.concat(chunks), closed: false };
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('close', () => {
    seen.closed = true;
  });
  stream.on('error', () => undefined);
  stream.resume();
  return seen;
}

function bench() {
  const events = { alive: vi.fn(), lost: vi.fn(), ended: vi.fn() };
  const relay = new DiskRelay(INFO, 'held', false, events);
  events.lost.mockImplementation(() => relay.hold());
  const attach = async () => {
    const [near, far] = await socketPair();
    relay.attach(near, Buffer.alloc(0));
    return { qemu: far, heard: collect(far) };
  };
  const connect = async () => {
    const [near, far] = await socketPair();
    relay.connect(near);
    return { standby: far, sent: collect(far) };
  };
  return { relay, events, attach, connect };
}

const write = (handle: bigint, length = 512) =>
  Buffer.concat([
    encodeRequest({ flags: 0, type: Command.write, handle, offset: 0n, length }),
    Buffer.alloc(length, Number(handle)),
  ]);
const leave = encodeRequest({ flags: 0, type: Command.disconnect, handle: 0n, offset: 0n, length: 0 });

describe('one disk between QEMU and the standby', () => {
  it('passes writes on and success back', async () => {
    const { relay, attach, connect } = bench();
    const { standby, sent } = await connect();
    const { qemu, heard } = await attach();
    qemu.write(write(1n));
    await soon(() => expect(sent.bytes().equals(write(1n))).toBe(true));
    expect(relay.outstanding).toBe(1);
    standby.write(encodeReply(0, 1n));
    await soon(() => expect(heard.bytes().equals(encodeReply(0, 1n))).toBe(true));
    expect(relay.outstanding).toBe(0);
  });

  it('holds at an error and never tells it', async () => {
    const { relay, events, attach, connect } = bench();
    const { standby } = await connect();
    const { qemu, heard } = await attach();
    qemu.write(Buffer.concat([write(1n), write(2n)]));
    await soon(() => expect(relay.outstanding).toBe(2));
    standby.write(Buffer.concat([encodeReply(0, 1n), encodeReply(ENOSPC, 2n), encodeReply(0, 2n)]));
    await soon(() => expect(events.lost).toHaveBeenCalledWith('remote-error', expect.any(String), ENOSPC));
    expect(relay.state).toBe('held');
    await soon(() => expect(heard.bytes().equals(encodeReply(0, 1n))).toBe(true));
    expect(relay.outstanding).toBe(1);
  });

  it('swallows writes while held and answers each once released', async () => {
    const { relay, attach } = bench();
    const { qemu, heard } = await attach();
    const whole = write(2n);
    qemu.write(Buffer.concat([write(1n), whole.subarray(0, 100)]));
    await soon(() => expect(relay.outstanding).toBe(2));
    relay.release();
    await soon(() => expect(heard.bytes().equals(encodeReply(EIO, 1n))).toBe(true));
    // The second one's data is still on its way: an answer now would come before the request's end.
    qemu.write(whole.subarray(100));
    await soon(() => expect(heard.bytes()).toHaveLength(2 * REPLY_BYTES));
    qemu.write(write(3n));
    await soon(() => expect(heard.bytes().subarray(-REPLY_BYTES).equals(encodeReply(EIO, 3n))).toBe(true));
    expect(relay.state).toBe('released');
  });

  it('never goes back from released to forwarding by holding', () => {
    const { relay } = bench();
    relay.release();
    relay.hold();
    expect(relay.state).toBe('released');
  });

  it('drops QEMU when a held stream goes on, so that it sends again', async () => {
    const { relay, attach, connect } = bench();
    const first = await attach();
    first.qemu.write(write(1n));
    await soon(() => expect(relay.outstanding).toBe(1));
    const { sent } = await connect();
    await soon(() => expect(first.heard.closed).toBe(true));
    const second = await attach();
    second.qemu.write(write(1n));
    await soon(() => expect(sent.bytes().equals(write(1n))).toBe(true));
    expect(relay.state).toBe('up');
  });

  it('calls an end clean only with nothing unanswered', async () => {
    const clean = bench();
    await clean.connect();
    (await clean.attach()).qemu.write(leave);
    await soon(() => expect(clean.events.ended).toHaveBeenCalledWith(true));
    expect(clean.relay.state).toBe('ended');
    expect(clean.events.lost).not.toHaveBeenCalled();

    const unanswered = bench();
    await unanswered.connect();
    (await unanswered.attach()).qemu.write(Buffer.concat([write(1n), leave]));
    await soon(() => expect(unanswered.events.ended).toHaveBeenCalledWith(false));

    const held = bench();
    (await held.attach()).qemu.write(leave);
    await soon(() => expect(held.events.ended).toHaveBeenCalledWith(false));
  });

  it('holds when the standby closes, and when QEMU goes without leave', async () => {
    const lost = bench();
    const { standby } = await lost.connect();
    await lost.attach();
    standby.destroy();
    await soon(() => expect(lost.events.lost).toHaveBeenCalledWith('connection-lost', expect.any(String), 0));

    const gone = bench();
    await gone.connect();
    (await gone.attach()).qemu.destroy();
    await soon(() => expect(gone.events.lost).toHaveBeenCalledWith('qemu-gone', expect.any(String), 0));
  });

  it('holds when QEMU comes a second time over one connection to the standby', async () => {
    const { events, attach, connect } = bench();
    await connect();
    await attach();
    await attach();
    expect(events.lost).toHaveBeenCalledWith('qemu-gone', expect.any(String), 0);
  });

  it('drops a QEMU that speaks no NBD', async () => {
    const { relay, events, attach, connect } = bench();
    const { sent } = await connect();
    const { qemu, heard } = await attach();
    qemu.write(Buffer.alloc(200, 7));
    await soon(() => expect(heard.closed).toBe(true));
    expect(events.lost).toHaveBeenCalledWith('qemu-malformed', expect.any(String), 0);
    expect(relay.attached).toBe(false);
    expect(sent.bytes()).toHaveLength(0);
  });

  it('waits for a standby that takes no more, without filling the memory', async () => {
    const { relay, attach } = bench();
    const [near, far] = await socketPair();
    relay.connect(near);
    const { qemu } = await attach();
    const megabyte = 2 ** 20;
    const writes = 32;
    // Far more than the kernel's buffers on the way hold.
    for (let n = 1; n <= writes; n += 1) qemu.write(write(BigInt(n), megabyte));
    await soon(() => expect(near.writableNeedDrain).toBe(true));
    expect(near.writableLength).toBeLessThan(4 * megabyte);
    let arrived = 0;
    far.on('data', (chunk: Buffer) => {
      arrived += chunk.length;
    });
    far.resume();
    await soon(() => expect(arrived).toBe(writes * (megabyte + REQUEST_BYTES)));
  });

  it('tells how long the oldest write has been seen waiting', async () => {
    const { relay, attach, connect } = bench();
    const { standby } = await connect();
    const { qemu } = await attach();
    qemu.write(write(1n));
    await soon(() => expect(relay.outstanding).toBe(1));
    expect([relay.lookAtOldest(), relay.lookAtOldest()]).toEqual([1, 2]);
    standby.write(encodeReply(0, 1n));
    await soon(() => expect(relay.outstanding).toBe(0));
    expect(relay.lookAtOldest()).toBe(0);
  });
});
