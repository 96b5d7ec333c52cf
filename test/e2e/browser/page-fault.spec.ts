import type { Obstacle } from '../../../src-main/contract/index.ts';
import { shell } from '../../../src-renderer/lib/messages/shell.ts';
import { expect, go, pairOf, test } from '../troubled.ts';

/** What comes twice, and what nobody expects: a page must go on, or say that it does not. */
const PLACE = '#/pairs/pair-in-sync';

const missing = (name: string): Obstacle => ({
  ...{ kind: 'voter-missing', text: `${name} has not answered since 14:02:03.`, saidBy: ['boreas'] },
  ...{ mend: 'host', hostId: name },
});

test('two voters lost at once, told by the same host: both are named, and the page goes on', async ({
  page,
  fleet,
  dialog,
}) => {
  const pair = pairOf('in-sync');
  await go(page, PLACE);
  const obstacles = [missing('atlas'), missing('cora')];
  fleet.script.change({
    pairs: {
      [pair.id]: {
        ...pair,
        automation: { ...pair.automation, policy: 'automatic', armed: false, obstacles },
      },
    },
  });
  for (const { text } of obstacles) await expect(page.getByText(text)).toBeVisible();
  await dialog.open(`${PLACE}/end`);
});

test('a page that cannot be drawn says so and can be loaded again; others are not touched by it', async ({
  page,
  fleet,
}) => {
  const pair = pairOf('in-sync');
  await go(page, PLACE);
  await expect(page.getByRole('heading', { level: 1, name: pair.name })).toBeVisible();
  // A fault of the console's own, in the middle of drawing: what this page does with its members breaks.
  await page.evaluate(() => {
    const { entries } = Object;
    Object.entries = (of: object) => {
      if (Object.values(of).some((value) => value && typeof value === 'object' && 'status' in value))
        throw new Error('made for this test');
      return entries(of);
    };
  });
  const sentence = 'Something else is said of it now.';
  fleet.script.change({ pairs: { [pair.id]: { ...pair, sentence } } });
  const note = page.getByRole('alert').filter({ hasText: shell.fault.message });
  await expect(note).toContainText(shell.fault.next);
  await go(page, '#/manual');
  await expect(note).toHaveCount(0);
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();

  await go(page, PLACE);
  await note.getByRole('button', { name: shell.fault.again }).click();
  await expect(page.getByText(sentence)).toBeVisible();
  await expect(note).toHaveCount(0);
});
