import { get } from 'node:http';

/*
 * The third machine's browser, run inside the lab's namespace (http-gap.ts starts it): asks URL every 10 ms, whatever
 * became of the questions before (a lost SYN would be repeated by the kernel only after a second), until standard input
 * ends. Then prints the longest time between two answers as JSON: {"seconds", "from", "to", "answers"}.
 */
const EVERY_MS = 10;
const PATIENCE_MS = 3_000;

const [, , url = ''] = process.argv;
let last: number | null = null;
let longest = { seconds: 0, from: 0, to: 0 };
let answers = 0;
let open = 0;

function answered(): void {
  const at = performance.timeOrigin + performance.now();
  answers += 1;
  if (answers === 1) console.log('answers');
  if (last !== null && (at - last) / 1000 > longest.seconds)
    longest = { seconds: (at - last) / 1000, from: last, to: at };
  last = at;
}

const timer = setInterval(() => {
  // Those of a whole pause, and no more: a new one must be under way when the guest answers again.
  if (open >= (PATIENCE_MS / EVERY_MS) * 1.2) return;
  open += 1;
  const request = get(url, { agent: false, signal: AbortSignal.timeout(PATIENCE_MS) }, (response) => {
    response.resume();
    response.on('end', () => response.statusCode === 200 && answered());
    response.on('error', () => undefined);
  });
  request.on('error', () => undefined);
  request.on('close', () => {
    open -= 1;
  });
}, EVERY_MS);

process.stdin.on('end', () => {
  clearInterval(timer);
  process.stdout.write(`${JSON.stringify({ ...longest, answers })}\n`, () => process.exit(0));
});
process.stdin.resume();
