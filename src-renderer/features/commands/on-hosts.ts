import type { CoordinatedMode } from '../../../agent/protocol/coordinated.ts';
import { isCoordinated } from '../../../agent/protocol/mode.ts';
import type { FleetSnapshot, PairView } from '../../../src-main/contract/index.ts';
import { m } from '../../lib/messages.ts';
import { type GivenOrder, type TaskOrder, vmOf } from './given.ts';
import { shellLine, shellWord } from './shell.ts';

/** What is done on one host, in order. */
export interface HostLines {
  host: string;
  lines: string[];
}

const record = m.commands.record;

interface Parts {
  name: string;
  owner: string;
  standby: string;
  /** By disk: its name for the block layer, and where it lies on each side. */
  disks: { target: string; owner: string; standby: string }[];
  pairId: string;
}

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
      return [{ host: nameOf(fleet, order.params.hostId), lines: removed(order.params.keepHistory) }];
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
          host: standby,
          lines: [
            record.forced(standby),
            ...closed(pair),
            `virsh start ${name} --paused`,
            `virsh resume ${name}`,
          ],
        },
      ];
    case 'pair.switchover':
      return switched(pair, order.params.way);
    case 'pair.resync':
      return [
        {
          host: standby,
          lines: [
            ...disks.map((disk) => `qemu-img create -f qcow2 -b ${disk.standby}.aside ${disk.standby}`),
            ...opened(pair),
          ],
        },
        { host: owner, lines: [record.stale, ...mirrored(pair)] },
      ];
    case 'pair.revert':
      return [
        { host: owner, lines: [`virsh shutdown ${name}`] },
        { host: standby, lines: [record.forced(standby), `virsh start ${name}`] },
      ];
    case 'pair.discard': {
      const lines = disks.flatMap(({ standby: path }) => [
        `block-stream ${path}   # QMP`,
        `rm ${path}.aside`,
      ]);
      return [{ host: nameOf(fleet, order.params.hostId), lines }];
    }
    case 'pair.replaceStandby': {
      const next = nameOf(fleet, order.params.standby);
      return [
        { host: owner, lines: [...unmirrored(pair), record.standby(next)] },
        { host: next, lines: opened(pair) },
        { host: owner, lines: mirrored(pair) },
        { host: standby, lines: disks.map((disk) => `rm ${disk.standby}`) },
      ];
    }
    case 'pair.mode':
      return [{ host: owner, lines: [record.stale, ...unmirrored(pair), ...mirrored(pair)] }];
    case 'pair.drill':
      return [
        {
          host: standby,
          lines: [
            ...disks.map(
              ({ target }) =>
                `blockdev-backup ${exported(pair, target)} sync=none   # QMP, a frozen state of the copy`,
            ),
            'ip netns add understudy-drill',
            `qemu-system-x86_64 ... -name ${name}   # on that state, in a network with no way out`,
          ],
        },
      ];
    default:
      return [
        { host: owner, lines: unmirrored(pair) },
        { host: standby, lines: [...closed(pair), ...disks.map((disk) => `rm ${disk.standby}`)] },
      ];
  }
}

function switched(pair: Parts, way: 'auto' | 'live' | 'cold' | undefined): HostLines[] {
  const { name, owner, standby } = pair;
  if (way === 'cold')
    return [
      { host: owner, lines: [`virsh shutdown ${name}`, ...unmirrored(pair), record.given(standby)] },
      { host: standby, lines: [...closed(pair), `virsh start ${name}`] },
    ];
  return [
    {
      host: owner,
      lines: [
        `migrate ${name} pause-before-switchover   # QMP, its memory`,
        ...unmirrored(pair),
        record.given(standby),
      ],
    },
    { host: standby, lines: [...closed(pair), 'cont   # QMP, its next instruction'] },
  ];
}

const exported = ({ pairId }: Parts, target: string): string => `${pairId}.${target}`;
const opened = (pair: Parts): string[] =>
  pair.disks.map(
    ({ target }) => `block-export-add nbd ${exported(pair, target)} writable=true   # QMP, storage daemon`,
  );
const closed = (pair: Parts): string[] =>
  pair.disks.map(
    ({ target }) => `block-export-del ${exported(pair, target)}; blockdev-del   # QMP, storage daemon`,
  );
const mirrored = (pair: Parts): string[] =>
  pair.disks.map(
    ({ target }) => `blockdev-mirror ${target} copy-mode=write-blocking   # QMP, through the forwarder`,
  );
const unmirrored = (pair: Parts): string[] =>
  pair.disks.map(({ target }) => `block-job-cancel understudy-${pair.pairId}-${target}   # QMP`);

type ProtectStart = Extract<GivenOrder, { method: 'protect.start' }>['params'];

function protectStart(params: ProtectStart, fleet: FleetSnapshot): HostLines[] {
  const { hostId, vmUuid, standby, replication } = params;
  const vm = vmOf(fleet, hostId, vmUuid);
  if (!vm) return [];
  const disks = vm.disks
    .filter(({ readOnly }) => !readOnly)
    .map(({ target, path, sizeBytes, format }) => ({ target, path, sizeBytes, format }));
  const alone = `virsh autostart --disable ${vm.name}`;
  if (replication && isCoordinated(replication)) {
    const [here, there] = looked(replication, { hostId, standby, paths: disks.map(({ path }) => path) });
    return [
      { host: nameOf(fleet, hostId), lines: [alone, ...here] },
      { host: nameOf(fleet, standby), lines: there },
    ];
  }
  return [
    {
      host: nameOf(fleet, standby),
      lines: disks.flatMap(({ target, path, sizeBytes, format }) => [
        `qemu-img create -f ${format} ${path} ${sizeBytes}`,
        `block-export-add nbd ${target} writable=true   # QMP, storage daemon`,
      ]),
    },
    {
      host: nameOf(fleet, hostId),
      lines: [
        alone,
        ...disks.map(
          ({ target }) => `blockdev-mirror ${target} copy-mode=write-blocking   # QMP, through the forwarder`,
        ),
      ],
    },
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

const removed = (keepHistory: boolean): string[] => [
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
    name: pair.name,
    owner: nameOf(fleet, pair.primary),
    standby: nameOf(fleet, pair.standby),
    pairId: pair.id,
    disks: spec.disks.map(({ target, paths }) => ({
      target,
      owner: paths[pair.primary] ?? '',
      standby: paths[pair.standby] ?? '',
    })),
  };
}

const nameOf = (fleet: FleetSnapshot, hostId: string): string => fleet.hosts[hostId]?.name ?? hostId;
