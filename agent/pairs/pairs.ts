import { join } from 'node:path';
import type { PairStatus } from '../protocol/index.ts';
import { TaskRunner } from '../tasks/runner.ts';
import { consoleHandlers } from './console-handlers.ts';
import { PairContext, type PairsDeps } from './context.ts';
import { Healer } from './healer.ts';
import { onceLoaded } from './once-loaded.ts';
import { failoverOrder } from './orders/failover.ts';
import { forgetPair, protectOrder, resyncOrder, unprotectOrder } from './orders/protect.ts';
import { switchoverOrder } from './orders/switchover.ts';
import { Primary } from './primary.ts';
import type { PairsEvent, PairsService } from './service.ts';
import { peerHandlers } from './standby.ts';
import { StartGate } from './start-gate.ts';
import { pairStatus } from './status.ts';
import { PairStore } from './store.ts';

/** The protected machines of one host, wired together. See service.ts for what it offers. */
export function createPairs(deps: PairsDeps): PairsService {
  const store = new PairStore(join(deps.stateDir, 'pairs'), deps.log);
  const tasks = new TaskRunner({ directory: join(deps.stateDir, 'tasks'), clock: deps.clock, log: deps.log });
  const context = new PairContext(deps, store, tasks);
  const listeners = new Set<(event: PairsEvent) => void>();
  const emit = (event: PairsEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const statusOf = (pairId: string): PairStatus | null => {
    const pair = store.get(pairId);
    return pair && !pair.notes.ended ? pairStatus(context, pair, gate.waiting(pairId)) : null;
  };
  const changed = (pairId: string): void => emit({ kind: 'pair', pairId, pair: statusOf(pairId) });
  const gate = new StartGate(context, changed);
  const primary = new Primary(context);
  const healer = new Healer(context);
  const unsubscribe: (() => void)[] = [];
  /** Work set off by events; what it throws is a bug and is logged, never lost. */
  const run = (what: string, work: Promise<unknown>): void => {
    work.catch((error) =>
      deps.log('warn', `${what}: ${error instanceof Error ? error.stack : String(error)}`),
    );
  };

  let markLoaded = (): void => undefined;
  const loaded = new Promise<void>((resolve) => {
    markLoaded = resolve;
  });

  const peerReturned = async (hostId: string): Promise<void> => {
    for (const pair of store.all()) {
      const { pairId } = pair.spec;
      if (context.other(pair.spec) !== hostId) continue;
      if (pair.notes.ended) {
        await forgetPair(context, pairId);
        continue;
      }
      await context.exchange(pairId);
      await primary.superseded(pairId);
      await gate.consider(pairId);
    }
  };

  for (const order of [unprotectOrder(context), resyncOrder(context)]) tasks.register(order);
  tasks.register(protectOrder(context));
  tasks.register(failoverOrder(context));
  tasks.register(switchoverOrder(context));

  return {
    async start() {
      await store.load();
      markLoaded();
      unsubscribe.push(
        store.subscribe(changed),
        tasks.subscribe((task) => emit({ kind: 'task', task })),
        deps.source.subscribe((pairId, status) => {
          run(
            'mirror',
            primary.mirrorChanged(pairId, status).then(() => changed(pairId)),
          );
        }),
        deps.hypervisor.subscribe((event) => {
          const pair = event.kind === 'vm' || event.kind === 'stopped' ? store.ofVm(event.uuid) : null;
          run(
            'guest',
            primary.hypervisorEvent(event).then(() => pair && changed(pair.spec.pairId)),
          );
          if (event.kind === 'reachable')
            run('gate', Promise.all(store.all().map((each) => gate.consider(each.spec.pairId))));
        }),
        deps.peers.onSight((sight) => {
          for (const pair of store.all())
            if (pair.spec.members.includes(sight.hostId)) changed(pair.spec.pairId);
          if (sight.reachable) run('peer', peerReturned(sight.hostId));
        }),
      );
      for (const pair of store.all()) {
        if (!pair.notes.ended) await primary.reconcile(pair);
      }
      await tasks.resume();
      // After the tasks: what one of them is about is not started by itself.
      for (const pair of store.all()) run('gate', gate.consider(pair.spec.pairId));
      healer.start(gate);
    },
    async stop() {
      healer.stop();
      for (const end of unsubscribe.splice(0)) end();
      await Promise.all([tasks.stop(), store.close()]);
    },
    list: () => store.all().flatMap((pair) => statusOf(pair.spec.pairId) ?? []),
    tasks: () => tasks.list(),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    consoleHandlers: onceLoaded(consoleHandlers(context), loaded),
    peerHandlers: onceLoaded(
      peerHandlers(context, (pairId) => run('superseded', primary.superseded(pairId))),
      loaded,
    ),
  };
}
