import type { VoteStore } from '../../agent/lease/vote-store.ts';
import type { Problem } from '../../agent/protocol/index.ts';
import type { DesktopChoice, WitnessReport } from '../contract/index.ts';
import { AuditService } from './activity/audit.ts';
import { auditCsv } from './activity/csv.ts';
import { cancelTask } from './activity/tasks.ts';
import { AutomationService } from './automation/automation.ts';
import { EvacuationService } from './evacuate/evacuate.ts';
import { FailoverService } from './failover/failover.ts';
import { Fleet } from './fleet/fleet.ts';
import type { OpenHostLink } from './fleet/host-link.ts';
import type { HostAccess } from './hosts/access.ts';
import { CopyLimits } from './hosts/copy-limits.ts';
import type { FleetIdentity } from './hosts/fleet-identity.ts';
import { HostLogins } from './hosts/logins.ts';
import { HostMembers } from './hosts/members.ts';
import { PeerLists } from './hosts/peers.ts';
import { HostWizard } from './hosts/wizard.ts';
import { ObjectivesService } from './objectives/objectives.ts';
import { Orders } from './orders/orders.ts';
import type { Emit } from './page/dispatch.ts';
import { ProtectService } from './protect/protect.ts';
import type { Printer } from './runbook/printing.ts';
import { RunbookService } from './runbook/runbook.ts';
import type { SecretStore } from './secrets/secret-store.ts';
import type { Storage } from './storage/storage.ts';
import { Desk } from './telling/desk.ts';
import { TellingService } from './telling/telling.ts';
import { checkWitness } from './witness/check.ts';
import { HERE, OwnWitness, ownIdentity } from './witness/own-witness.ts';

export interface SessionOptions {
  storage: Storage;
  secrets: SecretStore;
  access: HostAccess;
  openLink: OpenHostLink;
  identity: FleetIdentity;
  /** How this workstation voted, when it is a witness. */
  votes: VoteStore;
  /** False: it gives none. */
  serves: boolean;
  practice: boolean;
  /** Where the offline runbook is written, and which version writes it; null: nowhere. */
  runbook: { dataDir: string | null; version: string; printer?: Printer };
  operator: () => string;
  /** What desktop notifications tell; left out: everything. */
  desktop?: () => DesktopChoice;
  now: () => number;
  emit: Emit;
  /** Tells the person something that no page asked for. */
  report: (problem: Problem) => void;
  /** Takes back what was reported with this message. */
  retract: (message: string) => void;
}

/** One fleet with all services around it: the real one, or the practice one. */
export interface Session {
  fleet: Fleet;
  audit: AuditService;
  wizard: HostWizard;
  members: HostMembers;
  protect: ProtectService;
  limits: CopyLimits;
  failover: FailoverService;
  automation: AutomationService;
  evacuation: EvacuationService;
  objectives: ObjectivesService;
  telling: TellingService;
  desk: Desk;
  runbook: RunbookService;
  /** This workstation's own vote. */
  witness: OwnWitness;
  checkWitness(order: { witness: string; pairIds: string[] }): Promise<WitnessReport>;
  /** The history as a table; null: of everything. */
  auditCsv(pairId: string | null): { name: string; text: string };
  cancelTask(taskId: string): Promise<void>;
  /** Passwords and passphrases of its hosts, as far as they are known here. */
  knownSecrets(): Promise<string[]>;
  close(): Promise<void>;
}

/** Builds the services and starts a link to every host that is kept. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { storage, access, openLink, operator, now, emit, report } = options;
  const own = ownIdentity(storage.settings);
  const self = { hostId: own.hostId, name: HERE };
  const desk = new Desk({
    practice: options.practice,
    choice: options.desktop ?? (() => 'all'),
    now,
    emitState: (state) => emit('desktop', state),
    emitNotice: (notice) => emit('notice', notice),
  });
  const fleet = new Fleet({
    table: storage.hosts,
    practice: options.practice,
    self,
    now,
    emit: (patch) => {
      desk.take(patch);
      emit('fleet', patch);
      runbook.changed(patch);
    },
    report,
  });
  const runbook = new RunbookService({
    ...options.runbook,
    fleet,
    practice: options.practice,
    settings: storage.settings,
    now,
    emit: (status) => emit('runbook', status),
  });
  const audit = new AuditService({
    table: storage.audit,
    fleet,
    now,
    operator,
    emit: (entry) => emit('audit', entry),
    report,
  });
  const orders = new Orders({ fleet, commands: storage.commands, audit, operator, now, report });
  const logins = new HostLogins(options.secrets);
  const peers = new PeerLists({ fleet, settings: storage.settings, report, retract: options.retract });
  const wizard = new HostWizard({
    fleet,
    table: storage.hosts,
    access,
    logins,
    identity: options.identity,
    peers,
    audit,
    openLink,
    now,
    onDeploy: (draftId, step, fraction) => emit('deploy', { draftId, step, fraction }),
  });
  const witness = new OwnWitness({ identity: own, store: options.votes, fleet, audit, report });
  if (options.serves) await witness.open();
  for (const record of storage.hosts.list()) fleet.add(record, openLink(await logins.target(record)));
  const protect = new ProtectService({ fleet, orders, audit, operator });
  const limits = new CopyLimits({ fleet, audit, operator });
  const evacuation = new EvacuationService({
    fleet,
    audit,
    move: (order) => protect.switchover(order),
    now,
    emit: (run) => emit('evacuation', run),
  });
  return {
    fleet,
    audit,
    wizard,
    members: new HostMembers({ fleet, access, logins, peers, audit, operator }),
    protect,
    limits,
    evacuation,
    objectives: new ObjectivesService({ fleet, audit, operator, now }),
    telling: new TellingService({ fleet, audit, operator }),
    desk,
    runbook,
    failover: new FailoverService({ fleet, orders, now }),
    automation: new AutomationService({ fleet, audit, witness, operator, now }),
    witness,
    checkWitness: (order) => checkWitness(fleet, self, order),
    auditCsv: (pairId) => auditCsv({ table: storage.audit, fleet, now }, pairId),
    cancelTask: (taskId) => cancelTask({ fleet, audit, operator }, taskId),
    knownSecrets: () => logins.known(fleet.hosts().map(({ record }) => record)),
    async close() {
      desk.close();
      wizard.close();
      evacuation.close();
      await runbook.close();
      // Its goodbye travels over the links, so they close last.
      await witness.close();
      await fleet.close();
    },
  };
}
