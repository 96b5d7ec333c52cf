// Draws assets/tray: one mark a state, told apart by shape as well as by colour, 16 and 32 pixels wide.
// Run it after a change of the shapes: node src-main/scripts/tray-icons.mjs
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

const folder = fileURLToPath(new URL('../../assets/tray/', import.meta.url));
const SIZES = { '': 16, '@2x': 32 };
/** Looks for each pixel, in each direction: smooth edges. */
const LOOKS = 6;

const WHITE = [255, 255, 255];
const disc = (x, y, r = 0.46) => Math.hypot(x, y) < r;
const box = (x, y, w, h) => Math.abs(x) < w && Math.abs(y) < h;
const stroke = (x, y, ax, ay, bx, by, width) => {
  const along = Math.max(
    0,
    Math.min(1, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)),
  );
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)) < width;
};

/** Each answers a colour for a point of the square from -0.5 to 0.5, or nothing. */
const SHAPES = {
  // A hollow ring: nothing to look after.
  idle: (x, y) => disc(x, y) && !disc(x, y, 0.33) && [128, 136, 148],
  // A full disc with a tick.
  ok(x, y) {
    if (!disc(x, y)) return null;
    const tick =
      stroke(x, y, -0.21, 0.02, -0.06, 0.17, 0.065) || stroke(x, y, -0.06, 0.17, 0.22, -0.15, 0.065);
    return tick ? WHITE : [31, 138, 91];
  },
  // A ring that is not closed.
  progress(x, y) {
    const open = x > 0 && y < 0 && Math.abs(x + y) < 0.22;
    return disc(x, y) && !disc(x, y, 0.28) && !open && [47, 111, 208];
  },
  // A triangle with its mark.
  attention(x, y) {
    const inside = y < 0.42 && y > -0.46 && Math.abs(x) < ((y + 0.46) / 0.88) * 0.5;
    if (!inside) return null;
    return box(x, y - 0.04, 0.055, 0.17) || disc(x, y - 0.31, 0.06) ? [40, 28, 0] : [232, 163, 23];
  },
  // A square with a cross.
  danger(x, y) {
    if (!box(x, y, 0.44, 0.44)) return null;
    const cross =
      stroke(x, y, -0.22, -0.22, 0.22, 0.22, 0.07) || stroke(x, y, -0.22, 0.22, 0.22, -0.22, 0.07);
    return cross ? WHITE : [201, 52, 52];
  },
  // Two bars.
  paused: (x, y) => (box(x - 0.21, y, 0.12, 0.42) || box(x + 0.21, y, 0.12, 0.42)) && [232, 163, 23],
};

function pixel(shape, column, row, size) {
  const sum = [0, 0, 0, 0];
  for (let i = 0; i < LOOKS; i += 1)
    for (let j = 0; j < LOOKS; j += 1) {
      const x = (column + (i + 0.5) / LOOKS) / size - 0.5;
      const y = (row + (j + 0.5) / LOOKS) / size - 0.5;
      const colour = shape(x, y);
      if (!colour) continue;
      for (let part = 0; part < 3; part += 1) sum[part] += colour[part];
      sum[3] += 1;
    }
  const hits = sum[3];
  return hits === 0
    ? [0, 0, 0, 0]
    : [...sum.slice(0, 3).map((part) => Math.round(part / hits)), Math.round((255 * hits) / LOOKS ** 2)];
}

/** PNG, 8 bits a channel with alpha (RFC 2083). */
function png(shape, size) {
  const rows = Array.from({ length: size }, (_, row) => [
    0,
    ...Array.from({ length: size }, (_unused, column) => pixel(shape, column, row, size)).flat(),
  ]);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows.flat()), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
}

for (const [name, shape] of Object.entries(SHAPES))
  for (const [suffix, size] of Object.entries(SIZES))
    writeFileSync(join(folder, `${name}${suffix}.png`), png(shape, size));
