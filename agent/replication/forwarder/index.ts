import { join } from 'node:path';
import type { Log } from '../../ports.ts';
import { type ControlServer, serveControl } from './control-server.ts';
import { Registry } from './registry.ts';
import type { TlsFiles } from './remote.ts';

export interface ForwarderOptions {
  /** Holds the control socket `forwarder.sock` and the saved streams in `forwarder/`; tmpfs. */
  runDir: string;
  tls: TlsFiles;
  log: Log;
}

/**
 * The process between this host's guests and their standbys: QEMU's mirrors write into its unix sockets, it
 * passes the writes on to the standbys' storage daemons over mutual TLS, and holds them when a standby is gone.
 * Separate from the agent so that an agent's restart or upgrade breaks no mirror.
 */
export async function runForwarder(options: ForwarderOptions): Promise<{ close(): Promise<void> }> {
  let control: ControlServer | null = null;
  const registry = new Registry({
    stateDir: join(options.runDir, 'forwarder'),
    tls: options.tls,
    log: options.log,
    changed: (status) => control?.tell(status),
  });
  await registry.restore();
  control = await serveControl(
    join(options.runDir, 'forwarder.sock'),
    (request) => registry.handle(request),
    options.log,
  );
  return {
    async close() {
      await control?.close();
      await registry.closeAll();
    },
  };
}
