import { stat } from 'node:fs/promises';
import type { Client, SFTPWrapper } from 'ssh2';
import { fail, ok, type Result } from '../../../agent/protocol/index.ts';
import { cancelled, channelRefused, connectionLost, uploadFailed } from './problems.ts';
import type { SshTarget, UploadOptions, UploadSource } from './types.ts';

/**
 * Writes one file by SFTP. The caller names a temporary path, checks what arrived and renames it: SFTP itself
 * promises neither.
 */
export async function uploadFile(
  client: Client,
  target: SshTarget,
  source: UploadSource,
  options: UploadOptions,
): Promise<Result<void>> {
  if (options.signal?.aborted) return fail(cancelled());
  const size = await sizeOf(source.from);
  if (size === null)
    return fail(uploadFailed(target, source.to, `${source.from} is missing on this workstation`));
  const sftp = await openSftp(client, target);
  if (!sftp.ok) return sftp;
  const result = await put(sftp.value, target, source, size, options);
  sftp.value.end();
  return result;
}

async function sizeOf(path: string): Promise<number | null> {
  return stat(path).then(
    (found) => found.size,
    () => null,
  );
}

function openSftp(client: Client, target: SshTarget): Promise<Result<SFTPWrapper>> {
  return new Promise((resolve) => {
    client.sftp((error, sftp) => {
      if (error === undefined) resolve(ok(sftp));
      else resolve(fail(channelRefused(target, 'file transfer (SFTP)', error.message)));
    });
  });
}

function put(
  sftp: SFTPWrapper,
  target: SshTarget,
  source: UploadSource,
  size: number,
  { onProgress, signal }: UploadOptions,
): Promise<Result<void>> {
  return new Promise((resolve) => {
    const onAbort = (): void => resolve(fail(cancelled()));
    signal?.addEventListener('abort', onAbort, { once: true });
    sftp.on('error', () => undefined);
    sftp.once('close', () => resolve(fail(connectionLost(target, 'it ended during a file transfer'))));
    const step = (done: number): void => onProgress?.(done, size);
    sftp.fastPut(source.from, source.to, { mode: source.mode, step }, (error) => {
      signal?.removeEventListener('abort', onAbort);
      if (!error) resolve(ok(undefined));
      else resolve(fail(uploadFailed(target, source.to, error.message)));
    });
  });
}
