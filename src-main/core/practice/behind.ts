import { BehindTheBack } from '../../../agent/hypervisor/simulated/behind-the-back.ts';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/host.ts';
import { GIB, IMAGE_FOLDER } from '../../../agent/hypervisor/simulated/types.ts';
import type { PracticeChange } from '../../contract/index.ts';

/** Only the host that runs the machine has it: no standby can follow there. */
const OTHER_BRIDGE = 'br-lab';
const LETTERS = 'bcdefghijklmnopqrstuvwxyz';

/** What a trainer does to a machine with tools of his own. */
export function changeBehind(host: SimulatedHost, vmUuid: string, what: PracticeChange): void {
  const admin = new BehindTheBack(host, vmUuid);
  const domain = host.guest(vmUuid)?.domain;
  if (!domain) return;
  const [first] = domain.disks;
  switch (what) {
    case 'attach-disk': {
      const taken = new Set(domain.disks.map(({ target }) => target));
      const letter = [...LETTERS].find((one) => !taken.has(`vd${one}`));
      const path = `${IMAGE_FOLDER}/${domain.name}-added-${letter}.qcow2`;
      if (letter !== undefined) admin.attachDisk(`vd${letter}`, path, 8 * GIB);
      return;
    }
    case 'enlarge-disk':
      if (first) admin.resizeDisk(first.target, (host.images.get(first.path)?.sizeBytes ?? 0) + 10 * GIB);
      return;
    case 'other-network': {
      const usual = [...host.bridges].find((bridge) => bridge !== OTHER_BRIDGE) ?? 'br0';
      admin.plugInto(domain.nics[0]?.source === OTHER_BRIDGE ? usual : OTHER_BRIDGE);
      return;
    }
    case 'cancel-mirror':
      admin.cancelMirror();
  }
}
