import { setTimeout as pause } from 'node:timers/promises';
import type { ProtectedFleet } from '../lab/protected-fleet.ts';
import type { RunResult } from '../lab/run.ts';
import type { Random } from '../simulate/random.ts';
import type { Observer } from './observer.ts';

export { pause };

/** What has no answer after this is given up; hosts under test may be frozen. */
const COMMAND_MS = 25_000;

/** Between two faults, who is who; where a fault finds its victims. */
export interface Roles {
  machine: string;
  owner: string;
  standby: string;
}

export interface Span {
  host: string;
  from: number;
  /** Infinity while it lasts. */
  to: number;
}

/** The stage on which faults happen, and the book in which they are kept. */
export class Scene {
  readonly fleet: ProtectedFleet;
  readonly observer: Observer;
  readonly say: (line: string) => void;
  /** Faults carried out, by kind. */
  readonly faults: Record<string, number> = {};
  /** Times in which a host was off, or went down in order. */
  readonly downs: Span[] = [];
  /** Faults that hit a pair that was armed, and all. */
  readonly hits = { armed: 0, all: 0 };
  /** Machines that an admin has shut down and not yet started again. */
  readonly downByHand = new Set<string>();
  readonly #busy = new Set<string>();
  /** Hosts whose plug is pulled, and since when, Unix ms. */
  readonly #pulled = new Map<string, number>();
  /** What a person does because a host is off; it stays off until then. */
  readonly #relied = new Map<string, Promise<unknown>>();

  constructor(fleet: ProtectedFleet, observer: Observer, say: (line: string) => void) {
    this.fleet = fleet;
    this.observer = observer;
    this.say = say;
  }

  count(kind: string): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
  }

  /** A command in a host, with an end. */
  run(host: string, ...argv: string[]): Promise<RunResult> {
    return this.fleet.lab.exec(host, argv, { timeoutMs: COMMAND_MS });
  }

  /** What is known of a pair now; before anybody knows, its home owns it. */
  async roles(machine: string): Promise<Roles> {
    const sight = await this.fleet.sight(machine);
    this.hits.all += 1;
    if (sight.record?.armed) this.hits.armed += 1;
    const [first = '', second = ''] = this.fleet.hypervisors;
    const owner = sight.owner ?? this.fleet.lab.guest(machine).home;
    return { machine, owner, standby: owner === first ? second : first };
  }

  /** Takes a host for a fault that concerns it as a whole; false when another has it. */
  take(...hosts: string[]): boolean {
    if (hosts.some((host) => this.#busy.has(host))) return false;
    for (const host of hosts) this.#busy.add(host);
    return true;
  }

  release(...hosts: string[]): void {
    for (const host of hosts) this.#busy.delete(host);
  }

  async off(host: string): Promise<void> {
    this.downs.push({ host, from: Date.now(), to: Number.POSITIVE_INFINITY });
    await this.fleet.lab.powerOff(host);
    this.#pulled.set(host, Date.now());
  }

  async on(host: string): Promise<void> {
    await this.#relied.get(host);
    this.#pulled.delete(host);
    await this.fleet.lab.powerOn(host);
    for (const span of this.downs)
      if (span.host === host && span.to === Number.POSITIVE_INFINITY) span.to = Date.now();
  }

  /** When a host that has no power lost it, Unix ms; null while it has, or while it goes down in order. */
  offSince(host: string): number | null {
    return this.#pulled.get(host) ?? null;
  }

  /** A person does something because this host is off, and sees to it that it stays off meanwhile. */
  async relyOnOff(host: string, work: () => Promise<void>): Promise<void> {
    if (!this.#pulled.has(host)) return;
    const done = work().finally(() => this.#relied.delete(host));
    this.#relied.set(
      host,
      done.catch(() => {}),
    );
    await done;
  }

  /** Whether the host was off, or on its way down or up, at that time. */
  wasDown(host: string, at: number): boolean {
    return this.downs.some((span) => span.host === host && at >= span.from - 500 && at <= span.to + 500);
  }
}

/** Undoes a fault. */
export type Undo = () => Promise<void>;

export interface Kind {
  name: string;
  /** How often, compared with others. */
  weight: number;
  /** How long it lasts, ms. */
  holdMs: [number, number];
  /** Null when it cannot be done now; nothing has happened then. */
  strike(scene: Scene, roles: Roles, random: Random): Promise<Undo | null>;
}

export const nothingToUndo: Undo = async () => {};
