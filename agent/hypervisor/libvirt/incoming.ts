import { type Duplex, pipeline, type Writable } from 'node:stream';
import type { Log } from '../../ports.ts';
import { fail, ok, type Result } from '../../protocol/index.ts';
import type { MovingGuest } from '../migration.ts';
import type { Connection } from './connection.ts';
import { parseDomain } from './domain-xml.ts';
import { failed, type Outcome } from './failure.ts';
import type { Guests } from './guests.ts';
import type { Orders } from './orders.ts';
import { domainMigrateFinish3Params, domainMigratePrepareTunnel3Params, MigrateFlag } from './procedures.ts';
import type { Session } from './session.ts';

/** Of both sides: it stands still when its memory has moved, and libvirt need not understand why the disks agree. */
export const MIGRATION_FLAGS = MigrateFlag.live | MigrateFlag.paused | MigrateFlag.unsafe;

const PREPARE_DEADLINE_MS = 60_000;
const FINISH_DEADLINE_MS = 30_000;
const TAKE_IN = 'Mend what libvirt complains of, or order the move with a shutdown.';

interface Incoming {
  connection: Connection;
  name: string;
  stream: Writable;
}

/**
 * The receiving side of a live migration: libvirt makes the QEMU that waits and feeds it through a pipe of its own: no
 * port, no path that AppArmor would have to know. Each has a connection of its own, with which libvirtd ends it.
 */
export class IncomingGuests {
  readonly #session: Session;
  readonly #guests: Guests;
  readonly #orders: Orders;
  readonly #log: Log;
  readonly #incoming = new Map<string, Incoming>();

  constructor(parts: { session: Session; guests: Guests; orders: Orders; log: Log }) {
    this.#session = parts.session;
    this.#guests = parts.guests;
    this.#orders = parts.orders;
    this.#log = parts.log;
  }

  async receive(uuid: string, guest: MovingGuest): Promise<Result<void>> {
    await this.refuse(uuid);
    const { name } = parseDomain(guest.definition);
    const attempt = { kind: 'vm-receive-failed', message: `${name} cannot be taken in here`, next: TAKE_IN };
    const opened = await this.#session.openAnother();
    if (!opened.ok) return failed(opened.failure, attempt);
    const connection = opened.value;
    const cookie = Buffer.from(guest.cookie, 'base64');
    const order = { xml: guest.definition, cookie, flags: MIGRATION_FLAGS | MigrateFlag.tunnelled };
    const made = await connection.callWithStream(
      domainMigratePrepareTunnel3Params,
      order,
      PREPARE_DEADLINE_MS,
    );
    if (!made.ok) {
      connection.close();
      return failed(made.failure, attempt);
    }
    this.#incoming.set(uuid, { connection, name, stream: made.value.stream });
    await this.#guests.refresh(uuid);
    return ok(undefined);
  }

  feed(uuid: string, stream: Duplex): Promise<boolean> {
    const incoming = this.#incoming.get(uuid);
    if (incoming === undefined) {
      stream.destroy();
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      pipeline(stream, incoming.stream, (error) => {
        if (!error) return resolve(true);
        this.#log('warn', `${incoming.name}: its memory broke off: ${error.message}`);
        // QEMU waits for ever for what does not come.
        const over = this.#incoming.get(uuid) === incoming ? this.refuse(uuid) : Promise.resolve();
        void over.then(() => resolve(false));
      });
    });
  }

  async arrive(uuid: string): Promise<Result<void>> {
    const incoming = this.#incoming.get(uuid);
    const gone = {
      kind: 'memory-gone',
      message: `The memory of ${this.#orders.nameOf(uuid)} did not arrive here.`,
      next: 'It goes on where it was.',
    };
    if (incoming === undefined) return fail(gone);
    const arrived = await this.#finishIncoming(incoming, false);
    this.#incoming.delete(uuid);
    incoming.connection.close();
    if (!arrived.ok) return fail({ ...gone, details: { libvirt: JSON.stringify(arrived.failure) } });
    // Not run yet here, whatever libvirt calls it: nobody but the pair's owner lets it go on.
    this.#guests.update(uuid, { state: 'paused', pause: 'not-started' });
    return ok(undefined);
  }

  async refuse(uuid: string): Promise<void> {
    const incoming = this.#incoming.get(uuid);
    if (incoming === undefined) return;
    this.#incoming.delete(uuid);
    incoming.stream.destroy();
    // libvirt answers this with an error, always: there is no guest left to tell of.
    await this.#finishIncoming(incoming, true);
    // Should it not have heard, it ends the process with the connection on which it was made.
    incoming.connection.close();
    await this.#guests.refresh(uuid);
  }

  #finishIncoming({ connection, name }: Incoming, cancelled: boolean): Promise<Outcome<unknown>> {
    const order = { name, flags: MIGRATION_FLAGS | MigrateFlag.tunnelled, cancelled };
    return connection.call(domainMigrateFinish3Params, order, { deadlineMs: FINISH_DEADLINE_MS });
  }
}
