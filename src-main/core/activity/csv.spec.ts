import { expect, test } from 'vitest';
import { openBench } from '../testing/bench.ts';
import { agentState, hostRecord, pairStatus } from '../testing/fake-link.ts';

test('the merged history as a table: oldest first, quoted, nothing a spreadsheet would calculate', async () => {
  const bench = await openBench([hostRecord('atlas'), hostRecord('pi', { role: 'witness' })]);
  bench.link('atlas').goOnline(agentState({ pairs: [pairStatus('h-atlas')] }));
  bench.session.audit.write({ event: 'x-ordered', pairId: 'p1', text: 'web: "now", ordered.' });
  bench.storage.audit.keepAll('h-pi', [
    {
      seq: 4,
      at: 2_000,
      actor: 'agent',
      event: 'renewal-missed',
      pairId: 'p1',
      text: '=cmd()',
      evidence: { atlas: 'silent for 2.7 s', boreas: 'asked' },
    },
  ]);
  bench.session.audit.write({ event: 'other', text: 'Not of this pair.' });
  const { name, text } = bench.session.auditCsv('p1');
  expect(name).toBe('understudy-history-web-1970-01-01.csv');
  expect(text.split('\r\n')).toEqual([
    '"time","said by","number","actor","event","machine","text","evidence"',
    '"1970-01-01T00:00:02.000Z","pi","4","agent","renewal-missed","web","\'=cmd()","atlas: silent for 2.7 s; boreas: asked"',
    '"1970-01-01T00:00:10.000Z","this console","1","ada","x-ordered","web","web: ""now"", ordered.",""',
    '',
  ]);
  expect(bench.session.auditCsv(null).text).toContain('Not of this pair.');
  await bench.close();
});
