import {
  besideBusy,
  type Expiries,
  measureExpiries,
  type Summary,
  summary,
} from '../../lab/guard/expiries.ts';
import { bootMs, checkClocks, GuardHost } from '../../lab/guard/guard-host.ts';
import type { Lab } from '../../lab/lab.ts';
import { waitFor } from '../../lab/run.ts';
import { cpuPercent, pause, pssMiB, rounded } from '../processes.ts';

const EXPIRIES = 100;
const BUSY = 8;
const MACHINES = 20;
const SECONDS = 30;
/** The guard's clock has this resolution, ms: a figure below it says no more. */
const RESOLUTION_MS = 1;

/** Names of its own where armed pairs have a figure of the same kind. */
export interface GuardFigures {
  /** From a passed deadline to the signal, beside busy processes. */
  guardMs: Summary;
  /** The same until an ordinary process outside sees the guest's process stopped. */
  guardSeenMs: Summary;
  /** How late an ordinary process on the same host sends a signal, in the same minute. */
  ordinaryMs: Summary;
  /** How many times later the ordinary one is, p99; the guard's counted as its resolution at least. */
  ratio: number;
  /** Beside 20 machines on its list, one of them running. */
  guardAlonePssMiB: number;
  guardAloneCpuPercent: number;
  expiries: number;
  busy: number;
}

/** The guard alone, as it is shipped, on a host of the lab; no agent is needed. */
export async function measureGuard(lab: Lab, say: (line: string) => void): Promise<GuardFigures> {
  checkClocks();
  const host = await GuardHost.open(lab);
  await host.put(process.execPath, '/opt/bench/node', 0o755);
  await host.put('test/bench/core/timer-process.mjs', '/opt/bench/timer-process.mjs', 0o644);
  const pid = await host.startGuest();
  say(`${EXPIRIES} deadlines beside ${BUSY} busy processes`);
  const [expiries, ordinary] = await besideBusy(host, BUSY, () =>
    Promise.all([measureExpiries(host, pid, EXPIRIES), ordinaryLateness(host)]),
  );
  say(`the guard's cost beside ${MACHINES} machines`);
  return { ...figures(expiries, ordinary), ...(await cost(host)) };
}

function figures({ signalMs, seenMs }: Expiries, ordinaryMs: Summary) {
  const ratio = rounded(ordinaryMs.p99 / Math.max(RESOLUTION_MS, signalMs.p99), 1);
  return { guardMs: signalMs, guardSeenMs: seenMs, ordinaryMs, ratio, expiries: EXPIRIES, busy: BUSY };
}

/** In a unit of its own, like each of the busy ones. */
async function ordinaryLateness(host: GuardHost): Promise<Summary> {
  const program = `/opt/bench/node /opt/bench/timer-process.mjs ${EXPIRIES}`;
  const said = await host.run(`systemd-run --quiet --wait --pipe --unit bench-timer ${program}`);
  return summary(JSON.parse(said));
}

async function cost(
  host: GuardHost,
): Promise<Pick<GuardFigures, 'guardAlonePssMiB' | 'guardAloneCpuPercent'>> {
  const others = Array.from({ length: MACHINES - 1 }, (_, n) => `${host.uuid.slice(0, 34)}${n + 10}`);
  for (const uuid of others) host.permit(`deadline ${Math.ceil(bootMs()) + 600_000}`, uuid);
  host.protect(host.uuid, ...others);
  await waitFor('all are taken in', 10_000, () => host.status().machines.size === MACHINES, 10);
  await pause(1_000);
  const guard = await host.guardPid();
  const percent = await cpuPercent([guard], SECONDS);
  return { guardAlonePssMiB: rounded(await pssMiB(guard), 2), guardAloneCpuPercent: rounded(percent, 2) };
}
