import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { findProcess, readUsage, signal } from './process.ts';

describe("a guest's process", () => {
  it('is none when libvirt keeps no pid of it', async () => {
    expect(await findProcess('no-such-guest', '7e570000-0000-4000-8000-000000000061')).toBeNull();
  });

  it('tells what it has used', async () => {
    const usage = await readUsage(process.pid);
    const rss = process.memoryUsage().rss;
    expect(usage?.memoryBytes).toBeGreaterThan(rss / 2);
    expect(usage?.memoryBytes).toBeLessThan(rss * 2);
    expect(usage?.cpuMs).toBeGreaterThan(0);
    expect(usage?.writtenBytes).toBeGreaterThanOrEqual(0);
  });

  it('is told from one that is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    await once(child, 'spawn');
    const pid = child.pid ?? 0;
    expect(signal(pid, 'SIGKILL')).toBe(true);
    await once(child, 'exit');
    expect(signal(pid, 'SIGKILL')).toBe(false);
    expect(await readUsage(pid)).toBeNull();
  });
});
