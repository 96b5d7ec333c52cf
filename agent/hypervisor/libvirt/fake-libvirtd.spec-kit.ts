import { createServer, type Server, type Socket } from 'node:net';
import {
  authList,
  connectDomainEventCallbackRegisterAny,
  connectGetLibVersion,
  connectGetVersion,
  connectListAllDomains,
  connectOpen,
  domainCreateWithFlags,
  domainGetAutostart,
  domainGetState,
  domainGetXmlDesc,
  domainIsPersistent,
  domainLookupByUuid,
  EventNumber,
  ListFlag,
  Program,
  qemuConnectDomainMonitorEventRegister,
} from './procedures.ts';
import { writeDomain } from './types.ts';
import { encodeMessage, FrameReader, type Message, MessageStatus, MessageType } from './wire.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

/** An answer's payload, a refusal, or nothing at all. */
export type Answer = XdrWriter | { code: number; message: string } | null;
export type Handler = (args: XdrReader) => Answer;

export interface FakeGuest {
  name: string;
  uuid: string;
  /** virDomainState. */
  state: number;
  /** Why it is in that state, as libvirt numbers it. */
  reason?: number;
  autostart: boolean;
  /** Undefined while it runs. */
  transient?: boolean;
}

/** The wire side of a libvirtd, for specs of what talks to it: answers by procedure, raises events. */
export class FakeLibvirtd {
  readonly path: string;
  readonly guests = new Map<string, FakeGuest>();
  readonly handlers = new Map<number, Handler>();
  /** Payloads of stream messages, by procedure; an empty one is the stream's end. */
  readonly streams = new Map<number, Buffer[]>();
  /** Procedures asked for, in order. */
  readonly asked: number[] = [];
  #server: Server | null = null;
  readonly #sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.on(authList, () => new XdrWriter().uint(1).int(0));
    this.on(connectOpen, () => new XdrWriter());
    this.on(connectGetLibVersion, () => new XdrWriter().uint(0).uint(9_000_000));
    this.on(connectGetVersion, () => new XdrWriter().uint(0).uint(7_002_022));
    this.on(connectDomainEventCallbackRegisterAny, () => new XdrWriter().int(1));
    this.handlers.set(key(Program.qemu, qemuConnectDomainMonitorEventRegister.number), () =>
      new XdrWriter().int(9),
    );
    this.#guestHandlers();
  }

  on(procedure: { number: number; program: number }, handler: Handler): void {
    this.handlers.set(key(procedure.program, procedure.number), handler);
  }

  listen(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    return new Promise((resolve) => server.listen(this.path, resolve));
  }

  /** Ends all connections, as a libvirtd that stops. */
  close(): Promise<void> {
    this.drop();
    const server = this.#server;
    this.#server = null;
    return new Promise((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }

  /** Breaks all connections; new ones are taken. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Bytes out of turn, to every connection. */
  send(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  event(program: number, procedure: number, payload: XdrWriter): void {
    const header = {
      program,
      version: 1,
      procedure,
      type: MessageType.event,
      serial: 0,
      status: MessageStatus.ok,
    };
    this.send(encodeMessage({ header, payload: payload.finish() }));
  }

  lifecycle(guest: FakeGuest, event: number, detail = 0): void {
    const payload = writeDomain(new XdrWriter().int(1), { ...guest, id: 1 })
      .int(event)
      .int(detail);
    this.event(Program.remote, EventNumber.lifecycle, payload);
  }

  #guestHandlers(): void {
    const find = (args: XdrReader): FakeGuest | undefined => {
      args.string();
      return this.guests.get(args.uuid());
    };
    const onGuest =
      (answer: (guest: FakeGuest) => Answer): Handler =>
      (args) => {
        const guest = find(args);
        return guest ? answer(guest) : NO_DOMAIN;
      };
    this.on(connectListAllDomains, (args) => {
      args.int();
      const onlyAutostart = (args.uint() & ListFlag.autostart) !== 0;
      const listed = [...this.guests.values()].filter((guest) => guest.autostart || !onlyAutostart);
      const writer = new XdrWriter().uint(listed.length);
      for (const guest of listed) writeDomain(writer, { ...guest, id: -1 });
      return writer.uint(listed.length);
    });
    this.on(domainLookupByUuid, (args) => {
      const guest = this.guests.get(args.uuid());
      return guest ? writeDomain(new XdrWriter(), { ...guest, id: -1 }) : NO_DOMAIN;
    });
    this.on(
      domainGetXmlDesc,
      onGuest((guest) => new XdrWriter().string(xmlOf(guest))),
    );
    this.on(
      domainGetState,
      onGuest((guest) => new XdrWriter().int(guest.state).int(guest.reason ?? 0)),
    );
    this.on(
      domainGetAutostart,
      onGuest((guest) => new XdrWriter().int(guest.autostart ? 1 : 0)),
    );
    this.on(
      domainIsPersistent,
      onGuest((guest) => new XdrWriter().int(guest.transient ? 0 : 1)),
    );
    this.on(
      domainCreateWithFlags,
      onGuest((guest) => {
        guest.state = 1;
        return writeDomain(new XdrWriter(), { ...guest, id: 1 });
      }),
    );
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const frames = new FrameReader();
    socket.on('data', (chunk) => {
      for (const message of frames.push(chunk)) this.#answer(socket, message);
    });
  }

  #answer(socket: Socket, { header, payload }: Message): void {
    if (header.type === MessageType.stream) {
      const held = this.streams.get(header.procedure) ?? [];
      this.streams.set(header.procedure, [...held, payload]);
      return;
    }
    this.asked.push(header.procedure);
    if (header.type !== MessageType.call) return;
    const handler = this.handlers.get(key(header.program, header.procedure));
    const answer = handler ? handler(new XdrReader(payload)) : { code: 3, message: 'not in this fake' };
    if (answer === null) return;
    const refused = !(answer instanceof XdrWriter);
    const status = refused ? MessageStatus.error : MessageStatus.ok;
    const reply = { ...header, type: MessageType.reply, status };
    const body = refused ? new XdrWriter().int(answer.code).int(10).optionalString(answer.message) : answer;
    socket.write(encodeMessage({ header: reply, payload: body.finish() }));
  }
}

export const NO_DOMAIN = { code: 42, message: 'Domain not found' };

const key = (program: number, procedure: number): number =>
  program === Program.qemu ? -procedure : procedure;

const xmlOf = (guest: FakeGuest): string =>
  `<domain type='qemu'><name>${guest.name}</name><uuid>${guest.uuid}</uuid><memory unit='MiB'>64</memory></domain>`;
