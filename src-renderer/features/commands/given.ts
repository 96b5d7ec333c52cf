import type { VmInfo } from '../../../agent/protocol/host.ts';
import type { ParamsOf } from '../../../agent/protocol/method.ts';
import type { Result } from '../../../agent/protocol/problem.ts';
import type { FleetSnapshot, PageApi } from '../../../src-main/contract/index.ts';

/** Orders that an agent carries out as a task. */
type Tasked =
  | 'pair.failover'
  | 'pair.switchover'
  | 'pair.resync'
  | 'pair.revert'
  | 'pair.discard'
  | 'pair.replaceStandby'
  | 'pair.mode'
  | 'pair.drill'
  | 'protect.end';

/** Orders that can be shown as shell commands. */
type Shown =
  | Tasked
  | 'protect.start'
  | 'pair.drillSettings'
  | 'pair.verifySettings'
  | 'pair.objectives'
  | 'automation.set'
  | 'witness.set'
  | 'evacuation.start'
  | 'hosts.limits'
  | 'hosts.remove'
  | 'protect.letGo';

/** An order as it is about to be given, but for its id: one object is sent and shown. */
export type GivenOrder = {
  [M in Shown]: { method: M; params: Omit<ParamsOf<PageApi, M>, 'requestId'> };
}[Shown];

export type TaskOrder = Extract<GivenOrder, { method: Tasked }>;

type Call = <M extends TaskOrder['method']>(
  method: M,
  params: ParamsOf<PageApi, M>,
) => Promise<Result<{ taskId: string }>>;

/** Sends exactly what was shown. */
export function send(call: Call, { method, params }: TaskOrder, requestId: string) {
  // Method and parameters come as a pair; the compiler cannot follow that through the union.
  return call(method, { requestId, ...params } as ParamsOf<PageApi, TaskOrder['method']>);
}

export const vmOf = (fleet: FleetSnapshot, hostId: string, uuid: string): VmInfo | undefined =>
  Object.values(fleet.vms).find((view) => view.hostId === hostId && view.vm.uuid === uuid)?.vm;
