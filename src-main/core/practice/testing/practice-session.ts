import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryVotes } from '../../../../agent/lease/vote-store.ts';
import type { Problem } from '../../../../agent/protocol/index.ts';
import { createHostServices } from '../../deploy/index.ts';
import { FleetIdentity } from '../../hosts/fleet-identity.ts';
import { MemorySecretStore } from '../../secrets/secret-store.ts';
import { openSession, type Session } from '../../session.ts';
import { openStorage } from '../../storage/storage.ts';
import { fillPractice } from '../fill.ts';
import { createPractice, type Practice, type PracticeOptions } from '../practice.ts';

const VERSION = '0.0.0-spec';

/** One console over practice hosts; nothing is kept on disk. */
export interface PracticeConsole {
  session: Session;
  /** What the console told the person unasked. */
  reported: Problem[];
  close(): Promise<void>;
}

export interface PracticeBench extends PracticeConsole {
  practice: Practice;
  warnings: string[];
  /** Another console for the same hosts: it knows none of them. */
  another(operator: string): Promise<PracticeConsole>;
}

/** The console's own services over a practice fleet, as the core wires them, with the first picture in it. */
export async function openPracticeBench(options: PracticeOptions = {}): Promise<PracticeBench> {
  const folder = await mkdtemp(join(tmpdir(), 'understudy-bench-'));
  await writeAssets(folder);
  const warnings: string[] = [];
  const practice = await createPractice({
    log: (level, text) => {
      if (level === 'warn') warnings.push(text);
    },
    ...options,
  });
  const console = await openConsole(folder, 'spec');
  await fillPractice(practice, console.session);
  return {
    ...console,
    practice,
    warnings,
    another: (operator) => openConsole(folder, operator),
    async close() {
      await console.close();
      await practice.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function openConsole(folder: string, operator: string): Promise<PracticeConsole> {
  const reported: Problem[] = [];
  const storage = openStorage(':memory:', Date.now);
  const secrets = new MemorySecretStore('a spec');
  const report = (problem: Problem): void => void reported.push(problem);
  const services = createHostServices({
    environment: { sshDir: join(folder, 'none'), agentSocket: null },
    hostKeys: storage.hostKeys,
    secrets,
    values: storage.settings,
    assetsDir: folder,
    consoleVersion: VERSION,
    now: Date.now,
    report,
    operator: () => operator,
  });
  const session = await openSession({
    ...services,
    identity: new FleetIdentity(storage.settings),
    votes: new MemoryVotes(),
    serves: true,
    storage,
    secrets,
    practice: true,
    runbook: { dataDir: null, version: '0.0.0-spec' },
    operator: () => operator,
    now: Date.now,
    emit: () => undefined,
    report,
    retract: () => undefined,
  });
  const close = async (): Promise<void> => {
    await session.close();
    storage.close();
  };
  return { session, reported, close };
}

/** A deployment's files, as the build writes them; practice hosts look at their checksums only. */
async function writeAssets(folder: string): Promise<void> {
  const agent = '// the agent';
  const sha256 = createHash('sha256').update(agent).digest('hex');
  await writeFile(join(folder, 'agent.cjs'), agent);
  const files = { 'agent.cjs': { sha256, bytes: agent.length } };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ version: VERSION, files }));
}
