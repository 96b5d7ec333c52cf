import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { socketPair } from '../socket-pair.spec-kit.ts';
import { soon } from '../soon.spec-kit.ts';
import { Lifeline } from './lifeline.ts';
import { Command, decodeRequest, EIO, encodeReply, FUA, REQUEST_BYTES } from './nbd-wire.ts';

const BEAT_BYTES = REQUEST_BYTES + 512;
const open: Lifeline[] = [];

/** A storage daemon's scratch export: answers each beat as told. */
function standby(socket: Duplex, answer: (handle: bigint, beat: number) => Buffer | null): { beats: number } {
  const seen = { beats: 0 };
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= BEAT_BYTES) {
      const request = decodeRequest(bytes);
      expect(request).toMatchObject({ type: Command.write, flags: FUA, length: 512 });
      bytes = bytes.subarray(BEAT_BYTES);
      seen.beats += 1;
      const reply = answer(request.handle, seen.beats);
      if (reply) socket.write(reply);
    }
  });
  socket.on('error', () => undefined);
  socket.resume();
  return seen;
}

async function lifeline(answer: (handle: bigint, beat: number) => Buffer | null, deadlineMs = 200) {
  const [near, far] = await socketPair();
  const seen = standby(far, answer);
  const line = new Lifeline(near);
  open.push(line);
  const listener = { deadlineMs, lost: vi.fn() };
  line.add(listener);
  return { line, listener, far, seen };
}

const good = (handle: bigint) => encodeReply(0, handle);

describe('the heartbeat', () => {
  afterEach(() => {
    for (const line of open.splice(0)) line.close();
  });

  it('keeps writing while it is answered', async () => {
    const { listener, seen } = await lifeline(good);
    await soon(() => expect(seen.beats).toBeGreaterThan(5));
    expect(listener.lost).not.toHaveBeenCalled();
  });

  it('is late when nothing answers', async () => {
    const started = performance.now();
    const { listener, line } = await lifeline((handle, beat) => (beat < 3 ? good(handle) : null));
    await soon(() => expect(listener.lost).toHaveBeenCalled());
    expect(listener.lost.mock.calls[0]?.[0]).toBe('heartbeat-late');
    expect(performance.now() - started).toBeGreaterThan(200);
    expect(line.over).toBe(false);
  });

  it('takes another connection of the same daemon for a sign of life', async () => {
    const { listener, line } = await lifeline(() => null);
    const alive = setInterval(() => line.alive(), 20);
    const ended = performance.now() + 600;
    await soon(() => expect(performance.now()).toBeGreaterThan(ended));
    expect(listener.lost).not.toHaveBeenCalled();
    clearInterval(alive);
    await soon(() => expect(listener.lost).toHaveBeenCalled());
  });

  it('does not believe a deadline that passed while this process slept', async () => {
    const { listener, seen } = await lifeline(good);
    await soon(() => expect(seen.beats).toBeGreaterThan(1));
    for (let n = 0; n < 3; n += 1) {
      // Sleeps with a beat on its way: the far end lives in this process too, so it answers after the sleep.
      await new Promise((done) => setTimeout(done, 10));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      const before = seen.beats;
      await soon(() => expect(seen.beats).toBeGreaterThan(before + 1));
    }
    expect(listener.lost).not.toHaveBeenCalled();
  });

  it('is lost at an error, at nonsense and at a closed connection', async () => {
    const failing = await lifeline((handle) => encodeReply(EIO, handle));
    await soon(() =>
      expect(failing.listener.lost).toHaveBeenCalledWith('heartbeat-error', expect.any(String)),
    );
    const mad = await lifeline(() => Buffer.alloc(16, 1));
    await soon(() => expect(mad.listener.lost).toHaveBeenCalledWith('heartbeat-error', expect.any(String)));
    const closed = await lifeline(good);
    closed.far.destroy();
    await soon(() =>
      expect(closed.listener.lost).toHaveBeenCalledWith('connection-lost', expect.any(String)),
    );
    expect([failing, mad, closed].map(({ line }) => line.over)).toEqual([true, true, true]);
  });

  it('gives each listener its own deadline, changed at will', async () => {
    const { line, listener } = await lifeline(() => null, 150);
    const patient = { deadlineMs: 60_000, lost: vi.fn() };
    line.add(patient);
    await soon(() => expect(listener.lost).toHaveBeenCalled());
    expect(patient.lost).not.toHaveBeenCalled();
    patient.deadlineMs = 100;
    line.changed();
    await soon(() => expect(patient.lost).toHaveBeenCalled());
  });

  it('ends with its last listener', async () => {
    const { line, listener, far } = await lifeline(good);
    const closed = new Promise((done) => far.once('close', done));
    line.remove(listener);
    await closed;
    expect(line.over).toBe(true);
  });
});
