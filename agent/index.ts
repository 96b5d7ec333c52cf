import { join } from 'node:path';
import { type DaemonConfig, runAgent } from './daemon.ts';
import { runProbe } from './drill/linux/probe.ts';
import type { Log } from './ports.ts';
import { PEER_PORT, REPLICATION_PORT } from './protocol/index.ts';
import { runCopier } from './replication/copier/index.ts';
import { runForwarder } from './replication/forwarder/index.ts';

/** Put in by the build: release and build id. */
declare const AGENT_VERSION: string | undefined;

const USAGE = `Usage: agent.cjs COMMAND
  run        the agent: looks after this host's protected machines (understudy-agent.service)
  forwarder  carries their writes to the standbys (understudy-forwarder.service)
  copier     hashes or copies disks for the agent: one job, from standard input
  version    prints the version

Environment, for several agents on one machine:
  UNDERSTUDY_STATE_DIR         /var/lib/understudy
  UNDERSTUDY_RUN_DIR           /run/understudy
  UNDERSTUDY_PEER_PORT         ${PEER_PORT}
  UNDERSTUDY_REPLICATION_PORT  ${REPLICATION_PORT}
  UNDERSTUDY_DEBUG=1           more lines in the log
`;

/** Whatever still runs this long after the order to stop is left to systemd, ms. */
const STOP_WITHIN_MS = 15_000;

const { env } = process;
const config: DaemonConfig = {
  version: typeof AGENT_VERSION === 'string' ? AGENT_VERSION : '0.0.0+source',
  stateDir: env.UNDERSTUDY_STATE_DIR ?? '/var/lib/understudy',
  runDir: env.UNDERSTUDY_RUN_DIR ?? '/run/understudy',
  peerPort: Number(env.UNDERSTUDY_PEER_PORT ?? PEER_PORT),
  replicationPort: Number(env.UNDERSTUDY_REPLICATION_PORT ?? REPLICATION_PORT),
};

/** Who dies younger than this, s, ... */
const YOUNG_S = 10;
/** ... is started again only after this time, ms. */
const LATER_MS = 1_000;

/** Priorities that journald reads off the line (sd-daemon(3)). */
const PRIORITY = { debug: 7, info: 6, warn: 4 } as const;
const log: Log = (level, text) => {
  if (level === 'debug' && env.UNDERSTUDY_DEBUG !== '1') return;
  process.stdout.write(`<${PRIORITY[level]}>${text.replaceAll('\n', ' | ')}\n`);
};

function die(text: string): never {
  log('warn', text);
  if (process.uptime() < YOUNG_S) sleepSync(LATER_MS);
  process.exit(1);
}

/** systemd starts it again at once; one that can't live must not keep a processor busy. */
const sleepSync = (ms: number): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

function stopOnSignal(stop: () => Promise<void>): void {
  const onSignal = () => {
    setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => die(`stopping: ${String(error)}`),
    );
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
}

async function run(): Promise<void> {
  const started = await runAgent(config, log);
  if (!started.ok) die(`${started.problem.message} ${started.problem.next}`);
  stopOnSignal(started.value);
  log('info', `agent ${config.version} on Node ${process.version}`);
}

async function forwarder(): Promise<void> {
  const tls = join(config.stateDir, 'tls');
  const files = { key: join(tls, 'host.key'), cert: join(tls, 'host.crt'), ca: join(tls, 'ca.crt') };
  const running = await runForwarder({ runDir: config.runDir, tls: files, log });
  stopOnSignal(() => running.close());
}

const COMMANDS: Record<string, () => Promise<void>> = {
  run,
  forwarder,
  // Started by the agent itself inside a drill's network.
  'drill-probe': () => runProbe(process.argv[3] ?? ''),
  copier: runCopier,
  version: async () => console.log(config.version),
};

// systemd starts it again; going on after a bug of unknown reach would be worse.
process.on('uncaughtException', (error) => die(`bug: ${error.stack ?? error.message}`));
process.on('unhandledRejection', (error) =>
  die(`bug: ${error instanceof Error ? error.stack : String(error)}`),
);

const command = COMMANDS[process.argv[2] ?? ''];
if (command === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}
void command();
