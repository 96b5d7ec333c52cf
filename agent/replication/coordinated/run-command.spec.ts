import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MOST_OUTPUT_BYTES } from './host.ts';
import { checkCommand, runCommand } from './run-command.ts';

/** Real programs. As root, whose files they have to be; the folder above /tmp is anybody's. */
const isRoot = process.getuid?.() === 0;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'understudy-commands-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function script(text: string, mode = 0o755): Promise<string> {
  const path = join(folder, 'program');
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, mode);
  return path;
}
const run = (command: string[], limitMs = 10_000) => runCommand(command, limitMs, 'atlas');
const kindOf = (result: Awaited<ReturnType<typeof run>>): string => (result.ok ? 'ok' : result.problem.kind);

describe.runIf(isRoot)('a command of the operator', () => {
  it('gets its arguments as they stand, no shell, no input, and a bare environment', async () => {
    const path = await script('printf "%s|" "$@"; cat; env | cut -d= -f1 | sort | tr "\\n" " "; exit 7');
    process.env.UNDERSTUDY_SPEC_SECRET = 'hunter2';
    const ran = await run([path, '$(touch /tmp/no)', 'a b', '', '; ls']);
    delete process.env.UNDERSTUDY_SPEC_SECRET;
    expect(ran).toMatchObject({ ok: true, value: { code: 7 } });
    const told = ran.ok ? ran.value.stdout : '';
    expect(told).toContain('$(touch /tmp/no)|a b||; ls|');
    expect(told).not.toContain('UNDERSTUDY');
  });

  it('is ended with everything it has started when its time is over', async () => {
    const path = await script(`sleep 300 & echo $! > ${folder}/child; wait`);
    expect(kindOf(await run([path], 300))).toBe('command-late');
    const child = Number(await readFile(join(folder, 'child'), 'utf8'));
    const gone = async (): Promise<boolean> => {
      const state = await readFile(`/proc/${child}/stat`, 'utf8').catch(() => '');
      return state === '' || / Z /.test(state);
    };
    while (!(await gone())) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('is not waited for by what it leaves running', async () => {
    const path = await script('sleep 300 & echo in-sync');
    expect(await run([path])).toMatchObject({ ok: true, value: { code: 0, stdout: 'in-sync\n' } });
  });

  it('is ended when it writes without end', async () => {
    const path = await script('exec yes');
    expect(kindOf(await run([path]))).toBe('command-output-too-long');
    const much = await script(`head -c ${MOST_OUTPUT_BYTES} /dev/zero`);
    expect(kindOf(await run([much]))).toBe('ok');
  });

  it('is not run when it is missing, not executable, or somebody else could put another in its place', async () => {
    const path = await script('echo in-sync');
    expect(kindOf(await run([join(folder, 'none')]))).toBe('command-missing');
    await chmod(path, 0o644);
    expect(kindOf(await run([path]))).toBe('command-not-executable');
    await chmod(path, 0o775);
    expect(kindOf(await run([path]))).toBe('command-unsafe');
    await chmod(path, 0o755);
    await chmod(folder, 0o777);
    expect(await checkCommand([path], 'atlas')).toMatchObject({
      ok: false,
      problem: { kind: 'command-unsafe' },
    });
    expect(kindOf(await run([folder]))).toBe('command-not-executable');
  });

  it('says of a script without an interpreter that it cannot be executed', async () => {
    const path = join(folder, 'program');
    await writeFile(path, '#!/no/such/interpreter\n');
    await chmod(path, 0o755);
    expect(kindOf(await run([path]))).toBe('command-not-executable');
  });
});
