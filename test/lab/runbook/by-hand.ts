import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUNBOOK_FILE } from '../../../src-main/core/runbook/runbook.ts';
import { type PrintedCommand, readCommands, shows } from '../../../src-main/core/testing/printed-commands.ts';
import type { LabConsole } from '../core-client.ts';
import type { Lab } from '../lab.ts';
import { must, waitFor } from '../run.ts';

/** How long a command that is given again and again may take until it shows what it should. */
const UNTIL_MS = 3 * 60_000;

/** The page as it lies in the console's folder. */
export const printed = ({ dataDir }: LabConsole): string =>
  readFileSync(join(dataDir, 'runbook', RUNBOOK_FILE), 'utf8');

/** The commands for one machine and one way, in their order; `answering`: also those for hosts that answer. */
export function commandsFor(
  html: string,
  pairId: string,
  procedure: string,
  answering: readonly string[] = [],
): PrintedCommand[] {
  return readCommands(html).filter(
    (one) =>
      one.pairId === pairId &&
      one.procedure === procedure &&
      (one.ifAnswers === null || answering.includes(one.ifAnswers)),
  );
}

/** What a person does with the page: each line on its host over SSH, and a look at what it says. */
export async function follow(
  lab: Lab,
  commands: readonly PrintedCommand[],
  say: (line: string) => void,
): Promise<void> {
  if (commands.length === 0) throw new Error('the page has no commands for this');
  for (const command of commands) await give(lab, command, say);
}

async function give(lab: Lab, command: PrintedCommand, say: (line: string) => void): Promise<void> {
  const { host, run, expect, until, mayFail } = command;
  const once = async (): Promise<{ good: boolean; said: string }> => {
    const { code, stdout, stderr } = await lab.ssh(host, run);
    const said = `${stdout}${stderr}`.trim();
    return { good: expect === null ? code === 0 || mayFail : shows(said, expect), said };
  };
  let last = '';
  const tried = async (): Promise<boolean> => {
    const { good, said } = await once();
    last = said;
    return good;
  };
  const good = until
    ? await waitFor(`${host}# ${run}`, UNTIL_MS, tried, 500).catch(() => false)
    : await tried();
  say(`${host}# ${run}\n${last}`);
  if (!good) throw new Error(`${host}# ${run}\nshould show ${expect ?? 'no failure'}, but says: ${last}`);
}

/** The agent of a host is gone as if somebody had deleted it: its units stay, and systemd tries in vain. */
export async function loseAgent(lab: Lab, host: string): Promise<void> {
  const script =
    'mv /opt/understudy/agent.cjs /opt/understudy/agent.gone && systemctl kill --signal=KILL understudy-agent.service';
  await must(lab.sshCommand(host, ['--', script]));
}

/** Its file is there again; nobody starts it. */
export async function findAgent(lab: Lab, host: string): Promise<void> {
  await must(lab.sshCommand(host, ['--', 'mv /opt/understudy/agent.gone /opt/understudy/agent.cjs']));
}
