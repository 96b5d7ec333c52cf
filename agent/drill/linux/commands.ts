import { execFile } from 'node:child_process';
import { fail, ok, type Result } from '../../protocol/index.ts';

const LIMIT_MS = 20_000;

export interface Commands {
  /** Runs a program to its end; its output. Problem kind: `drill-command`. */
  run(program: string, args: string[]): Promise<Result<string>>;
}

export const hostCommands: Commands = {
  run: (program, args) =>
    new Promise((resolve) => {
      execFile(program, args, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
        if (!error) return resolve(ok(stdout));
        const cause = (stderr || error.message).trim().slice(0, 300);
        resolve(
          fail({
            kind: 'drill-command',
            message: `The stage for the drill could not be set: ${program} ${args[0] ?? ''}: ${cause}.`,
            next: 'Mend what the command complains of on the standby, then start the drill again.',
          }),
        );
      });
    }),
};
