import type { Duplex } from 'node:stream';
import type { IdentityStore } from '../identity/identity.ts';
import type { AuditLog } from '../journal/audit.ts';
import type { PairsService } from '../pairs/service.ts';
import type { PeerMesh } from '../peers/peer-mesh.ts';
import type { Clock, Log } from '../ports.ts';
import {
  type ConsoleApi,
  type ConsoleNotices,
  consoleApi,
  consoleNotices,
  type Handlers,
  type Hello,
  type HostRole,
  type HypervisorKind,
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  type Problem,
  ProblemError,
} from '../protocol/index.ts';
import type { Pace } from '../replication/pace.ts';
import { type Link, type LinkEnd, openLink } from '../rpc/index.ts';
import { tellingHandlers } from '../telling/console-handlers.ts';
import type { Telling as PeopleTelling } from '../telling/telling.ts';
import type { ConsoleWitnesses } from './console-witnesses.ts';
import { limitHandlers } from './limits.ts';
import type { LiveState, Telling } from './live-state.ts';
import { membershipHandlers } from './membership.ts';
import { OwnWitnessDesk } from './own-witness.ts';

export interface ConsoleDeskOptions {
  version: string;
  bootId: string;
  /** Until enrolment says otherwise. */
  role: HostRole;
  hypervisor: HypervisorKind;
  clock: Clock;
  log: Log;
  identity: IdentityStore;
  peers: PeerMesh;
  witnesses: ConsoleWitnesses;
  pairs: PairsService;
  audit: AuditLog;
  live: LiveState;
  telling: PeopleTelling;
  pace?: Pace;
}

type ConsoleLink = Link<Record<never, never>, ConsoleNotices>;

/** One attached console. */
interface Attached {
  greeted: boolean;
  /** Ends the stream of notices; null until subscribed. */
  unsubscribe: (() => void) | null;
}

/** Where consoles attach, several at a time; each has its own link and none can hold up another. */
export class ConsoleDesk {
  readonly #options: ConsoleDeskOptions;
  readonly #links = new Set<ConsoleLink>();

  constructor(options: ConsoleDeskOptions) {
    this.#options = options;
  }

  attach(stream: Duplex): void {
    const attached: Attached = { greeted: false, unsubscribe: null };
    const vote = new OwnWitnessDesk(this.#options.witnesses, {
      notify: (notice, value) => link.notify(notice, value),
    });
    const link: ConsoleLink = openLink({
      stream,
      serve: { api: consoleApi, handlers: this.#handlers(attached, vote, () => link) },
      noticesOut: consoleNotices,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      log: this.#options.log,
      onClose: (end) => {
        attached.unsubscribe?.();
        vote.close();
        this.#links.delete(link);
        this.#logEnd(end);
      },
    });
    if (!link.closed) this.#links.add(link);
  }

  close(): void {
    for (const link of this.#links) link.close();
  }

  #logEnd(end: LinkEnd): void {
    const inOrder = end.kind === 'closed';
    this.#options.log(inOrder ? 'debug' : 'warn', `console detached: ${end.text}`);
  }

  #handlers(attached: Attached, vote: OwnWitnessDesk, link: () => ConsoleLink): Handlers<ConsoleApi> {
    const { peers, audit, pairs } = this.#options;
    const handlers: Handlers<ConsoleApi> = {
      ...pairs.consoleHandlers,
      ...membershipHandlers(this.#options),
      ...limitHandlers(this.#options),
      ...tellingHandlers(this.#options.telling),
      ...vote.handlers,
      'agent.hello': async ({ protocol }) => {
        attached.greeted = false;
        checkProtocol(protocol, this.#options.version);
        attached.greeted = true;
        return this.#hello();
      },
      'state.subscribe': async () => this.#subscribe(attached, link()),
      'sight.list': async () => ({ sights: peers.sights() }),
      'audit.list': async ({ afterSeq, limit }) => ({ entries: audit.list(afterSeq, limit) }),
    };
    return onlyGreeted(handlers, attached);
  }

  #hello(): Hello {
    const { version, role, hypervisor, clock, bootId, identity, live } = this.#options;
    const self = identity.current;
    return {
      protocol: PROTOCOL_VERSION,
      version,
      hostId: self?.hostId ?? null,
      fleetId: self?.fleetId ?? null,
      name: self?.name ?? live.hostname,
      site: self?.site ?? '',
      role: self?.role ?? role,
      hypervisor,
      clock: { bootMs: clock.bootMs(), wallMs: clock.now() },
      bootId,
      capabilities: hypervisor === 'none' ? ['witness'] : ['witness', 'vm-mirror'],
    };
  }

  /**
   * Notices that arise while the snapshot is on its way wait until it has left: told before it, they would be
   * overwritten by the older snapshot.
   */
  #subscribe(attached: Attached, link: ConsoleLink) {
    let held: Telling[] | null = [];
    attached.unsubscribe?.();
    attached.unsubscribe = this.#options.live.watch((telling) => {
      if (held === null) link.notify(telling.name, telling.value);
      else held.push(telling);
    });
    const snapshot = this.#options.live.snapshot();
    // The answer is written in microtasks after the handler's return, so it has left by then.
    setImmediate(() => {
      for (const telling of held ?? []) link.notify(telling.name, telling.value);
      held = null;
    });
    return snapshot;
  }
}

/** Refuses everything but the greeting until both sides know that they speak the same protocol. */
function onlyGreeted(handlers: Handlers<ConsoleApi>, attached: Attached): Handlers<ConsoleApi> {
  const guarded = Object.entries(handlers).map(([name, handler]) => {
    if (name === 'agent.hello') return [name, handler];
    const run = handler as (params: unknown, signal: AbortSignal) => Promise<unknown>;
    return [
      name,
      async (params: unknown, signal: AbortSignal) => {
        if (!attached.greeted) throw new ProblemError(NOT_GREETED);
        return run(params, signal);
      },
    ];
  });
  // Same names, same signatures; Object.entries loses what TypeScript knew of them.
  return Object.fromEntries(guarded) as Handlers<ConsoleApi>;
}

function checkProtocol(theirs: number, version: string): void {
  const details = { version, agentProtocol: String(PROTOCOL_VERSION), consoleProtocol: String(theirs) };
  if (theirs > PROTOCOL_VERSION) throw new ProblemError({ ...AGENT_TOO_OLD, details });
  if (theirs < PROTOCOL_VERSION) throw new ProblemError({ ...CONSOLE_TOO_OLD, details });
}

const NOT_GREETED: Problem = {
  kind: 'not-greeted',
  message: 'This connection has not agreed on a protocol version yet.',
  next: 'Call agent.hello first.',
};

const AGENT_TOO_OLD: Problem = {
  kind: 'agent-too-old',
  message: 'The agent on this host is older than this console and speaks an older protocol.',
  next: 'Let the console replace the agent; running machines are not touched.',
};

const CONSOLE_TOO_OLD: Problem = {
  kind: 'console-too-old',
  message: 'The agent on this host is newer than this console and speaks a newer protocol.',
  next: 'Install the newer version of Understudy on this workstation.',
};
