import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the build puts into dist/agent, as far as practice hosts look at it. */
export async function writeAgentAssets(folder: string, version: string): Promise<void> {
  const agent = `console.log('agent ${version}')\n`;
  const sha256 = createHash('sha256').update(agent).digest('hex');
  await writeFile(join(folder, 'agent.cjs'), agent);
  const files = { 'agent.cjs': { sha256, bytes: Buffer.byteLength(agent) } };
  await writeFile(join(folder, 'manifest.json'), JSON.stringify({ version, files }));
}
