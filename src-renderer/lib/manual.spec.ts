import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { hrefOf, isTopic, manualMarkdown, PICTURE_SIZE, pictureFiles, topics } from './manual.ts';
import { parsePlace } from './router.ts';

const DOCS = join(import.meta.dirname, '..', '..', 'docs');

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

it('is docs/manual.md, word for word and picture by picture', () => {
  const page = readFileSync(join(DOCS, 'manual.md'), 'utf8');
  expect(page).toBe(manualMarkdown());
  const shown = [...page.matchAll(/^!\[[^\]]+\]\(images\/(.+)\)$/gm)].map(([, file]) => file);
  expect(shown.sort()).toEqual([...pictureFiles].sort());
});

it.each(pictureFiles)('shows %s: it is in docs/images, in the size that room is kept for', (file) => {
  const bytes = readFileSync(join(DOCS, 'images', file));
  expect(bytes.subarray(1, 4).toString()).toBe('PNG');
  // The header's chunk comes first (PNG 3, 11.2.1).
  expect({ width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }).toEqual(PICTURE_SIZE);
});

it('tells of each picture what is to be seen, and names it in a line', () => {
  const pictures = topics.flatMap(([, { picture }]) => picture ?? []);
  expect(new Set(pictures.map(({ caption }) => caption)).size).toBe(pictureFiles.length);
  for (const { alt, caption } of pictures) {
    expect(caption.length).toBeLessThan(100);
    expect(alt.length).toBeGreaterThan(caption.length);
  }
});
