import type { Duplex } from 'node:stream';

/** Thrown into a stream whose peer sends something that is no line of JSON of bearable length. */
export class LineError extends Error {}

/** Calls `onLine` for each line of JSON; a longer or malformed one destroys the stream with a LineError. */
export function readJsonLines(stream: Duplex, maxBytes: number, onLine: (value: unknown) => void): void {
  let parts: Buffer[] = [];
  let held = 0;
  const line = (bytes: Buffer) => {
    const text = bytes.toString('utf8').trim();
    if (text !== '') onLine(JSON.parse(text));
  };
  stream.on('data', (chunk: Buffer) => {
    let from = 0;
    try {
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        const bytes = Buffer.concat([...parts, chunk.subarray(from, end)]);
        parts = [];
        held = 0;
        from = end + 1;
        if (bytes.length > maxBytes) throw new LineError('line too long');
        line(bytes);
      }
      if (from < chunk.length) parts.push(Buffer.from(chunk.subarray(from)));
      held += chunk.length - from;
      if (held > maxBytes) throw new LineError('line too long');
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new LineError(String(error)));
    }
  });
}

export function writeJsonLine(stream: Duplex, value: unknown): void {
  if (stream.writable) stream.write(`${JSON.stringify(value)}\n`);
}
