import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostClock } from '../../host/clock.ts';
import type { HypervisorEvent } from '../hypervisor.ts';
import { type FakeGuest, FakeLibvirtd } from './fake-libvirtd.spec-kit.ts';
import { LibvirtHypervisor } from './libvirt-hypervisor.ts';

export const ERP = '7e570000-0000-4000-8000-000000000061';
export const SHOP = '7e570000-0000-4000-8000-000000000062';

/** The hypervisor over a fake libvirtd that knows one stopped guest, `erp`; not yet started. */
export interface HypervisorBench {
  libvirtd: FakeLibvirtd;
  hypervisor: LibvirtHypervisor;
  erp: FakeGuest;
  events: HypervisorEvent[];
  close(): Promise<void>;
}

export async function openHypervisorBench(): Promise<HypervisorBench> {
  const folder = await mkdtemp(join(tmpdir(), 'hypervisor-'));
  const libvirtd = new FakeLibvirtd(join(folder, 'sock'));
  const erp = { name: 'erp', uuid: ERP, state: 5, autostart: true };
  libvirtd.guests.set(ERP, erp);
  await libvirtd.listen();
  const events: HypervisorEvent[] = [];
  const hypervisor = new LibvirtHypervisor({ clock: hostClock(), log: () => {}, socketPath: libvirtd.path });
  hypervisor.subscribe((event) => events.push(event));
  const close = async (): Promise<void> => {
    await hypervisor.stop();
    await libvirtd.close();
    await rm(folder, { recursive: true });
  };
  return { libvirtd, hypervisor, erp, events, close };
}
