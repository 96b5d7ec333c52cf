import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hrefOf, isTopic, manualMarkdown, topics } from './manual.ts';
import { parsePlace } from './router.ts';

it('leads only to topics and places that exist', () => {
  for (const [id, { see, place }] of topics) {
    expect({ id, gone: see.filter((other) => !isTopic(other) || other === id) }).toEqual({ id, gone: [] });
    if (place && place !== 'map') expect(parsePlace(hrefOf(place)).page).toBe(place);
  }
});

it('can be read without a network: no addresses, and no topic is empty', () => {
  for (const [, { text, steps = [] }] of topics) {
    expect([...text, ...steps].join(' ')).not.toMatch(/https?:|www\./);
    expect(text.length).toBeGreaterThan(0);
  }
});

it('is docs/manual.md, word for word', () => {
  const page = join(import.meta.dirname, '..', '..', 'docs', 'manual.md');
  expect(readFileSync(page, 'utf8')).toBe(manualMarkdown());
});
