import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, lstat, mkdir, open, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { DurableFile } from '../journal/durable-file.ts';
import type { Clock, Log } from '../ports.ts';
import { fail, HostId, HostRole, ok, type Result } from '../protocol/index.ts';
import { checkAuthorities, fingerprintOf } from './authorities.ts';
import { checkEnrolment } from './certificate.ts';
import { certificateRequest } from './certificate-request.ts';

/** Who this host is in its fleet, with what proves it. The key lies apart, in tls/host.key. */
export const Identity = v.object({
  hostId: HostId,
  fleetId: v.string(),
  name: v.string(),
  /** Where it stands, as a person said. */
  site: v.optional(v.string(), ''),
  role: HostRole,
  /** PEM. */
  certificate: v.string(),
  /** PEM, one or more: several while the fleet's CA is being replaced. */
  trustedCas: v.array(v.string()),
  /** Which machine was enrolled (`machine` of the options); '' where nobody could say. */
  machine: v.optional(v.string(), ''),
});
export type Identity = v.InferOutput<typeof Identity>;

/** What node:tls needs on both ends of a link between agents, PEM. */
export interface Credentials {
  hostId: string;
  fleetId: string;
  key: string;
  cert: string;
  ca: string[];
}

/** File names QEMU's tls-creds-x509 object looks for (docs/system/tls.rst), and where they lead. */
const QEMU_LINKS = {
  'ca-cert.pem': '../ca.crt',
  'server-cert.pem': '../host.crt',
  'server-key.pem': '../host.key',
  'client-cert.pem': '../host.crt',
  'client-key.pem': '../host.key',
} as const;

/**
 * The host's key and identity on disk. `identity.json` is the truth; the PEM files for other programs are
 * made from it, so that a crash between two files leaves nothing that does not belong together.
 */
export class IdentityStore {
  readonly #tls: string;
  readonly #file: DurableFile<typeof Identity>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #machine: string;
  #identity: Identity | null = null;
  #key: string | null = null;

  /** `machine`: what tells this machine from a copy of its disk; '' when nothing does. */
  constructor(options: { stateDir: string; clock: Clock; log: Log; machine?: string }) {
    this.#tls = join(options.stateDir, 'tls');
    this.#file = new DurableFile(join(options.stateDir, 'identity.json'), Identity);
    this.#clock = options.clock;
    this.#log = options.log;
    this.#machine = options.machine ?? '';
  }

  /** Null until enrolled. */
  get current(): Identity | null {
    return this.#identity;
  }

  get credentials(): Credentials | null {
    if (this.#identity === null || this.#key === null) return null;
    const { hostId, fleetId, certificate, trustedCas } = this.#identity;
    return { hostId, fleetId, key: this.#key, cert: certificate, ca: trustedCas };
  }

  /** What cannot be believed counts as absent, with a line in the log: the console then enrols anew. */
  async load(): Promise<void> {
    const stored = await this.#file.read();
    if (!stored.ok) return this.#log('warn', stored.problem.message);
    if (stored.value === null) return;
    if (isCopy(stored.value.machine, this.#machine)) {
      return this.#log(
        'warn',
        `this disk is a copy of that of ${stored.value.name}: two hosts must not vote as one. Add this host in the console under its own name; nothing protected is started here until then.`,
      );
    }
    const key = await this.#readKey();
    if (key === null)
      return this.#log('warn', `no usable key in ${this.#tls}; this host must be enrolled anew`);
    await this.#writePublicFiles(stored.value);
    this.#adopt(stored.value, key);
  }

  /** PEM request for a certificate, with the host's key, which is made when there is none. */
  async certificateRequest(hostId: string, fleetId: string): Promise<string> {
    const key = (await this.#readKey()) ?? (await this.#makeKey());
    return certificateRequest(key, hostId, fleetId);
  }

  /** Takes an identity on, durably; refuses one that other members would not believe. */
  async enrol(
    identity: Omit<Identity, 'machine' | 'site'> & { site?: string | undefined },
  ): Promise<Result<void>> {
    const key = await this.#readKey();
    if (key === null) return fail(NO_KEY);
    const check = checkEnrolment(identity, key, this.#clock.now());
    if (!check.ok) return check;
    const site = identity.site ?? this.#identity?.site ?? '';
    const bound = { ...identity, site, machine: this.#machine };
    await this.#file.write(bound);
    await this.#writePublicFiles(bound);
    this.#adopt(bound, key);
    return ok(undefined);
  }

  /** Called differently from now on, durably. */
  async label(label: { name: string; site: string }): Promise<Result<void>> {
    const identity = this.#identity;
    if (identity === null) return fail(NOT_ENROLLED);
    const { name, site } = label;
    const next = { ...identity, name, site };
    await this.#file.write(next);
    this.#identity = next;
    return ok(undefined);
  }

  /** Believes these CAs of its fleet too, durably; returns those that were new. The certificate stays. */
  async trust(cas: readonly string[]): Promise<Result<string[]>> {
    const identity = this.#identity;
    const key = await this.#readKey();
    if (identity === null || key === null) return fail(NOT_ENROLLED);
    const held = new Set(identity.trustedCas.map(fingerprintOf));
    const fresh = cas.filter((pem) => !held.has(fingerprintOf(pem)));
    if (fresh.length === 0) return ok([]);
    const checked = checkAuthorities(fresh, identity.fleetId, this.#clock.now());
    if (!checked.ok) return checked;
    const next = { ...identity, trustedCas: [...identity.trustedCas, ...fresh] };
    await this.#file.write(next);
    await this.#writePublicFiles(next);
    this.#adopt(next, key);
    return ok(fresh);
  }

  #adopt(identity: Identity, key: KeyObject): void {
    this.#identity = identity;
    this.#key = exportKey(key);
  }

  async #readKey(): Promise<KeyObject | null> {
    try {
      return createPrivateKey(await readFile(join(this.#tls, 'host.key')));
    } catch {
      return null;
    }
  }

  async #makeKey(): Promise<KeyObject> {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    await this.#replace('host.key', exportKey(privateKey), 0o600);
    return privateKey;
  }

  async #writePublicFiles(identity: Identity): Promise<void> {
    await this.#replace('host.crt', identity.certificate, 0o644);
    await this.#replace('ca.crt', identity.trustedCas.map((ca) => `${ca.trim()}\n`).join(''), 0o644);
    // Windows lets nobody make links, and no QEMU of ours runs there: practice agents only.
    if (process.platform !== 'win32') await this.#linkForQemu();
  }

  /** Old or new after a crash, never half (rename(2)). */
  async #replace(name: string, text: string, mode: number): Promise<void> {
    await mkdir(this.#tls, { recursive: true, mode: 0o700 });
    const path = join(this.#tls, name);
    await rm(`${path}.new`, { force: true });
    const handle = await open(`${path}.new`, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(`${path}.new`, mode);
    await rename(`${path}.new`, path);
  }

  async #linkForQemu(): Promise<void> {
    const directory = join(this.#tls, 'qemu');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const [name, target] of Object.entries(QEMU_LINKS)) {
      const path = join(directory, name);
      const there = await lstat(path).catch(() => null);
      if (there === null) await symlink(target, path);
    }
  }
}

/** Known of both, and not the same. */
const isCopy = (enrolled: string, machine: string): boolean =>
  enrolled !== '' && machine !== '' && enrolled !== machine;

const exportKey = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

const NOT_ENROLLED = {
  kind: 'not-enrolled',
  message: 'This host belongs to no fleet yet.',
  next: 'Add the host in the console.',
};

const NO_KEY = {
  kind: 'no-host-key',
  message: 'This host has no key to which a certificate could belong.',
  next: 'Add the host again: a certificate request is asked for first, which makes the key.',
};
