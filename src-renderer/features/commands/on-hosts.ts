import type { CoordinatedMode } from '../../../agent/protocol/coordinated.ts';
import { isCoordinated, makesPoints, SYNC } from '../../../agent/protocol/mode.ts';
import type { FleetSnapshot, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import {
  closed,
  exported,
  mirrored,
  opened,
  type Parts,
  promoted,
  released,
  removed,
  sent,
  startable,
  unmirrored,
  unsent,
} from './copy-lines.ts';
import { type GivenOrder, type TaskOrder, vmOf } from './given.ts';
import { shellLine, shellWord } from './shell.ts';

/** What is done on one host, in order. */
export interface HostLines {
  host: string;
  lines: string[];
}

const record = m.commands.record;

/** What the agents do, as the commands a person would know. */
export function onHosts(order: GivenOrder, fleet: FleetSnapshot): HostLines[] {
  switch (order.method) {
    case 'protect.start':
      return protectStart(order.params, fleet);
    case 'automation.set':
    case 'witness.set':
      return [{ host: m.commands.members, lines: [record.settings] }];
    case 'pair.drillSettings':
    case 'pair.verifySettings':
    case 'pair.objectives':
      return [{ host: m.commands.members, lines: [record.description] }];
    case 'evacuation.start':
      return order.params.pairIds.flatMap((pairId) =>
        of(fleet, pairId, (pair) => switched(pair, order.params.way)),
      );
    case 'hosts.limits':
      return order.params.hostIds.map((hostId) => ({
        host: nameOf(fleet, hostId),
        lines: ['block-job-set-speed understudy-PAIR-DISK SPEED   # QMP, of every copy it sends'],
      }));
    case 'hosts.remove':
      return [{ host: nameOf(fleet, order.params.hostId), lines: withoutAgent(order.params.keepHistory) }];
    case 'protect.letGo': {
      const { hostId, vmUuid } = order.params;
      const lines = [
        `sed -i /^${vmUuid}/d /var/lib/understudy/guard/protected /run/understudy/guard/.protected`,
      ];
      return [{ host: nameOf(fleet, hostId), lines }];
    }
    default:
      return of(fleet, order.params.pairId, (pair) => ofPair(order, pair, fleet));
  }
}

function ofPair(order: TaskOrder, pair: Parts, fleet: FleetSnapshot): HostLines[] {
  const { name, owner, standby, disks } = pair;
  switch (order.method) {
    case 'pair.failover':
      return [
        {
          host: standby.name,
          lines: [
            record.forced(standby.name),
            ...startable(pair),
            `virsh start ${name} --paused`,
            `virsh resume ${name}`,
          ],
        },
      ];
    case 'pair.switchover':
      return switched(pair, order.params.way);
    case 'pair.resync':
      return resynced(pair);
    case 'pair.revert':
      return [
        { host: owner.name, lines: [`virsh shutdown ${name}`, ...released(pair)] },
        {
          host: standby.name,
          lines: [record.forced(standby.name), ...promoted(pair), `virsh start ${name}`],
        },
      ];
    case 'pair.discard': {
      const lines = disks.flatMap(({ standby: path }) => [
        `block-stream ${shellWord(path)}   # QMP`,
        `rm ${shellWord(`${path}.aside`)}`,
      ]);
      return [{ host: nameOf(fleet, order.params.hostId), lines }];
    }
    case 'pair.replaceStandby': {
      const next = nameOf(fleet, order.params.standby);
      return [
        { host: owner.name, lines: [...unsent(pair), record.standby(next)] },
        { host: next, lines: opened(pair) },
        { host: owner.name, lines: sent(pair) },
        { host: standby.name, lines: removed(pair) },
      ];
    }
    case 'pair.mode':
      return [
        {
          host: owner.name,
          lines: [record.stale, ...unsent(pair), ...sent({ ...pair, mode: order.params.replication })],
        },
      ];
    case 'pair.drill':
      return [{ host: standby.name, lines: drilled(pair) }];
    default:
      return [
        { host: owner.name, lines: unsent(pair) },
        { host: standby.name, lines: [...closed(pair), ...removed(pair)] },
      ].filter(({ lines }) => lines.length > 0);
  }
}
function resynced(pair: Parts): HostLines[] {
  const { owner, standby, mode, disks } = pair;
  if (isCoordinated(mode)) return [{ host: owner.name, lines: [record.standby(standby.name)] }];
  const over = disks.map(
    ({ standby: path }) => `qemu-img create -f qcow2 -b ${shellWord(`${path}.aside`)} ${shellWord(path)}`,
  );
  return [
    { host: standby.name, lines: [...over, ...opened(pair)] },
    { host: owner.name, lines: [record.stale, ...sent(pair)] },
  ];
}

function switched(pair: Parts, way: 'auto' | 'live' | 'cold' | undefined): HostLines[] {
  const { name, owner, standby, mode } = pair;
  // A copy that is kept by points is mirrored for the move.
  const before = makesPoints(mode) ? [...unsent(pair), ...mirrored(pair)] : [];
  const after = isCoordinated(mode) ? [] : unmirrored(pair);
  const ready = startable(pair, true);
  if (way === 'cold' || isCoordinated(mode))
    return [
      {
        host: owner.name,
        lines: [...before, `virsh shutdown ${name}`, ...after, ...released(pair), record.given(standby.name)],
      },
      { host: standby.name, lines: [...ready, `virsh start ${name}`] },
    ];
  return [
    {
      host: owner.name,
      lines: [
        ...before,
        `migrate ${name} pause-before-switchover   # QMP, its memory`,
        ...after,
        record.given(standby.name),
      ],
    },
    { host: standby.name, lines: [...ready, 'cont   # QMP, its next instruction'] },
  ];
}

function drilled({ pairId, name, disks, mode }: Parts): string[] {
  const frozen = makesPoints(mode)
    ? disks.map(({ standby }) => `qemu-img create -f qcow2 -b POINT ${shellWord(`${standby}.drill`)}`)
    : disks.map(
        ({ target }) =>
          `blockdev-backup ${exported(pairId, target)} sync=none   # QMP, a frozen state of the copy`,
      );
  return [
    ...frozen,
    'ip netns add understudy-drill',
    `qemu-system-x86_64 ... -name ${name}   # on that state, in a network with no way out`,
  ];
}

type ProtectStart = Extract<GivenOrder, { method: 'protect.start' }>['params'];

function protectStart(params: ProtectStart, fleet: FleetSnapshot): HostLines[] {
  const { hostId, vmUuid, standby, replication } = params;
  const vm = vmOf(fleet, hostId, vmUuid);
  if (!vm) return [];
  const disks = vm.disks
    .filter(({ readOnly }) => !readOnly)
    .map(({ target, path, sizeBytes, format }) => ({ target, path, sizeBytes, format }));
  const alone = `virsh autostart --disable ${shellWord(vm.name)}`;
  if (replication && isCoordinated(replication)) {
    const [here, there] = looked(replication, { hostId, standby, paths: disks.map(({ path }) => path) });
    return [
      { host: nameOf(fleet, hostId), lines: [alone, ...here] },
      { host: nameOf(fleet, standby), lines: there },
    ];
  }
  const mode = replication ?? SYNC;
  // Its id is drawn when it is ordered.
  const pair = {
    disks: disks.map(({ target }) => ({ target, owner: '', standby: '' })),
    pairId: 'PAIR',
    mode,
  };
  return [
    {
      host: nameOf(fleet, standby),
      lines: [
        ...disks.map(
          ({ path, sizeBytes, format }) => `qemu-img create -f ${format} ${shellWord(path)} ${sizeBytes}`,
        ),
        ...opened(pair),
      ],
    },
    { host: nameOf(fleet, hostId), lines: [alone, ...sent(pair)] },
  ];
}

/** Nothing is copied: what the owner and the other host do to know that the copy is good, again and again. */
function looked(
  mode: CoordinatedMode,
  { hostId, standby, paths }: { hostId: string; standby: string; paths: string[] },
): [string[], string[]] {
  if (mode.kind === 'external') {
    const asked = (id: string): string[] => {
      const state = mode.commands[id]?.state;
      return state ? [shellLine(state)] : [];
    };
    return [asked(hostId), asked(standby)];
  }
  return [
    paths.map((path) => `uuidgen > ${shellWord(path)}.understudy-token`),
    paths.map((path) => `cat ${shellWord(path)}.understudy-token`),
  ];
}

const withoutAgent = (keepHistory: boolean): string[] => [
  'systemctl disable --now understudy-agent understudy-guard understudy-forwarder understudy-shutdown',
  `rm -rf /opt/understudy ${keepHistory ? '# /var/lib/understudy/audit.log stays' : '/var/lib/understudy'}`,
];

function of(fleet: FleetSnapshot, pairId: string, say: (pair: Parts) => HostLines[]): HostLines[] {
  const pair = fleet.pairs[pairId];
  const parts = pair ? partsOf(fleet, pair) : null;
  return parts ? say(parts) : [];
}

function partsOf(fleet: FleetSnapshot, pair: PairView): Parts | null {
  const [first] = Object.values(pair.members);
  if (first === undefined) return null;
  const { spec } = first.status;
  return {
    name: shellWord(pair.name),
    owner: { id: pair.primary, name: nameOf(fleet, pair.primary) },
    standby: { id: pair.standby, name: nameOf(fleet, pair.standby) },
    pairId: pair.id,
    mode: pair.replication.mode,
    disks: spec.disks.map(({ target, paths }) => ({
      target,
      owner: paths[pair.primary] ?? '',
      standby: paths[pair.standby] ?? '',
    })),
  };
}

const nameOf = (fleet: FleetSnapshot, hostId: string): string => fleet.hosts[hostId]?.name ?? hostId;
