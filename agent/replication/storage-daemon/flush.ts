import { ok, type Problem, type Result } from '../../protocol/index.ts';
import { NbdRequests } from '../copier/nbd-requests.ts';
import { Command } from '../forwarder/nbd-wire.ts';
import { openRemote, type RemoteAddress, type TlsFiles } from '../forwarder/remote.ts';
import type { StorageDaemon } from './daemon.ts';

/** Tells whoever offers an export to put on disk what was written to it; fails when that did. */
export type Flush = (exportName: string) => Promise<Result<void>>;

/** Over NBD, as the storage daemon's own server offers it: QMP has no command that flushes and says how it went. */
export const flushOver =
  (address: () => RemoteAddress, tls: TlsFiles): Flush =>
  async (exportName) => {
    const opened = await openRemote(address(), exportName, tls);
    if (!opened.ok) return opened;
    const requests = new NbdRequests(opened.value.socket);
    try {
      await requests.ask(Command.flush, 0, 0);
      return ok(undefined);
    } catch (error) {
      return { ok: false, problem: notFlushed(error instanceof Error ? error.message : String(error)) };
    } finally {
      requests.close();
    }
  };

/** Flushes nodes through exports of their own, which are gone afterwards. */
export async function flushNodes(
  daemon: StorageDaemon,
  nodes: string[],
  flush: Flush,
  /** Resolves once an export with such an id is gone. */ untilGone: (id: string) => Promise<Result<void>>,
): Promise<Result<void>> {
  const results = await Promise.all(
    nodes.map(async (node) => {
      const id = `x-flush-${node}`;
      const offered = await daemon.execute('block-export-add', {
        type: 'nbd',
        id,
        'node-name': node,
        name: id,
        writable: true,
      });
      const flushed = offered.ok ? await flush(id) : offered;
      await daemon.execute('block-export-del', { id, mode: 'hard' });
      const gone = await untilGone(id);
      return flushed.ok ? gone : flushed;
    }),
  );
  return results.find((one) => !one.ok) ?? ok(undefined);
}

const notFlushed = (cause: string): Problem => ({
  kind: 'replica-not-flushed',
  message: `What the copy had acknowledged from memory could not be put on disk (${cause}).`,
  next: 'Look at the disk of the standby (dmesg, smartctl).',
});
