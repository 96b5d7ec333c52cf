import { describe, expect, it } from 'vitest';
import { StorageTools } from './storage-tools.ts';

describe('a look at storage', () => {
  it('is one after the other for an image, and gives what the program said', async () => {
    const tools = new StorageTools();
    const [first, second] = await Promise.all([
      tools.run('/image', ['sh', '-c', 'cat; sleep 0.1; exit 3'], 'token'),
      tools.run('/image', ['sh', '-c', 'echo later >&2']),
    ]);
    expect(first).toEqual({ code: 3, stdout: 'token', stderr: '' });
    expect(second).toEqual({ code: 0, stdout: '', stderr: 'later\n' });
    expect(await tools.run('/image', ['/no/such/program'])).toMatchObject({ code: -1 });
  });

  it('that hangs is given up, and the image is looked at again only once that has ended', async () => {
    const tools = new StorageTools();
    // What holds the outputs open stands for a process that cannot be killed.
    const hung = tools.run('/image', ['sh', '-c', 'sleep 6 & wait']);
    const other = tools.run('/other', ['true']);
    expect(await other).toMatchObject({ code: 0 });
    expect(await hung).toBeNull();
    expect(await tools.run('/image', ['true'])).toBeNull();
    while ((await tools.run('/image', ['true'])) === null)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }, 20_000);
});
