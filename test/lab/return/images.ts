import type { PairSpec } from '../../../agent/protocol/index.ts';
import type { ProtectedFleet } from '../protected-fleet.ts';
import { must, waitFor } from '../run.ts';

const MIB = 2 ** 20;
/** Free blocks of the guests' file systems: what lies there is data to a disk, and nothing to the guest. */
const FROM_MIB = 150;
const UNTIL_MIB = 374;
const PIECE_MIB = 32;

const virsh = async (fleet: ProtectedFleet, host: string, command: string): Promise<string> =>
  must(fleet.lab.sshCommand(host, ['--', `virsh -q ${command}`]));

/** Fills both disks of a running machine, through its own QEMU, so that there is something to compare. @returns bytes */
export async function fillDisks(fleet: ProtectedFleet, host: string, machine: string): Promise<number> {
  let bytes = 0;
  for (const disk of ['virtio-disk0', 'virtio-disk1'])
    for (let at = FROM_MIB; at < UNTIL_MIB; at += PIECE_MIB) {
      const device = `/machine/peripheral/${disk}/virtio-backend`;
      const pattern = 1 + (((at / PIECE_MIB) % 200) | 0);
      const write = `qemu-io -d ${device} \\"write -P ${pattern} ${at}M ${PIECE_MIB}M\\"`;
      const answer = await virsh(fleet, host, `qemu-monitor-command ${machine} --hmp "${write}"`);
      if (/error|not found|failed/i.test(answer)) throw new Error(answer);
      bytes += PIECE_MIB * MIB;
    }
  return bytes;
}

/** Whether both hosts' images of every disk read alike, while the machine stands still. */
export async function identical(fleet: ProtectedFleet, machine: string): Promise<boolean> {
  const { owner, standby } = await fleet.roles(machine);
  const spec = Object.values((await fleet.sight(machine)).members)[0]?.spec;
  if (!spec) throw new Error('no agent tells where the images lie');
  await virsh(fleet, owner, `suspend ${machine}`);
  try {
    for (const disk of spec.disks) {
      const [mine, theirs] = await Promise.all(
        [owner, standby].map((host) => digest(fleet, host, spec, disk.target)),
      );
      if (mine !== theirs) return false;
    }
    return true;
  } finally {
    await virsh(fleet, owner, `resume ${machine}`);
  }
}

/** At low priority: the storage daemon beside it has to answer meanwhile. */
async function digest(fleet: ProtectedFleet, host: string, spec: PairSpec, target: string): Promise<string> {
  const path = spec.disks.find((disk) => disk.target === target)?.paths[fleet.idOf(host)] ?? '';
  const raw = `/var/tmp/${target}.raw`;
  const script = `nice -n 19 qemu-img convert -U -O raw ${path} ${raw} && sha256sum < ${raw}; rm -f ${raw}`;
  return (await must(fleet.lab.sshCommand(host, ['--', script]))).trim();
}

/** What is set aside on a host, as its agent tells. */
export async function asidesOn(fleet: ProtectedFleet, host: string, machine: string) {
  return waitFor('the agent to tell what is aside', 60_000, async () => {
    const member = (await fleet.sight(machine)).members[host];
    return member ? (member.asides ?? []) : null;
  });
}
