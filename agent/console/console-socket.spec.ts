import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { groupId, serveConsoles } from './console-socket.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-socket-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function serve(path: string, attached: Socket[] = []) {
  const served = await serveConsoles(
    path,
    (stream) => attached.push(stream),
    () => undefined,
  );
  if (!served.ok) throw new Error(served.problem.message);
  return served.value;
}

test('listens in a place of its own, closed to others, over what a killed agent left', async () => {
  const path = join(folder, 'run', 'agent.sock');
  const attached: Socket[] = [];
  const first = await serve(path);
  first.close();
  await once(first, 'close');
  await writeFile(path, '');
  const server = await serve(path, attached);
  expect((await stat(path)).mode & 0o007).toBe(0);
  const client = connect(path);
  await once(client, 'connect');
  while (attached.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  client.destroy();
  server.close();
});

test('leaves a living agent its socket', async () => {
  const path = join(folder, 'agent.sock');
  const server = await serve(path);
  const second = await serveConsoles(
    path,
    () => undefined,
    () => undefined,
  );
  expect(second).toMatchObject({ ok: false, problem: { kind: 'agent-runs' } });
  const client = connect(path);
  await once(client, 'connect');
  client.destroy();
  server.close();
});

test('finds the group as group(5) writes it', () => {
  const text = 'root:x:0:\nunderstudy-more:x:7:\nunderstudy:x:991:ada,bob\n';
  expect(groupId(text, 'understudy')).toBe(991);
  expect(groupId(text, 'nobody-here')).toBeNull();
});
