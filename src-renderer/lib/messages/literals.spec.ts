import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { literalsIn } from './literals.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** Not for a translator: a name of the trade, an example of what to type. */
const ALLOWED = new Set<string>([]);

it('no component says a word that is not in the catalogue', () => {
  const files = globSync('**/*.svelte', { cwd: ROOT });
  expect(files.length).toBeGreaterThan(100);
  const found = files.flatMap((file) =>
    literalsIn(readFileSync(join(ROOT, file), 'utf8'))
      .filter(({ text }) => !ALLOWED.has(text))
      .map(({ line, text }) => `${file}:${line} ${text}`),
  );
  expect(found).toEqual([]);
});

it('no module beside the components does either', () => {
  const files = globSync('**/*.ts', { cwd: ROOT }).filter(
    (file) => !file.startsWith('lib/messages/') && !file.endsWith('.spec.ts'),
  );
  const found = files.flatMap((file) =>
    literalsIn(`<script lang="ts">${readFileSync(join(ROOT, file), 'utf8')}</script>`).map(
      ({ line, text }) => `${file}:${line} ${text}`,
    ),
  );
  expect(found).toEqual([]);
});

test.each([
  ['a sentence between tags', '<p>Your machine runs on.</p>'],
  ['one word', '<button>Save</button>'],
  ['German too', '<p>Läuft</p>'],
  ['a spoken attribute', '<button aria-label="Close the dialog">×</button>'],
  ['a prop that is shown', '<Field label="Name" />'],
  ['either of two', "<p>{busy ? 'Saving' : m.save}</p>"],
  ['around a value', `<p>{\`Since \${when}\`}</p>`],
  ['in the script', "<script>let note = 'Nothing was changed.';</script><p>{note}</p>"],
])('finds %s', (_what, source) => {
  expect(literalsIn(source)).toHaveLength(1);
});

test.each([
  ['the catalogue', '<p>{m.shell.close}</p>'],
  ['classes, types and ids', '<div class="line soft" role="status" id="the-id"><Icon name="check" /></div>'],
  ['marks', '<p>{a} · {b} → {c}</p>'],
  [
    'code',
    "<script>const kind = 'primary-lost'; call('pair.verify', {});</script>{#if kind === 'done now'}<i></i>{/if}",
  ],
  ['comments', '<!-- It scrolls. --><p></p>'],
])('leaves %s alone', (_what, source) => {
  expect(literalsIn(source)).toEqual([]);
});
