import { parseDomain, withDiskPaths } from '../hypervisor/libvirt/domain-xml.ts';
import type { SimulatedHost } from '../hypervisor/simulated/host.ts';
import { hostOff } from '../hypervisor/simulated/problems.ts';
import { fail, ok, type Problem } from '../protocol/index.ts';
import { overlayPath } from '../replication/replication.ts';
import { layerPath, type Stage } from './stage.ts';

const MIB = 2 ** 20;
/** How often a copy that boots is asked, ms. */
const ASK_AGAIN_MS = 200;

/** Trials on a simulated host: the copy starts from an image of its own that holds what the point does. */
export function createSimulatedStage(host: SimulatedHost): Stage {
  const noRoom = (what: string): Problem => ({
    kind: 'drill-no-memory',
    message: `${host.name} has too little ${what} left for a drill.`,
    next: `Free ${what} on ${host.name}, then start the drill again.`,
  });
  return {
    async refusal(definition, disks) {
      if (host.freeMemoryBytes() < parseDomain(definition).memoryBytes) return noRoom('memory');
      const wanted = disks.reduce((sum, disk) => sum + disk.sizeBytes, 0) / 50;
      return host.freeDiskBytes() < wanted ? { ...noRoom('space'), kind: 'drill-no-space' } : null;
    },
    tight: async () =>
      host.freeDiskBytes() < 256 * MIB ? { ...noRoom('space'), kind: 'drill-no-space' } : null,
    async build(copy, { definition, disks }) {
      if (!host.powered) return fail(hostOff(host.name));
      const paths: Record<string, string> = {};
      for (const disk of disks) {
        const point = host.images.get(overlayPath(disk.path, 'drill'));
        if (!point) return fail(pointMissing(host.name));
        const path = layerPath(disk.path);
        host.images.set(path, { ...point, path });
        paths[disk.target] = path;
      }
      const renamed = definition
        .replace(/<name>[^<]*<\/name>/, `<name>${copy.name}</name>`)
        .replace(/<uuid>[^<]*<\/uuid>/, `<uuid>${copy.uuid}</uuid>`);
      return ok(withDiskPaths(renamed, paths));
    },
    enclose: async () => ok(undefined),
    async ask(copy, check, addresses, signal) {
      if (check.kind === 'boots') return null;
      while (!host.guest(copy.uuid)?.booted) {
        if (signal.aborted || !(await host.after(ASK_AGAIN_MS))) throw new Error('aborted');
      }
      const at = addresses[0] ?? 'its address';
      if (check.kind === 'http') return { evidence: `HTTP 200 from ${at}:${check.port}` };
      if (check.kind === 'tcp') return { evidence: `${at}:${check.port} takes connections` };
      return { evidence: check.kind === 'agent' ? 'its guest agent answers' : `${at} answers` };
    },
    async clear(_copy, disks) {
      for (const { path } of disks) host.images.delete(layerPath(path));
      return ok(undefined);
    },
  };
}

const pointMissing = (host: string): Problem => ({
  kind: 'point-gone',
  message: `The point of the copy on ${host} does not stand any more.`,
  next: 'Start again: a new point is taken.',
});
