import { NbdRequests } from '../copier/nbd-requests.ts';
import { Command } from '../forwarder/nbd-wire.ts';
import { openRemote, type TlsFiles } from '../forwarder/remote.ts';
import type { StandbyAddress } from '../replication.ts';
import { HEARTBEAT_EXPORT } from '../storage-daemon/daemon.ts';

const TRIES = 8;
const BLOCK = Buffer.alloc(4096);

/**
 * The worst of a few small writes to the scratch export of a standby's storage daemon, each put on its disk, ms; null: no answer.
 * 0 when nothing is served there: whoever starts it will see.
 */
export async function answersIn(standby: StandbyAddress, tls: TlsFiles): Promise<number | null> {
  const opened = await openRemote(standby, HEARTBEAT_EXPORT, tls);
  if (!opened.ok) {
    const { kind, details } = opened.problem;
    return kind === 'export-refused' || details?.cause?.includes('ECONNREFUSED') ? 0 : null;
  }
  const requests = new NbdRequests(opened.value.socket);
  try {
    let worst = 0;
    for (let tried = 0; tried < TRIES; tried += 1) {
      const began = performance.now();
      await requests.ask(Command.write, 0, BLOCK.length, BLOCK);
      await requests.ask(Command.flush, 0, 0);
      worst = Math.max(worst, performance.now() - began);
    }
    return worst;
  } catch {
    return null;
  } finally {
    requests.close();
  }
}
