import type { Duplex } from 'node:stream';
import { fail, ok, type Problem, type Result } from '../../protocol/index.ts';
import type { LiveMigration, MovingGuest, Sending } from '../migration.ts';
import { readDomain } from './domain-text.ts';
import type { SimulatedHost } from './host.ts';
import * as problem from './problems.ts';
import type { SimulatedGuest } from './types.ts';

/** How often the sending of memory moves, milliseconds. */
const STEP_MS = 100;
/** The part of a guest's memory that is left for the pause. */
const LAST_PIECE = 0.005;

interface Outgoing {
  stream: Duplex;
  doneBytes: number;
  phase: Sending['phase'];
}

/** Moves the memory of simulated guests: it takes as long as its size over the simulated network would. */
export class SimulatedMigration implements LiveMigration {
  private readonly host: SimulatedHost;
  private readonly alive: () => boolean;
  private readonly outgoing = new Map<string, Outgoing>();
  private readonly arrived = new Set<string>();
  private readonly fed = new Map<string, Duplex>();

  constructor(host: SimulatedHost, alive: () => boolean) {
    this.host = host;
    this.alive = alive;
  }

  async hindrances(uuid: string): Promise<string[]> {
    const guest = this.guest(uuid);
    if (guest?.state !== 'running') return [`${guest?.domain.name ?? uuid} does not run.`];
    return guest.domain.hostBound.map(
      (device) => `${guest.domain.name} uses ${device}, which exists on this host only.`,
    );
  }

  async describe(uuid: string): Promise<Result<MovingGuest>> {
    const guest = this.guest(uuid);
    if (!guest) return fail(problem.vmMissing(uuid, this.host.name));
    return ok({ definition: guest.domain.text, cookie: '' });
  }

  async send(uuid: string, stream: Duplex): Promise<Result<void>> {
    const guest = this.guest(uuid);
    if (!guest || guest.startedAt === null) return fail(problem.vmMissing(uuid, this.host.name));
    const outgoing: Outgoing = { stream, doneBytes: 0, phase: 'copying' };
    this.outgoing.set(uuid, outgoing);
    stream.once('close', () => this.lost(uuid, outgoing));
    stream.on('error', () => undefined);
    void this.copy(guest, outgoing);
    return ok(undefined);
  }

  async progress(uuid: string): Promise<Result<Sending>> {
    if (!this.alive()) return fail(problem.hostOff(this.host.name));
    const total = this.guest(uuid)?.domain.memoryBytes ?? 0;
    const { doneBytes = 0, phase = 'none' } = this.outgoing.get(uuid) ?? {};
    const rateBps = this.host.world.pace.memoryBps;
    return ok({ phase, doneBytes, leftBytes: total - doneBytes, rateBps, rounds: 1, cause: null });
  }

  async finish(uuid: string): Promise<Result<void>> {
    const outgoing = this.outgoing.get(uuid);
    if (outgoing?.phase !== 'paused' || !this.alive()) return fail(notSent(this.host.name));
    await new Promise<void>((resolve) => outgoing.stream.end('memory', () => resolve()));
    // What a lost stream did meanwhile (`lost`) counts.
    if (outgoing.phase !== 'paused') return fail(notSent(this.host.name));
    outgoing.phase = 'sent';
    return ok(undefined);
  }

  async stay(uuid: string): Promise<Result<void>> {
    const guest = this.guest(uuid);
    if (!guest || guest.startedAt === null) return fail(problem.vmMissing(uuid, this.host.name));
    const outgoing = this.outgoing.get(uuid);
    this.outgoing.delete(uuid);
    if (outgoing) outgoing.phase = 'failed';
    outgoing?.stream.destroy();
    this.host.goOn(guest);
    return ok(undefined);
  }

  async receive(uuid: string, { definition }: MovingGuest): Promise<Result<void>> {
    const domain = readDomain(definition);
    if (!this.alive() || !domain) return fail(problem.definitionUnreadable(this.host.name));
    if (!(await this.host.after(this.host.world.pace.startMs))) return fail(problem.hostOff(this.host.name));
    if (this.host.freeMemoryBytes() < domain.memoryBytes)
      return fail(problem.noMemory(domain.name, this.host.name));
    this.arrived.delete(uuid);
    this.host.awaitMemory(domain);
    return ok(undefined);
  }

  feed(uuid: string, stream: Duplex): Promise<boolean> {
    this.fed.set(uuid, stream);
    return new Promise((resolve) => {
      stream.on('data', () => this.arrived.add(uuid));
      stream.on('error', () => undefined);
      stream.once('end', () => resolve(this.arrived.has(uuid)));
      stream.once('close', () => {
        if (!this.arrived.has(uuid)) void this.refuse(uuid);
        resolve(this.arrived.has(uuid));
      });
    });
  }

  async arrive(uuid: string): Promise<Result<void>> {
    const guest = this.guest(uuid);
    const whole = this.arrived.delete(uuid) && !this.host.world.pace.memoryLost;
    if (guest?.pause !== 'incoming' || !whole) {
      await this.refuse(uuid);
      return fail(notSent(this.host.name));
    }
    guest.pause = 'not-started';
    guest.booted = true;
    this.host.tellOf(guest);
    return ok(undefined);
  }

  async refuse(uuid: string): Promise<void> {
    this.arrived.delete(uuid);
    const guest = this.guest(uuid);
    if (guest?.pause === 'incoming') this.host.endGuest(guest, 'destroyed');
  }

  /** The agent ends: as libvirt does, what waits for memory ends with the connection on which it was made. */
  async stop(): Promise<void> {
    for (const guest of this.host.guests.values())
      if (this.alive() && guest.pause === 'incoming') await this.refuse(guest.domain.uuid);
    for (const stream of this.fed.values()) stream.destroy();
    for (const { stream } of this.outgoing.values()) stream.destroy();
  }

  private async copy(guest: SimulatedGuest, outgoing: Outgoing): Promise<void> {
    const { memoryBytes, uuid } = guest.domain;
    const whole = memoryBytes * (1 - LAST_PIECE);
    while (outgoing.doneBytes < whole) {
      if (!(await this.host.after(STEP_MS)) || outgoing.phase !== 'copying') return;
      if (guest.startedAt === null) return void outgoing.stream.destroy();
      const step = (this.host.world.pace.memoryBps * STEP_MS) / 1000;
      outgoing.doneBytes = Math.min(whole, outgoing.doneBytes + step);
    }
    if (this.outgoing.get(uuid) !== outgoing) return;
    outgoing.phase = 'paused';
    this.host.pauseToLeave(guest);
  }

  /** As QEMU does it: a guest that ran goes on by itself when the rest of its memory cannot be sent. */
  private lost(uuid: string, outgoing: Outgoing): void {
    if (outgoing.phase === 'sent' || outgoing.phase === 'failed' || outgoing.stream.writableFinished) return;
    const wasPaused = outgoing.phase === 'paused';
    outgoing.phase = 'failed';
    const guest = this.guest(uuid);
    if (wasPaused && guest) this.host.goOn(guest);
  }

  private guest(uuid: string): SimulatedGuest | undefined {
    return this.alive() ? this.host.guest(uuid) : undefined;
  }
}

const notSent = (host: string): Problem => ({
  kind: 'memory-not-sent',
  message: `The machine's memory did not get from or to ${host}.`,
  next: 'It goes on where it was.',
});
