import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import * as v from 'valibot';
import { DrillCheck } from '../../protocol/index.ts';

/** What the agent asks of the process that it starts inside a trial's network. */
export const Probe = v.object({ check: DrillCheck, addresses: v.array(v.string()) });
export type Probe = v.InferOutput<typeof Probe>;

const TRY_MS = 1_500;
const PAUSE_MS = 150;
/** Doors at which something is often behind; a refusal is an answer too. */
const USUAL_PORTS = [22, 80, 443, 3389];

/** Asks again and again until there is an answer, and prints it; ended from outside. */
export async function runProbe(text: string): Promise<void> {
  const { check, addresses } = v.parse(Probe, JSON.parse(text));
  for (;;) {
    const evidence = await firstOf(addresses.map((address) => look(address, check)));
    if (evidence !== null) {
      console.log(JSON.stringify({ evidence }));
      return;
    }
    await new Promise((done) => setTimeout(done, PAUSE_MS));
  }
}

async function look(address: string, check: Probe['check']): Promise<string | null> {
  if (check.kind === 'http') return http(address, check.port, check.path);
  if (check.kind === 'tcp') {
    const outcome = await knock(address, check.port);
    return outcome === 'open' ? `${address}:${check.port} takes connections` : null;
  }
  if (check.kind !== 'answers') return null;
  const answered = await firstOf(
    USUAL_PORTS.map(async (port) => {
      const outcome = await knock(address, port);
      return outcome === 'silent' ? null : `${address} answers (port ${port} ${outcome})`;
    }),
  );
  return answered ?? ((await isNeighbour(address)) ? `${address} answers to its address (ARP)` : null);
}

export function knock(address: string, port: number): Promise<'open' | 'refused' | 'silent'> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const end = (outcome: 'open' | 'refused' | 'silent'): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end('silent'), TRY_MS);
    socket.on('connect', () => end('open'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      end(error.code === 'ECONNREFUSED' ? 'refused' : 'silent'),
    );
  });
}

/** Whatever the page says of itself counts, except that the server failed. */
export function http(address: string, port: number, path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({ host: address, port, path, timeout: TRY_MS, agent: false }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      resolve(status >= 200 && status < 500 ? `HTTP ${status} from ${address}:${port}` : null);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(null));
  });
}

/** proc(5): flag 2 says that the entry is complete, which takes an answer. */
async function isNeighbour(address: string): Promise<boolean> {
  const table = await readFile('/proc/self/net/arp', 'utf8').catch(() => '');
  return isComplete(table, address);
}

export function isComplete(table: string, address: string): boolean {
  return table.split('\n').some((line) => {
    const [ip, , flags] = line.split(/\s+/);
    return ip === address && (Number(flags) & 2) !== 0;
  });
}

/** The first that is not null, or null once all are in. */
function firstOf(asked: Promise<string | null>[]): Promise<string | null> {
  return new Promise((resolve) => {
    void Promise.all(
      asked.map(async (one) => {
        const answer = await one;
        if (answer !== null) resolve(answer);
      }),
    ).then(() => resolve(null));
  });
}
