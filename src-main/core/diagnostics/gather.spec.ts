import { expect, it } from 'vitest';
import type { AppInfo } from '../../contract/index.ts';
import { fleet, host, pair, vm } from '../../contract/testing-fleet.ts';
import { gather } from './gather.ts';
import { LogRing } from './log-ring.ts';

const SECRET = 'correct horse';
const info: AppInfo = {
  version: '1.2.3',
  shell: 'headless',
  platform: 'linux',
  secrets: { kind: 'memory', reason: 'A spec.' },
  practice: false,
  notices: [{ kind: 'odd', message: `It said ${SECRET}.`, next: 'Look.' }],
};

it('gathers versions, fleet, history and log; a secret that slipped in anywhere is out again', () => {
  const ring = new LogRing(2, () => 0);
  for (const text of ['first', `sudo: ${SECRET}`, 'token=abcdef1234']) ring.add(text);
  const { name, parts } = gather({
    info,
    settings: {
      theme: 'system',
      operator: SECRET,
      newPairs: { policy: 'manual', profile: 'balanced', witness: null },
    },
    fleet: fleet([host('atlas')], [vm('atlas', 'mail')], [pair('mail', 'atlas', 'boreas')]),
    audit: [
      {
        key: 'console:1',
        source: 'console',
        sourceName: 'this console',
        entry: { seq: 1, at: 0, actor: 'ada', event: 'odd', text: 'Done.', evidence: { said: SECRET } },
      },
    ],
    log: ring.text(),
    secrets: [SECRET],
    now: Date.UTC(2026, 10, 30, 2, 25),
  });
  expect(name).toBe('understudy-diagnostics-2026-11-30-02-25.txt');
  const text = (part: string): string => parts.find((each) => each.part === part)?.text ?? '';
  expect(text('versions')).toContain('1.2.3');
  expect(text('versions')).toContain('"name": "atlas"');
  expect(text('fleet')).toContain('"mail"');
  expect(text('audit')).toContain('Done.');
  // The oldest line made way.
  expect(text('log')).not.toContain('first');
  expect(parts.map((each) => each.text).join('\n')).not.toMatch(/correct horse|abcdef1234/);
});
