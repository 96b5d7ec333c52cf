import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Hypervisor } from '../hypervisor/hypervisor.ts';
import type { AuditLog } from '../journal/audit.ts';
import { DurableFile } from '../journal/durable-file.ts';
import type { PairsService } from '../pairs/service.ts';
import type { Peers } from '../peers/peers.ts';
import type { Clock, Log } from '../ports.ts';
import {
  type Channel,
  type Delivery,
  type Handlers,
  type HostRole,
  type Letter,
  type PeerApi,
  ProblemError,
  type Sent,
  type StoredTelling,
  type TellingBrief,
  type TellingView,
} from '../protocol/index.ts';
import { advance, noted } from './advance.ts';
import { Book, EMPTY_BOOK, type Message, takenUp } from './book.ts';
import { waitingLines } from './compose.ts';
import { Deliveries, send } from './deliveries.ts';
import { conditionsOf } from './fleet-conditions.ts';
import { notesOf, openNotes } from './notes.ts';
import { endingOf } from './over.ts';
import { SettingsFile } from './settings-file.ts';
import type { Transports } from './transports.ts';
import { troubleOf } from './trouble.ts';
import { worldOf } from './world.ts';

/** How often it is looked what is worth telling, ms. */
const LOOK_MS = 1_000;
/** What is that old is not worth bothering the others, ms. */
const RELAY_WITHIN_MS = 3_600_000;

export interface TellingOptions {
  stateDir: string;
  clock: Clock;
  log: Log;
  audit: AuditLog;
  hypervisor: Hypervisor;
  pairs: PairsService;
  peers: Peers;
  transports: Transports;
  /** Null until the host is enrolled. */
  self(): { hostId: string; name: string; role: HostRole; fleetId: string } | null;
}

/** Tells people what matters, by mail and webhook, whether a console is open or not. */
export class Telling {
  readonly file: SettingsFile;
  readonly options: TellingOptions;
  readonly #bookFile: DurableFile<typeof Book>;
  readonly #deliveries: Deliveries;
  readonly #listeners = new Set<() => void>();
  readonly #ends: (() => void)[] = [];
  #book: Book = EMPTY_BOOK;
  /** As far as it is on disk: nothing leaves that a next life would not know of. */
  #kept: Book = EMPTY_BOOK;
  #timer: { cancel(): void } | null = null;
  #stopped = false;

  constructor(options: TellingOptions) {
    this.options = options;
    const { stateDir, log, clock, transports } = options;
    const folder = join(stateDir, 'telling');
    this.file = new SettingsFile(join(folder, 'settings.json'), log, () => options.self()?.fleetId ?? null);
    this.#bookFile = new DurableFile(join(folder, 'book.json'), Book);
    this.#deliveries = new Deliveries({
      clock,
      transports,
      settings: () => this.file.settings,
      secrets: () => this.file.secrets,
      self: () => this.#self(),
      messages: () => this.#kept.messages,
      came: (id, channel, delivery) => this.#came(id, channel, delivery),
      relay: (letter, channel) => this.#relay(letter, channel),
    });
  }

  async start(): Promise<void> {
    await this.file.load();
    const read = await this.#bookFile.read();
    if (read.ok) this.#book = takenUp(read.value ?? EMPTY_BOOK);
    // It may repeat itself once; that is better than silence.
    else this.options.log('warn', read.problem.message);
    this.#kept = this.#book;
    this.#ends.push(
      this.options.peers.onSight(({ hostId, reachable }) => {
        if (reachable) void this.#greet(hostId);
      }),
    );
    for (const { hostId, reachable } of this.options.peers.sights()) if (reachable) void this.#greet(hostId);
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const end of this.#ends.splice(0)) end();
    await Promise.all([this.file.settled(), this.#bookFile.settled()]);
  }

  get brief(): TellingBrief {
    return {
      revision: this.file.stored?.revision ?? null,
      trouble: troubleOf(this.#book, this.#self().name),
    };
  }

  get view(): TellingView {
    const { stored, settings, secrets } = this.file;
    return {
      revision: stored?.revision ?? null,
      settings,
      has: {
        password: secrets.password !== null,
        headerValue: secrets.headerValue !== null,
        signingKey: secrets.signingKey !== null,
      },
      messages: this.#book.messages.map(({ id, at, severity, title, text, deliveries }) => ({
        id,
        at,
        severity,
        title,
        text,
        deliveries,
      })),
      waiting: waitingLines(this.#book.waiting),
      simulated: this.options.transports.simulated,
    };
  }

  /** Told when `brief` may have changed. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes settings that are newer, and gives them to whom it hears. */
  async adopt(offered: StoredTelling): Promise<boolean> {
    if (!(await this.file.adopt(offered))) return false;
    // What was worth telling while nobody was to be told is no news afterwards.
    if (!this.#isOn) await this.#write({ ...this.#book, seen: {}, open: [], waiting: [] });
    for (const { hostId, reachable } of this.options.peers.sights()) if (reachable) void this.#greet(hostId);
    this.#changed();
    return true;
  }

  readonly peerHandlers: Pick<Handlers<PeerApi>, 'telling.offer' | 'telling.told' | 'telling.relay'> = {
    'telling.relay': async ({ letter, channel }) => {
      const sent = await send(
        {
          transports: this.options.transports,
          settings: () => this.file.settings,
          secrets: () => this.file.secrets,
        },
        letter,
        channel,
      );
      if (!sent.ok) throw new ProblemError(sent.problem);
      return sent.value;
    },
    'telling.offer': async ({ stored }) => {
      await this.adopt(stored);
      return {};
    },
    'telling.told': async ({ by, notes }) => {
      await this.#write(noted(this.#book, by, notes));
      return {};
    },
  };

  get #isOn(): boolean {
    const { mail, hook } = this.file.settings;
    return mail !== null || hook !== null;
  }

  #self(): { hostId: string; name: string } {
    return this.options.self() ?? { hostId: '', name: 'this host' };
  }

  #look(): void {
    if (this.#stopped) return;
    this.#timer = this.options.clock.setTimeout(() => this.#look(), LOOK_MS);
    this.#lookNow().catch((error) => this.options.log('warn', `telling: ${String(error?.stack ?? error)}`));
  }

  async #lookNow(): Promise<void> {
    const { clock, peers, pairs, hypervisor } = this.options;
    const self = this.options.self();
    if (self !== null && this.#isOn) {
      const now = clock.now();
      const { settings } = this.file;
      const world = worldOf({ hypervisor, pairs, peers, self, role: self.role }, settings, this.#book, now);
      const { book, message } = advance(this.#book, {
        conditions: conditionsOf(world),
        settings,
        now,
        self,
        endingOf: (open) => endingOf(open, world),
        isHeard: (hostId) => peers.sight(hostId)?.reachable ?? false,
        newId: randomUUID,
      });
      if (message) this.#written(message);
      await this.#write(book);
    }
    // A message written before it was switched off has to come to its end, too.
    await this.#deliveries.look();
  }

  #written({ title, id }: Message): void {
    this.options.audit.append({
      actor: 'agent',
      event: 'telling',
      text: `To be told: ${title}.`,
      evidence: { id },
    });
  }

  async #came(id: string, channel: Channel, delivery: Delivery): Promise<void> {
    const message = this.#book.messages.find((each) => each.id === id);
    if (!message) return;
    const after = { ...message, deliveries: { ...message.deliveries, [channel]: delivery } };
    const messages = this.#book.messages.map((each) => (each.id === id ? after : each));
    await this.#write({ ...this.#book, messages });
    if (delivery.state === 'delivered') this.#spread(after);
    if (delivery.state !== 'waiting' || delivery.attempts === 2) this.#journal(after, channel, delivery);
    this.#changed();
  }

  #journal({ title }: Message, channel: Channel, { state, problem, attempts }: Delivery): void {
    const way = channel === 'mail' ? 'By mail' : 'By webhook';
    const said = {
      delivered: `${way}: told. ${title}.`,
      waiting: `${way}: not told yet. ${title}. ${problem?.message ?? ''}`,
      'given-up': `${way}: given up after ${attempts} attempts. ${title}. ${problem?.message ?? ''}`,
    };
    const event =
      state === 'delivered' ? 'told' : state === 'waiting' ? 'telling-delayed' : 'telling-given-up';
    this.options.audit.append({ actor: 'agent', event, text: said[state].trim() });
  }

  /** The others need not tell the same. Who does not hear that may tell it too, and says who he is. */
  #spread(message: Message): void {
    const { hostId: by } = this.#self();
    const notes = notesOf(message, this.#book);
    for (const { hostId, reachable } of this.options.peers.sights())
      if (reachable) void this.options.peers.to(hostId).call('telling.told', { by, notes });
  }

  /** This host has no way to the mail server, or whoever it is: another one may have. */
  async #relay(letter: Letter, channel: Channel): Promise<{ sent: Sent; via: string } | null> {
    const { peers, clock } = this.options;
    for (const { hostId, name, reachable } of peers.sights()) {
      if (!reachable || clock.now() - letter.at > RELAY_WITHIN_MS) continue;
      const answer = await peers.to(hostId).call('telling.relay', { letter, channel });
      if (answer.ok) return { sent: answer.value, via: name };
    }
    return null;
  }

  /** Another member is heard: it may lack the settings, or what was told while it was away. */
  async #greet(hostId: string): Promise<void> {
    const { peers } = this.options;
    const { stored } = this.file;
    if (stored !== null) await peers.to(hostId).call('telling.offer', { stored });
    const notes = openNotes(this.#book);
    if (notes.length > 0) await peers.to(hostId).call('telling.told', { by: this.#self().hostId, notes });
  }

  /** In memory at once, so that nothing is told twice; what cannot be written is told all the same. */
  async #write(book: Book): Promise<void> {
    if (book === this.#book) return;
    this.#book = book;
    await this.#bookFile
      .write(book)
      .catch((error) => this.options.log('warn', `telling: not written down: ${String(error)}`));
    this.#kept = book;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
