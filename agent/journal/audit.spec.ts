import { appendFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openAuditLog } from './audit.ts';

const clock = { now: () => 1000, bootMs: () => 0, setTimeout: () => ({ cancel() {} }) };

it('goes on counting after a restart, over a line torn by a power cut', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'understudy-audit-')), 'audit.jsonl');
  const first = openAuditLog(file, clock);
  first.append({ actor: 'agent', event: 'a', text: 'one' });
  first.append({ actor: 'agent', event: 'b', text: 'two' });
  appendFileSync(file, '\n{"seq":3,"at":1,"actor":"age');
  const second = openAuditLog(file, clock);
  expect(second.append({ actor: 'anna', event: 'c', text: 'three' }).seq).toBe(3);
  const third = openAuditLog(file, clock);
  expect(third.list(0, 10).map((entry) => [entry.seq, entry.text])).toEqual([
    [1, 'one'],
    [2, 'two'],
    [3, 'three'],
  ]);
  expect(third.list(2, 10)).toHaveLength(1);
});
