import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { AuditEntry } from '../../../agent/protocol/index.ts';
import { ok } from '../../../agent/protocol/index.ts';
import { type Bench, openBench } from '../testing/bench.ts';
import { agentState, hostRecord } from '../testing/fake-link.ts';

let bench: Bench;
const history: AuditEntry[] = [];
beforeEach(async () => {
  history.length = 0;
  bench = await openBench([hostRecord('atlas')]);
  bench.link('atlas').answers['audit.list'] = ({ afterSeq, limit }) =>
    ok({ entries: history.filter((entry) => entry.seq > afterSeq).slice(0, limit) });
});
afterEach(() => bench.close());

function happen(count: number): void {
  for (let n = 0; n < count; n++) {
    const seq = history.length + 1;
    history.push({ seq, at: seq, actor: 'agent', event: 'e', text: `Entry ${seq}.` });
  }
}

const listed = () => bench.session.audit.list({ pairId: null, before: null, limit: 500 });

test('an agent history is fetched whole at the first connection, page by page', async () => {
  happen(450);
  bench.link('atlas').goOnline(agentState());
  await vi.waitFor(() => expect(listed()).toHaveLength(450));
  expect(listed()[0]).toMatchObject({ key: 'h-atlas:450', sourceName: 'atlas' });
});

test('afterwards entries come by themselves, and a gap is filled', async () => {
  happen(1);
  const atlas = bench.link('atlas');
  atlas.goOnline(agentState());
  await vi.waitFor(() => expect(listed()).toHaveLength(1));
  const fetched = atlas.callsOf('audit.list').length;
  happen(1);
  atlas.notice({ notice: 'audit', value: { seq: 2, at: 2, actor: 'agent', event: 'e', text: 'Entry 2.' } });
  expect(listed()).toHaveLength(2);
  expect(atlas.callsOf('audit.list')).toHaveLength(fetched);
  happen(3);
  atlas.notice({ notice: 'audit', value: { seq: 5, at: 5, actor: 'agent', event: 'e', text: 'Entry 5.' } });
  await vi.waitFor(() => expect(listed()).toHaveLength(5));
});

test('it can be read while the host is silent, after a restart', async () => {
  happen(2);
  bench.link('atlas').goOnline(agentState());
  await vi.waitFor(() => expect(listed()).toHaveLength(2));
  await bench.reopen();
  expect(listed()).toHaveLength(2);
});
