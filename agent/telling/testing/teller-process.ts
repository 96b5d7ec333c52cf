// A process that tells of one takeover, by mail to the port given, with everything it remembers in the folder given.
// Each entry of its journal goes to standard output, a line each.
import { join } from 'node:path';
import { openAuditLog } from '../../journal/audit.ts';
import { NO_SECRETS } from '../../protocol/index.ts';
import { systemClock } from '../../system-clock.ts';
import { realTransports } from '../real-transports.ts';
import { Telling, type TellingOptions } from '../telling.ts';
import { SETTINGS, takenOver } from './worlds.ts';

const [stateDir = '', port = ''] = process.argv.slice(2);
const audit = openAuditLog(join(stateDir, 'audit.log'), systemClock);
audit.subscribe(({ event }) => process.stdout.write(`${event}\n`));
const status = takenOver('web', Date.now());
const options = {
  stateDir,
  clock: systemClock,
  log: (_level: string, text: string) => process.stderr.write(`${text}\n`),
  audit,
  hypervisor: { list: () => [] },
  pairs: { list: () => [status], tasks: () => [], unclaimed: () => [], records: () => [] },
  peers: { get: () => null, sights: () => [], sight: () => null, onSight: () => () => undefined },
  transports: realTransports,
  self: () => ({ hostId: 'h-boreas', name: 'boreas', role: 'hypervisor' as const, fleetId: 'f' }),
};
// Only what telling asks of the other rooms is played.
const telling = new Telling(options as unknown as TellingOptions);
await telling.start();
const mail = SETTINGS.mail && { ...SETTINGS.mail, host: '127.0.0.1', port: Number(port) };
await telling.adopt({
  revision: { n: 1, mark: 'a' },
  settings: { ...SETTINGS, mail },
  secrets: NO_SECRETS,
});
process.stdout.write('ready\n');
