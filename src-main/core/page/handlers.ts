import type { Handlers } from '../../../agent/protocol/index.ts';
import type { PageApi } from '../../contract/index.ts';
import type { App } from '../app.ts';
import { gather } from '../diagnostics/gather.ts';
import type { Session } from '../session.ts';
import type { SettingsService } from '../settings/settings.ts';
import { TransferService } from '../settings/transfer-service.ts';
import type { Stage } from '../stage.ts';
import { HERE } from '../witness/own-witness.ts';

export interface HandlerDeps {
  app: App;
  settings: SettingsService;
  stage: Stage;
  /** The console's log so far. */
  log: () => string;
}

/** Every call of the page, by name: the table of contents of what the core does. */
export function pageHandlers({ app, settings, stage, log }: HandlerDeps): Handlers<PageApi> {
  const on = (): Session => stage.session;
  const hosts = () =>
    on()
      .fleet.hosts()
      .map(({ record }) => record);
  const transfer = new TransferService({
    settings,
    hosts,
    now: Date.now,
    report: (each) => app.notify(each),
  });
  return {
    'app.info': async () => app.info,
    'app.dismissNotice': done(({ index }) => app.dismiss(index)),
    'settings.get': async () => settings.get(),
    'settings.set': async (change) => settings.set(definedOnly(change)),
    'settings.export': async () => transfer.export(),
    'settings.preview': async ({ text }) => transfer.preview(text),
    'settings.import': async ({ text }) => transfer.import(text),
    'diagnostics.gather': async () => {
      const { fleet, audit, knownSecrets } = on();
      const secrets = await knownSecrets();
      const history = audit.list({ pairId: null, before: null, limit: 500 });
      const about = { info: app.info, settings: settings.get(), fleet: fleet.snapshot(), audit: history };
      return gather({ ...about, log: log(), secrets, now: Date.now() });
    },
    'fleet.snapshot': async () => on().fleet.snapshot(),
    'fleet.hurry': done(() => on().fleet.hurry()),

    'hosts.defaults': () => on().wizard.defaults(),
    'hosts.probe': ({ address, port }, signal) => on().wizard.probe(address, port, signal),
    'hosts.login': (order, signal) => on().wizard.login(order, signal),
    'hosts.fix': ({ draftId, fix }) => on().wizard.fix(draftId, fix),
    'hosts.abandon': done(({ draftId }) => on().wizard.abandon(draftId)),
    'hosts.add': async (order) => {
      const added = await on().wizard.add(order);
      const host = on().fleet.get(added.hostId)?.record;
      if (host) app.settle(host.address);
      return added;
    },
    'hosts.reconnect': done(({ hostId, login }) => on().members.reconnect(hostId, login)),
    'hosts.readKey': ({ hostId }, signal) => on().members.readKey(hostId, signal),
    'hosts.trustKey': done(({ hostId, fingerprint }, signal) =>
      on().members.trustKey(hostId, fingerprint, signal),
    ),
    'hosts.remove': done(({ hostId, ...options }) => on().members.remove(hostId, options)),
    'hosts.limits': done((order) => on().limits.set(order)),
    'hosts.rename': done(({ hostId, name, site }) => on().members.rename(hostId, name, site)),

    'protect.check': (machine, signal) => on().protect.check(machine, signal),
    'protect.fix': done((order) => on().protect.fix(order)),
    'protect.letGo': done((order) => on().protect.letGo(order)),
    'protect.start': (order) => on().protect.start(order),
    'protect.end': (order) => on().protect.end(order),

    'pair.verdict': ({ pairId }) => on().failover.verdict(pairId),
    'pair.failover': (order) => on().failover.failover(order),
    'pair.switchover.check': ({ pairId }) => on().protect.switchoverCheck(pairId),
    'pair.switchover': (order) => on().protect.switchover(order),
    'evacuation.plan': ({ hostId, kind }) => on().evacuation.plan(hostId, kind),
    'evacuation.start': async (order) => on().evacuation.start(order),
    'evacuation.stop': done(({ hostId }) => on().evacuation.stop(hostId)),
    'evacuation.last': async ({ hostId }) => ({ evacuation: on().evacuation.last(hostId) }),
    'pair.resync': (order) => on().protect.resync(order),
    'pair.drill': (order) => on().protect.drill(order),
    'pair.drillSettings': done((order) => on().protect.drillSettings(order)),
    'pair.verify': (order) => on().protect.verify(order),
    'pair.verifySettings': done((order) => on().protect.verifySettings(order)),
    'pair.objectives': done((order) => on().objectives.set(order)),
    'pair.riskHistory': ({ pairId }) => on().objectives.history(pairId),
    'pair.riskExport': ({ pairId, format }) => on().objectives.exported(pairId, format),
    'pair.revert': (order) => on().protect.revert(order),
    'pair.discard': (order) => on().protect.discard(order),
    'pair.checkStandby': (wanted, signal) => on().protect.checkStandby(wanted, signal),
    'pair.lookAgain': done((order) => on().protect.lookAgain(order)),
    'pair.trustCopy': done((order) => on().protect.trustCopy(order)),
    'pair.mode': (order) => on().protect.mode(order),
    'pair.replaceStandby': (order) => on().protect.replaceStandby(order),
    'automation.set': (order) => on().automation.set(order),
    'witness.own': async () => ({ hostId: on().witness.identity.hostId, name: HERE }),
    'witness.check': (order) => on().checkWitness(order),
    'witness.set': (order) => on().automation.setWitness(order),
    'telling.overview': () => on().telling.overview(),
    'telling.set': (order) => on().telling.set(order),
    'telling.test': (order) => on().telling.test(order),
    'desktop.state': async () => on().desk.state,
    'task.cancel': done(({ taskId }) => on().cancelTask(taskId)),
    'audit.list': async (query) => ({ entries: on().audit.list(query) }),
    'audit.csv': async ({ pairId }) => on().auditCsv(pairId),

    'runbook.page': async ({ pairId }) => on().runbook.page(pairId),
    'runbook.file': async () => on().runbook.file(),
    'runbook.folder': ({ folder }) => on().runbook.setFolder(folder),

    'practice.start': done(() => stage.startPractice()),
    'practice.stop': done(() => stage.stopPractice()),
    'practice.change': done(async ({ hostId, vmUuid, what }) => stage.change(hostId, vmUuid, what)),
    'practice.power': done(({ hostId, on: powered }) => stage.power(hostId, powered)),
  };
}

/** For calls that answer nothing. */
function done<P>(
  run: (params: P, signal: AbortSignal) => unknown,
): (params: P, signal: AbortSignal) => Promise<Record<never, never>> {
  return async (params, signal) => {
    await run(params, signal);
    return {};
  };
}

/** `partial` lets a key be there with the value undefined, which would overwrite the present one. */
function definedOnly<T extends object>(change: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(change).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
