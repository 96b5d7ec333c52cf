import { describe, expect, it } from 'vitest';
import { firstLine, readState } from './external-state.ts';

const said = (stdout: string, code = 0, stderr = '') => readState({ code, stdout, stderr }, 'atlas');

describe('what a state command has said', () => {
  it.each([
    ['in-sync', { state: 'in-sync', behindS: null, behindBytes: null }],
    ['in-sync: UpToDate/UpToDate', { state: 'in-sync', behindS: null }],
    ['behind', { state: 'behind', behindS: null, behindBytes: null }],
    ['behind 12 seconds', { state: 'behind', behindS: 12, behindBytes: null }],
    ['behind 1.5 s', { state: 'behind', behindS: 1.5, behindBytes: null }],
    ['behind 1048576 bytes\nmore', { state: 'behind', behindS: null, behindBytes: 1_048_576 }],
    ['{"state":"in-sync"}', { state: 'in-sync', line: 'in-sync' }],
    [
      '{"state":"behind","seconds":3,"bytes":null,"message":"snapshot of 14:02"}',
      { behindS: 3, line: 'snapshot of 14:02' },
    ],
  ])('%j is understood', (text, value) => {
    expect(said(text)).toMatchObject({ ok: true, value });
  });

  it.each([
    ['broken', 0, 'external-broken'],
    ['broken split brain', 0, 'external-broken'],
    ['{"state":"broken","message":"no link"}', 0, 'external-broken'],
    // An exit code other than 0 never counts as in sync.
    ['in-sync', 1, 'external-broken'],
    ['', 2, 'external-broken'],
    ['', 0, 'command-not-understood'],
    ['all is well', 0, 'command-not-understood'],
    ['in-synchronous', 0, 'command-not-understood'],
    ['{"state":"fine"}', 0, 'command-not-understood'],
    ['{"state":"behind","seconds":-1}', 0, 'command-not-understood'],
    ['{"state":', 0, 'command-not-understood'],
  ])('%j with exit code %i is none that could be counted on', (text, code, kind) => {
    expect(said(text, code)).toMatchObject({ ok: false, problem: { kind } });
  });

  it('gives the program’s own words on, one line of plain text', () => {
    expect(said('', 3, 'drbdadm: no such resource\nusage')).toMatchObject({
      problem: { message: expect.stringContaining('drbdadm: no such resource (exit code 3)') },
    });
    expect(firstLine(`\u001b[31mred\u0007 ${'x'.repeat(500)}\nsecond`)).toHaveLength(201);
    expect(firstLine('\u001b[31mred')).toBe('[31mred');
  });
});
