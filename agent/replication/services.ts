import { execFile } from 'node:child_process';
import { fail, ok, type Result } from '../protocol/index.ts';

export type ServiceUnit = 'understudy-forwarder.service' | 'understudy-storage.service';

/** Starts the processes that must outlive the agent. Injected: systemd on a host, a child process in tests. */
export interface ServiceRunner {
  /** Returns once the unit was started or was running; its socket may take a moment longer. */
  ensureRunning(unit: ServiceUnit): Promise<Result<void>>;
}

/** systemd's: `systemctl start` is idempotent and returns when the unit is active. */
export const systemdServices: ServiceRunner = {
  ensureRunning(unit) {
    return new Promise((resolve) => {
      execFile('systemctl', ['start', unit], { timeout: 30_000 }, (error, _stdout, stderr) => {
        if (!error) return resolve(ok(undefined));
        resolve(
          fail({
            kind: 'service-not-started',
            message: `The service ${unit} could not be started (${(stderr || error.message).trim().slice(0, 300)}).`,
            next: `Read "systemctl status ${unit}" on the host; deploying the agent again puts its units back.`,
          }),
        );
      });
    });
  },
};
