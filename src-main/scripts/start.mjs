// `npm start`: installs, builds and opens the console. Plain Node 18 or newer.
import { join } from 'node:path';
import { electronBinary } from './electron-binary.mjs';
import { ensureDependencies, environment, root, run, servingNode } from './ensure.mjs';

const args = process.argv.slice(2);
if (args.includes('--help')) {
  console.log(`Usage: npm start [-- OPTIONS]
  --headless     no window: the console on a loopback address, for a browser
  --practice     go straight to the practice fleet (simulated hosts)
  --port=N       with --headless: the port (default: a free one)
  --data-dir=DIR where the console keeps its database (default: the platform's place)`);
  process.exit(0);
}

/** Why there can be no window, or null. */
function noDisplay() {
  if (process.platform !== 'linux' || process.env.DISPLAY || process.env.WAYLAND_DISPLAY) return null;
  return 'there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)';
}

async function headless(node, env, reason) {
  const rest = args.filter((argument) => argument !== '--headless');
  const why = reason ? [`--reason=${reason}`] : [];
  return run(node, [join(root, 'dist', 'server', 'server.cjs'), '--headless', ...why, ...rest], { env });
}

await ensureDependencies();
const node = servingNode();
const env = environment(node);
const built = await run(node, [join(root, 'src-main', 'scripts', 'build.mjs')], { env });
if (built !== 0) process.exit(built);

if (args.includes('--headless')) process.exit(await headless(node, env, 'you asked for it (--headless)'));
const missing = noDisplay();
if (missing) process.exit(await headless(node, env, missing));
const binary = await electronBinary(node, env);
if (!binary.path) process.exit(await headless(node, env, binary.reason));
const sandbox = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : [];
process.exit(await run(binary.path, [root, ...sandbox, ...args], { env }));
