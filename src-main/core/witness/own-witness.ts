import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import * as v from 'valibot';
import { Envelope } from '../../../agent/lease/messages.ts';
import type { VoteStore } from '../../../agent/lease/vote-store.ts';
import { type Problem, ProblemError, problemOf, type WitnessCall } from '../../../agent/protocol/index.ts';
import type { PairView } from '../../contract/index.ts';
import type { AuditService } from '../activity/audit.ts';
import type { Fleet, FleetEvent } from '../fleet/fleet.ts';
import { guard } from '../fleet/guard.ts';
import type { SettingTable } from '../storage/tables.ts';
import { OwnVoters } from './own-voters.ts';

const KEY = 'witness-id';
/** A vote that comes later than this is no use: the next one is on its way. */
const VOTE_MS = 2_000;

export interface OwnIdentity {
  hostId: string;
  /** What the agents call it: other consoles read that too. */
  name: string;
}

/** What it is called here. */
export const HERE = 'this workstation';

/** Under which id and name this workstation votes; the same for as long as its database lasts. */
export function ownIdentity(settings: SettingTable, name = hostname()): OwnIdentity {
  const kept = settings.get(KEY);
  const hostId = typeof kept === 'string' ? kept : `console-${randomUUID()}`;
  if (hostId !== kept) settings.put(KEY, hostId);
  return { hostId, name: `workstation ${name}` };
}

/**
 * This workstation as the third vote. Its envelopes travel over the console's own SSH connections: an agent is believed
 * only what it says in its own name.
 */
export class OwnWitness {
  readonly identity: OwnIdentity;
  readonly #fleet: Fleet;
  readonly #audit: AuditService;
  readonly #report: (problem: Problem) => void;
  readonly #voters: OwnVoters;
  #serves = false;
  /** Hosts of pairs that are just about to choose this witness. */
  readonly #wanted = new Set<string>();

  constructor(deps: {
    identity: OwnIdentity;
    store: VoteStore;
    fleet: Fleet;
    audit: AuditService;
    report: (problem: Problem) => void;
  }) {
    this.identity = deps.identity;
    this.#fleet = deps.fleet;
    this.#audit = deps.audit;
    this.#report = deps.report;
    this.#voters = new OwnVoters({
      self: deps.identity.hostId,
      store: deps.store,
      send: (envelope) => this.#send(envelope),
      reaches: (hostId) => deps.fleet.get(hostId)?.reach === 'answers',
      audit: (pairId, event, text, evidence) => this.#write(pairId, event, text, evidence),
    });
    deps.fleet.subscribe((event) => this.#hear(event));
  }

  /** Takes up what it voted before. Until then, or without, it is no witness to anybody. */
  async open(): Promise<void> {
    this.#serves = true;
    await this.#voters.load();
    this.#voters.start();
  }

  /** Both members can reach this voter from now on. Throws ProblemError when one of them cannot. */
  async attachTo(pair: PairView): Promise<void> {
    for (const hostId of [pair.primary, pair.standby]) {
      this.#wanted.add(hostId);
      const problem = await this.#attach(hostId);
      if (problem) throw new ProblemError(problem);
    }
  }

  /** Before the workstation sleeps. */
  goodbye(): Promise<void> {
    return this.#voters.goodbye();
  }

  /** It is awake again. */
  stay(): void {
    this.#voters.stay();
  }

  async close(): Promise<void> {
    await this.#voters.goodbye();
    await this.#voters.stop();
  }

  #hear(event: FleetEvent): void {
    if (!this.#serves) return;
    if (event.kind === 'online') guard(this.#report, () => this.#attachAgain(event.hostId));
    else if (event.kind === 'envelope') this.#receive(event.hostId, event.envelope);
    else if (event.kind === 'witness-call') guard(this.#report, () => this.#answer(event.hostId, event.call));
  }

  /** After each connection: the agent that votes with this workstation has to know the way to it. */
  async #attachAgain(hostId: string): Promise<void> {
    const own = this.identity.hostId;
    const votes = this.#fleet
      .pairs()
      .some((pair) => pair.automation.witness?.hostId === own && isMember(pair, hostId));
    if (votes || this.#wanted.has(hostId)) await this.#attach(hostId);
  }

  async #attach(hostId: string): Promise<Problem | null> {
    if (!this.#serves) return notServing;
    const link = this.#fleet.get(hostId)?.link;
    const answer = await link?.call('witness.attach', { ...this.identity });
    if (answer === undefined) return notInList;
    return answer.ok ? null : answer.problem;
  }

  #receive(hostId: string, raw: unknown): void {
    const parsed = v.safeParse(Envelope, raw);
    if (!parsed.success || parsed.output.from !== hostId || parsed.output.to !== this.identity.hostId) return;
    this.#voters.receive(parsed.output);
  }

  async #answer(hostId: string, call: WitnessCall): Promise<void> {
    const link = this.#fleet.get(hostId)?.link;
    let result: unknown = null;
    let problem: Problem | null = null;
    try {
      result = await this.#carryOut(hostId, call);
    } catch (error) {
      problem = problemOf(error);
    }
    await link?.call('witness.answer', { id: call.id, result, problem });
  }

  async #carryOut(hostId: string, call: WitnessCall): Promise<unknown> {
    if (call.method === 'record.keep') {
      const { chosen, brandNew } = call.params;
      if (!chosen.record.members.includes(hostId)) throw new ProblemError(notYours);
      await this.#voters.seed(chosen.record.pairId, chosen, brandNew);
      return { current: this.#voters.holds(chosen.record.pairId, chosen) };
    }
    const record = this.#voters.record(call.params.pairId);
    if (record !== null && !record.members.includes(hostId)) throw new ProblemError(notYours);
    await this.#voters.bury(call.params.pairId);
    return {};
  }

  #send(envelope: Envelope): void {
    const link = this.#fleet.get(envelope.to)?.link;
    // A lost vote is like a lost letter: the protocol asks again.
    void link?.call('witness.envelope', { envelope }, { deadlineMs: VOTE_MS });
  }

  #write(pairId: string, event: string, text: string, evidence?: Record<string, string>): void {
    const named = text.replace(/\b[a-z0-9-]{8,64}\b/g, (word) => this.#fleet.get(word)?.record.name ?? word);
    const machine = this.#fleet.pairs().find((pair) => pair.id === pairId)?.name;
    const about = machine === undefined ? '' : ` (${machine})`;
    this.#audit.write({
      event,
      pairId,
      text: `This workstation${about} ${named}.`,
      ...(evidence ? { evidence } : {}),
    });
  }
}

function isMember(pair: PairView, hostId: string): boolean {
  return pair.primary === hostId || pair.standby === hostId;
}

const notServing: Problem = {
  kind: 'witness-not-serving',
  message: 'This workstation votes only while its console runs.',
  next: 'Open the console, then choose it as the witness there.',
};

const notInList: Problem = {
  kind: 'no-such-host',
  message: 'One of the two hosts is not in the list of this console.',
  next: 'Add it first: the votes of this workstation travel through its own connections.',
};

const notYours: Problem = {
  kind: 'not-a-member',
  message: 'The pair does not belong to the host that asked.',
  next: 'Look whether two hosts carry the same identity.',
};
