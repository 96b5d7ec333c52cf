// Downloads Electron's binary into @electron/get's cache, showing how far it is, then lets the package unpack it.
// The package's own installer stays silent for the first half minute; a person should see that something happens.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { downloadArtifact } from '@electron/get';
import { root, run } from './ensure.mjs';

const require = createRequire(import.meta.url);
const { version } = require('electron/package.json');
let shown = -1;

try {
  await downloadArtifact({
    version,
    artifactName: 'electron',
    platform: process.platform,
    arch: process.arch,
    checksums: require('electron/checksums.json'),
    downloadOptions: {
      quiet: true,
      getProgressCallback: async ({ percent, transferred, total }) => {
        const whole = Math.floor((percent ?? 0) * 20) * 5;
        if (whole === shown) return;
        shown = whole;
        console.log(
          `  ${whole} % (${Math.round(transferred / 2 ** 20)} of ${total ? Math.round(total / 2 ** 20) : '?'} MB)`,
        );
      },
    },
  });
} catch (error) {
  console.error(`  It did not work: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
process.exit(await run(process.execPath, [join(root, 'node_modules', 'electron', 'install.js')]));
