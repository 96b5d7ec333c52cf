import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { protectedMail } from '../../../agent/pairs/testing/mail.ts';
import { shows } from '../testing/printed-commands.ts';
import type { Place, SheetFacts } from './facts.ts';
import { lookAtCopy, start } from './steps.ts';

/** What the commands read on a host is what an agent has written there, with and without a third vote. */
it('finds what the copy is worth, and the definition, where the standby’s agent keeps them', async () => {
  const { rig } = await protectedMail();
  const state = join(rig.folder, 'boreas');
  const place: Place = { id: 'boreas', name: 'boreas', login: null, armedThere: [], keepsToo: [] };
  const atlas: Place = { ...place, id: 'atlas', name: 'atlas' };
  const facts: SheetFacts = {
    ...{ pairId: 'pair-mail', machine: 'mail', uuid: 'u', owner: atlas, standby: place, witness: null },
    ...{ armed: false, mode: { kind: 'sync' }, replica: 'in-sync', unclean: false, touched: false },
    ...{ quarantined: false, begun: true, disks: [] },
  };
  const looks = lookAtCopy(facts).commands;
  expect(looks).toHaveLength(3);
  for (const { run, expect: wanted = '' } of looks) {
    const output = execFileSync('sh', ['-c', run.replaceAll('/var/lib/understudy', state)], {
      encoding: 'utf8',
    });
    expect({ run, shown: shows(output, wanted), output }).toMatchObject({ shown: true });
  }
  const file = /\S+\.xml/.exec(start(facts, place, true).text.join(' '))?.[0] ?? '';
  const path = file.replace('/var/lib/understudy', state).replace(/,$/, '');
  expect(existsSync(path)).toBe(true);
  expect(readFileSync(path, 'utf8').length).toBeGreaterThan(0);
  await rig.close();
});
