// `npm run -s cli -- COMMAND ...`: installs and builds what is missing, then runs the command line. What that takes is told on
// standard error: the last line of standard output is the command's.
import { join } from 'node:path';
import { ensureDependencies, environment, root, run, servingNode } from './ensure.mjs';

const aside = { stdio: ['ignore', process.stderr, 'inherit'] };
await ensureDependencies(aside);
const node = servingNode();
const env = environment(node);
const built = await run(node, [join(root, 'src-main', 'scripts', 'build.mjs'), 'agent', 'cli'], {
  env,
  ...aside,
});
if (built !== 0) process.exit(built);
// The person's own folder counts, not the project's, for what the arguments name.
const cwd = process.env.INIT_CWD ?? process.cwd();
process.exit(await run(node, [join(root, 'dist', 'cli', 'cli.cjs'), ...process.argv.slice(2)], { env, cwd }));
