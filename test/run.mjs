// `npm test`: installs what is missing, then runs everything. Plain Node 18 or newer; the rest is test/runner.
import { join } from 'node:path';
import { ensureDependencies, environment, root, run, servingNode } from '../src-main/scripts/ensure.mjs';

await ensureDependencies();
const node = servingNode();
process.exit(
  await run(node, [join(root, 'test', 'runner', 'main.ts'), ...process.argv.slice(2)], {
    env: environment(node),
  }),
);
