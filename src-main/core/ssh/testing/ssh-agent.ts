import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';

/** An SSH agent on a unix socket of its own, holding the given private keys. */
export async function startSshAgent(
  privateKeys: string[],
): Promise<{ socket: string; close(): Promise<void> }> {
  const keys = privateKeys.map((text) => ssh2.utils.parseKey(text) as ParsedKey);
  const socket = join(mkdtempSync(join(tmpdir(), 'understudy-agent-')), 'agent.sock');
  const server = createServer((stream) => {
    const protocol = new ssh2.AgentProtocol(false);
    protocol.on('identities', (request) => protocol.getIdentitiesReply(request, keys));
    protocol.on('sign', (request, publicKey, data, options) => {
      const wire = publicKey.getPublicSSH();
      const key = keys.find((each) => each.getPublicSSH().equals(wire));
      const signature = key?.sign(data, options.hash);
      if (signature instanceof Buffer) protocol.signReply(request, signature);
      else protocol.failureReply(request);
    });
    stream.on('error', () => undefined);
    stream.pipe(protocol).pipe(stream);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return { socket, close: () => new Promise((resolve) => server.close(() => resolve())) };
}
