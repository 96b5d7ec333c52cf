// The forwarder as its unit runs it, with this test's paths. Arguments: run directory, key, certificate, CA bundle.
import { runForwarder } from '../../../agent/replication/forwarder/index.ts';
import { quiet } from './ports.ts';

const [runDir = '', key = '', cert = '', ca = ''] = process.argv.slice(2);
await runForwarder({ runDir, tls: { key, cert, ca }, log: quiet });
