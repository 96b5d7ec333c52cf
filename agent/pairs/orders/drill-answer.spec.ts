import { describe, expect, it } from 'vitest';
import { type Answer, trialCopy } from '../../drill/stage.ts';
import type { Clock } from '../../ports.ts';
import type { DrillCheck, Problem } from '../../protocol/index.ts';
import { answered } from './drill-answer.ts';

const copy = trialCopy('p', 'mail');
const BROKEN: Problem = { kind: 'point-gone', message: 'Gone.', next: 'Again.' };

/** Time passes as fast as somebody waits for it. */
function fastClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    bootMs: () => now,
    setTimeout(run, ms) {
      setImmediate(() => {
        now += ms;
        run();
      });
      return { cancel: () => undefined };
    },
  };
}

interface World {
  check: DrillCheck;
  addresses?: string[];
  /** From the n-th question on. */
  agentAt?: number;
  brokenAt?: number;
  network?: Promise<Answer | null>;
  signal?: AbortSignal;
}

function ask({ check, addresses = ['10.0.0.5'], agentAt, brokenAt, network, signal }: World) {
  let asked = 0;
  const told: { aborted: boolean } = { aborted: false };
  const answer = answered(
    {
      clock: fastClock(),
      hypervisor: { guestAnswers: async () => agentAt !== undefined && asked >= agentAt },
      stage: {
        ask: (_copy, _check, _addresses, quit) => {
          quit.addEventListener('abort', () => {
            told.aborted = true;
          });
          if (network) return network;
          return new Promise((_, reject) => quit.addEventListener('abort', () => reject(new Error())));
        },
      },
      over: async () => {
        asked += 1;
        return brokenAt !== undefined && asked >= brokenAt ? BROKEN : null;
      },
    },
    { copy, check, addresses },
    signal ?? new AbortController().signal,
  );
  return { answer, told };
}

describe('the answer of a copy on trial', () => {
  it('is the first of guest agent and network, and ends the other question', async () => {
    const byAgent = ask({ check: { kind: 'answers' }, agentAt: 3 });
    expect(await byAgent.answer).toEqual({ evidence: 'its guest agent answers' });
    expect(byAgent.told.aborted).toBe(true);
    const network = Promise.resolve({ evidence: '10.0.0.5 answers' });
    expect(await ask({ check: { kind: 'answers' }, network }).answer).toEqual({
      evidence: '10.0.0.5 answers',
    });
  });

  it('does not take the guest agent for a page that was asked for', async () => {
    const { answer } = ask({ check: { kind: 'http', port: 80, path: '/' }, agentAt: 1 });
    await expect(answer).rejects.toMatchObject({ problem: { kind: 'drill-no-answer' } });
  });

  it('is that it runs on, where nothing more is asked for', async () => {
    const network = Promise.resolve(null);
    const { answer } = ask({ check: { kind: 'boots' }, network });
    expect((await answer).evidence).toContain('30 s');
    const { answer: cut } = ask({ check: { kind: 'boots' }, network: Promise.resolve(null), brokenAt: 20 });
    await expect(cut).rejects.toMatchObject({ problem: BROKEN });
  });

  it('does not come from a point that broke meanwhile', async () => {
    const network = Promise.resolve({ evidence: 'HTTP 200' });
    const { answer } = ask({ check: { kind: 'answers' }, network, brokenAt: 1 });
    await expect(answer).rejects.toMatchObject({ problem: BROKEN });
  });

  it('is not waited for where the address is not known', async () => {
    const { answer } = ask({ check: { kind: 'tcp', port: 22 }, addresses: [] });
    await expect(answer).rejects.toMatchObject({ problem: { kind: 'drill-no-address' } });
  });

  it('is not waited for once cancelled', async () => {
    const quit = new AbortController();
    const { answer, told } = ask({ check: { kind: 'answers' }, signal: quit.signal });
    quit.abort();
    await expect(answer).rejects.toMatchObject({ problem: { kind: 'cancelled' } });
    expect(told.aborted).toBe(true);
  });
});
