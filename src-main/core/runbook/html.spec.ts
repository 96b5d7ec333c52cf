import { expect, it } from 'vitest';
import { readCommands, shows } from '../testing/printed-commands.ts';
import { htmlOf, safe } from './html.ts';
import type { Runbook } from './model.ts';

const odd = `grep '"a<b>"' && echo "it's & more"`;
const runbook: Runbook = {
  practice: false,
  hosts: [{ name: 'atlas', site: '', login: 'ssh root@a', role: 'witness', runs: [], keeps: [] }],
  sheets: [
    {
      ...{ pairId: 'p1', machine: '<script>', uuid: 'u', facts: [['Disks', 'a\nb']], warnings: ['&'] },
      procedures: [
        {
          ...{ id: 'on-standby', title: 't', when: 'w' },
          steps: [
            {
              title: 'one',
              text: [],
              ifAnswers: 'at"las',
              commands: [{ on: 'atlas', run: odd, mayFail: 'so' }],
            },
            { title: 'two', text: ['x'], commands: [{ on: 'boreas', run: 'b', expect: '"a"', until: true }] },
          ],
        },
      ],
    },
  ],
};

it('says every command as it is to be given, and nothing it holds is taken for markup', () => {
  const html = htmlOf(runbook, 0, '1');
  expect(html).not.toContain('<script');
  expect(html).toContain('Written 1970-01-01 00:00 UTC by Understudy 1.');
  const common = { pairId: 'p1', procedure: 'on-standby' };
  expect(readCommands(html)).toEqual([
    { ...common, ifAnswers: 'at"las', host: 'atlas', run: odd, expect: null, until: false, mayFail: true },
    { ...common, ifAnswers: null, host: 'boreas', run: 'b', expect: '"a"', until: true, mayFail: false },
  ]);
});

it('stands by itself: no script, nothing loaded from anywhere', () => {
  expect(htmlOf(runbook, 0, '1')).not.toMatch(/<(script|link|img|iframe)|url\(|src=|@import/);
  expect(safe(`<>&"'`)).toBe('&lt;&gt;&amp;&quot;&#39;');
});

it('takes an output for what is expected only as whole words', () => {
  expect(shows('inactive\n', 'active')).toBe(false);
  expect(shows('active\n', 'active')).toBe(true);
  expect(shows('"mode":"sync","state":"in-sync","x"', '"state":"in-sync"')).toBe(true);
  expect(shows('10', '0')).toBe(false);
});
