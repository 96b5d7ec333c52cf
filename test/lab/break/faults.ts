import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, pause } from '../failover/bench.ts';
import { fillVolume, freeVolume } from '../faults-disk.ts';
import { serviceProcess, signal } from '../host-processes.ts';
import { must } from '../run.ts';
import type { Lab } from '../running-lab.ts';

export const BREAKS = ['killed', 'frozen', 'silent', 'flapping', 'full', 'certificate'] as const;
export type BreakKind = (typeof BREAKS)[number];

/** One way in which a standby stops taking writes while both hosts live, and how it is mended. */
export interface Fault {
  strike(): Promise<void>;
  mend(): Promise<void>;
  /** Over as soon as it has struck: what was killed is started again by its host. */
  momentary?: true;
}

const FLAPS = 5;
/** Longer than the standby may be silent (0.4 s), and shorter than anybody would notice by hand. */
const FLAP_MS = 700;

async function killStorage(lab: Lab, host: string): Promise<void> {
  const daemon = await serviceProcess(lab, host, 'storage');
  if (!daemon) throw new Error(`no storage daemon on ${host}`);
  signal(daemon.pid, 'SIGKILL');
}

function flapping(lab: Lab, owner: string, standby: string): Fault {
  return {
    async strike() {
      for (let flap = 0; flap < FLAPS; flap += 1) {
        await lab.cut(owner, standby);
        await pause(FLAP_MS);
        await lab.uncut(owner, standby);
        await pause(FLAP_MS);
      }
      await lab.cut(owner, standby);
    },
    mend: () => lab.uncut(owner, standby),
  };
}

const TLS = '/var/lib/understudy/tls/qemu';
const FILES = ['ca-cert.pem', 'server-cert.pem', 'server-key.pem'];

/** A stranger's certificate in the place of the standby's, and a storage daemon that has to read it. */
function certificate(lab: Lab, standby: string): Fault {
  const saved = new Map<string, Buffer>();
  return {
    async strike() {
      for (const file of FILES) saved.set(file, await readFile(lab.pathOn(standby, join(TLS, file))));
      const folder = await mkdtemp(join(tmpdir(), 'understudy-stranger-'));
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      const made = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      await must(['openssl', 'req', ...made, '-days', '1', '-subj', '/CN=x', '-keyout', key, '-out', cert]);
      const [keyText, certText] = [await readFile(key), await readFile(cert)];
      await rm(folder, { recursive: true });
      for (const file of FILES)
        await writeFile(lab.pathOn(standby, join(TLS, file)), file.includes('key') ? keyText : certText);
      await killStorage(lab, standby);
    },
    async mend() {
      for (const [file, text] of saved) await writeFile(lab.pathOn(standby, join(TLS, file)), text);
    },
  };
}

export function faultOf(bench: Bench, kind: BreakKind, owner: string, standby: string): Fault {
  const { lab } = bench.fleet;
  switch (kind) {
    case 'killed':
      return { strike: () => killStorage(lab, standby), mend: async () => {}, momentary: true };
    case 'frozen':
      return { strike: () => lab.freeze(standby), mend: () => lab.thaw(standby) };
    case 'silent':
      return { strike: () => lab.cut(owner, standby), mend: () => lab.uncut(owner, standby) };
    case 'flapping':
      return flapping(lab, owner, standby);
    case 'full':
      return {
        strike: () => fillVolume(lab, standby, 'images'),
        mend: () => freeVolume(lab, standby, 'images'),
      };
    case 'certificate':
      return certificate(lab, standby);
  }
}
