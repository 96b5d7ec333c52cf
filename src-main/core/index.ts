import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { MemoryVotes, VoteFiles } from '../../agent/lease/vote-store.ts';
import type { Problem } from '../../agent/protocol/index.ts';
import type { AppInfo, ToPage } from '../contract/index.ts';
import { App } from './app.ts';
import { createHostServices } from './deploy/index.ts';
import { LogRing } from './diagnostics/log-ring.ts';
import { FleetIdentity } from './hosts/fleet-identity.ts';
import { createPageHub, type Emit, type PageConnection } from './page/dispatch.ts';
import { pageHandlers } from './page/handlers.ts';
import { fillPractice } from './practice/fill.ts';
import { createPractice } from './practice/practice.ts';
import type { Printer } from './runbook/printing.ts';
import { type Cipher, KeychainSecretStore } from './secrets/keychain.ts';
import { MemorySecretStore, type SecretStore } from './secrets/secret-store.ts';
import { openSession, type Session } from './session.ts';
import { SettingsService } from './settings/settings.ts';
import { findSshEnvironment, type SshEnvironment } from './ssh/environment.ts';
import { type PracticeSession, Stage } from './stage.ts';
import { openStorage, type Storage } from './storage/storage.ts';

export interface CoreOptions {
  /** Folder of the database; made when it is missing. */
  dataDir: string;
  /** dist/agent: what is installed on hosts. */
  agentDir: string;
  version: string;
  shell: AppInfo['shell'];
  /** The system's keychain, or why there is none. */
  secrets: { kind: 'keychain'; cipher: Cipher; reason: string } | { kind: 'memory'; reason: string };
  /** Left out: yes. `false`: it gives no vote of its own, whatever pairs chose this workstation: it is there for a moment only. */
  votes?: boolean;
  /** Makes PDFs, where the shell can; left out: it cannot. */
  printer?: Printer;
  /** Start with the practice fleet. */
  practice?: boolean;
  /** Diagnostics, one line each; never secrets. */
  log?: (text: string) => void;
}

/** The whole console behind its pages. */
export interface Core {
  /** Attaches a page; both directions carry the messages of src-main/contract. `only`: the events it is sent; left out: all. */
  connect(send: (message: ToPage) => void, only?: readonly string[]): PageConnection;
  /** The workstation is about to sleep: its votes say goodbye first. False: it is awake again. */
  sleep(asleep: boolean): Promise<void>;
  close(): Promise<void>;
}

export type { PageConnection };

/** How many lines of its log a console remembers for diagnostics. */
const LOG_LINES = 2000;

/** Throws ProblemError when the data folder cannot be used (see storage/database.ts). */
export async function createCore(given: CoreOptions): Promise<Core> {
  const ring = new LogRing(LOG_LINES, Date.now);
  const log = (text: string): void => {
    ring.add(text);
    given.log?.(text);
  };
  const options = { ...given, log };
  mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
  const storage = openStorage(join(options.dataDir, 'console.db'), Date.now);
  const secrets = secretsOf(options, storage);

  // The hub's handlers need the stage, and the stage tells the hub: the events are bound late.
  const emit: Emit = (event, data) => hub.emit(event, data);
  const app = new App(appInfo(options, secrets, storage), (info) => emit('app', info));
  const settings = new SettingsService(storage.settings, (changed) => emit('settings', changed));
  const common = { options, app, settings, emit };
  const stage = new Stage({
    openReal: () => openFleet({ ...common, storage, secrets, practice: false }),
    openPractice: () => openPractice(common),
    app,
    emit,
  });
  const hub = createPageHub(pageHandlers({ app, settings, stage, log: () => ring.text() }), log);
  try {
    await stage.open(options.practice ?? false);
  } catch (error) {
    storage.close();
    throw error;
  }
  return {
    connect: (send, only) => hub.connect(send, only),
    sleep: (asleep) => stage.sleep(asleep),
    async close() {
      hub.close();
      await stage.close();
      storage.close();
    },
  };
}

interface Common {
  options: CoreOptions;
  app: App;
  settings: SettingsService;
  emit: Emit;
}

interface FleetParts extends Common {
  storage: Storage;
  secrets: SecretStore;
  practice: boolean;
}

function openFleet({ options, app, settings, emit, ...parts }: FleetParts): Promise<Session> {
  const { storage, secrets } = parts;
  const report = (problem: Problem): void => app.notify(problem);
  const services = createHostServices({
    environment: parts.practice
      ? noSshSetup(options)
      : findSshEnvironment(homedir(), process.env, process.platform),
    hostKeys: storage.hostKeys,
    secrets,
    values: storage.settings,
    assetsDir: options.agentDir,
    consoleVersion: options.version,
    now: Date.now,
    report,
    operator: () => settings.get().operator,
  });
  return openSession({
    ...parts,
    ...services,
    identity: new FleetIdentity(storage.settings),
    votes: parts.practice ? new MemoryVotes() : new VoteFiles(join(options.dataDir, 'votes'), Date.now),
    serves: parts.practice || (options.votes ?? true),
    runbook: {
      dataDir: parts.practice ? null : options.dataDir,
      version: options.version,
      ...(options.printer ? { printer: options.printer } : {}),
    },
    operator: () => settings.get().operator,
    desktop: () => settings.get().desktop ?? 'all',
    now: Date.now,
    emit,
    report,
    retract: (message) => app.retract(message),
  });
}

/** Practice hosts are reached directly, whatever jump hosts and keys the person's own set-up asks for. */
const noSshSetup = ({ dataDir }: CoreOptions): SshEnvironment => ({
  sshDir: join(dataDir, 'practice', '.ssh'),
  agentSocket: null,
});

/** Simulated hosts behind the same services; nothing of it is written to this console's own database. */
async function openPractice(common: Common): Promise<PracticeSession> {
  const { log } = common.options;
  const practice = await createPractice({
    log: (level, text) => {
      if (level === 'warn') log?.(text);
    },
  });
  const storage = openStorage(':memory:', Date.now);
  const secrets = new MemorySecretStore('Practice hosts are forgotten when you leave.');
  const session = await openFleet({ ...common, storage, secrets, practice: true });
  const close = async (): Promise<void> => {
    await practice.close();
    storage.close();
  };
  try {
    await fillPractice(practice, session);
  } catch (error) {
    await session.close();
    await close();
    throw error;
  }
  return {
    session,
    power: (name, on) => practice.power(name, on),
    change: (name, vmUuid, what) => practice.change(name, vmUuid, what),
    close,
  };
}

function secretsOf({ secrets }: CoreOptions, storage: Storage): SecretStore {
  if (secrets.kind === 'memory') return new MemorySecretStore(secrets.reason);
  return new KeychainSecretStore(secrets.cipher, storage.secrets, secrets.reason);
}

function appInfo({ version, shell }: CoreOptions, secrets: SecretStore, storage: Storage): AppInfo {
  return {
    version,
    shell,
    platform: process.platform,
    secrets: { kind: secrets.kind, reason: secrets.reason },
    practice: false,
    notices: storage.notice ? [storage.notice] : [],
  };
}
