import type { ProtectedFleet } from '../protected-fleet.ts';
import { must, waitFor } from '../run.ts';

/**
 * What QEMU gives by itself, to be compared with: its mirror straight to a storage daemon on the other host, with
 * QEMU's own mutual TLS, synchronous and write-through as our mirrors are. Nothing holds a write when the other host is lost.
 */
const PORT = 10_909;
const TLS = '/var/lib/understudy/tls/qemu';
const FOLDER = '/var/lib/libvirt/images/bare-mirror';
const PID = '/run/bare-mirror.pid';
const DISKS = ['vda', 'vdb'];
const MINUTE = 60_000;

interface Job {
  device: string;
  ready: boolean;
}

export class BareMirror {
  readonly #fleet: ProtectedFleet;
  readonly #machine: string;
  readonly #from: string;
  readonly #to: string;

  constructor(fleet: ProtectedFleet, machine: string, from: string, to: string) {
    this.#fleet = fleet;
    this.#machine = machine;
    this.#from = from;
    this.#to = to;
  }

  /** Resolves once both disks are mirrored. */
  async start(): Promise<void> {
    await this.#offer();
    await this.#ask('object-add', {
      'qom-type': 'tls-creds-x509',
      id: 'bare-tls',
      dir: TLS,
      endpoint: 'client',
      'verify-peer': true,
    });
    const blocks = (await this.#ask('query-block')) as { qdev: string; inserted?: { 'node-name': string } }[];
    for (const [index, target] of DISKS.entries()) {
      const device = blocks.find(({ qdev }) => qdev?.includes(`virtio-disk${index}`))?.inserted?.[
        'node-name'
      ];
      if (!device) throw new Error(`QEMU shows no node for ${target}`);
      await this.#ask('blockdev-add', {
        driver: 'nbd',
        'node-name': `bare-${target}`,
        server: { type: 'inet', host: this.#fleet.lab.host(this.#to).address, port: String(PORT) },
        export: target,
        'tls-creds': 'bare-tls',
        'tls-hostname': this.#fleet.idOf(this.#to),
        discard: 'unmap',
      });
      await this.#ask('blockdev-mirror', {
        'job-id': `bare-job-${target}`,
        device,
        target: `bare-${target}`,
        sync: 'full',
        'copy-mode': 'write-blocking',
        'on-target-error': 'report',
      });
    }
    await waitFor('a bare mirror', 2 * MINUTE, async () => {
      const jobs = await this.#jobs();
      return jobs.length === DISKS.length && jobs.every(({ ready }) => ready);
    });
  }

  async end(): Promise<void> {
    for (const { device } of await this.#jobs()) await this.#ask('block-job-cancel', { device });
    await waitFor('a bare mirror to end', MINUTE, async () => (await this.#jobs()).length === 0);
    for (const target of DISKS) await this.#ask('blockdev-del', { 'node-name': `bare-${target}` });
    await this.#ask('object-del', { id: 'bare-tls' });
    await this.#run(this.#to, `kill $(cat ${PID}); rm -rf ${FOLDER}`);
  }

  /** The other host's side: empty images as large as the disks. */
  async #offer(): Promise<void> {
    const args = ['--object', `tls-creds-x509,id=t0,dir=${TLS},endpoint=server,verify-peer=on`];
    args.push('--nbd-server', `addr.type=inet,addr.host=0.0.0.0,addr.port=${PORT},tls-creds=t0`);
    for (const target of DISKS) {
      const image = `${FOLDER}/${target}.qcow2`;
      args.push('--blockdev', `driver=file,node-name=f-${target},filename=${image},cache.direct=on`);
      args.push('--blockdev', `driver=qcow2,node-name=r-${target},file=f-${target},discard=unmap`);
      const flags = 'writable=on,writethrough=on';
      args.push('--export', `type=nbd,id=e-${target},node-name=r-${target},name=${target},${flags}`);
    }
    const images = DISKS.map((target) => `qemu-img create -q -f qcow2 ${FOLDER}/${target}.qcow2 512M`);
    const made = ['mkdir -p', FOLDER, '&&', images.join(' && ')].join(' ');
    await this.#run(
      this.#to,
      `${made} && qemu-storage-daemon --daemonize --pidfile ${PID} ${args.join(' ')}`,
    );
  }

  async #jobs(): Promise<Job[]> {
    const jobs = (await this.#ask('query-block-jobs')) as Job[];
    return jobs.filter(({ device }) => device.startsWith('bare-job-'));
  }

  async #ask(execute: string, args?: Record<string, unknown>): Promise<unknown> {
    const command = JSON.stringify({ execute, ...(args ? { arguments: args } : {}) });
    const argv = ['virsh', '-q', 'qemu-monitor-command', this.#machine, command];
    const { code, stdout, stderr } = await this.#fleet.lab.exec(this.#from, argv);
    const answer = JSON.parse(stdout || '{}') as { return?: unknown; error?: unknown };
    if (code !== 0 || answer.error) throw new Error(`${execute}: ${stderr}${JSON.stringify(answer.error)}`);
    return answer.return;
  }

  async #run(host: string, script: string): Promise<void> {
    await must(this.#fleet.lab.sshCommand(host, ['--', script]));
  }
}
