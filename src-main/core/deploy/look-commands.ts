import { hostCommand } from './host-command.ts';
import { FOLDER, STATE_FOLDER } from './places.ts';

/** Who the log-in is; asks for no rights. */
export const look = hostCommand(
  'look',
  () => `say uid "$(id -u)"
say user "$(id -un)"
say connection "\${SSH_CONNECTION:-}"
`,
  (answers) => ({
    uid: answers.number('uid'),
    user: answers.one('user'),
    /** The host's own address in this connection (SSH_CONNECTION: client, port, server, port). */
    serverAddress: answers.one('connection').split(' ')[2] ?? '',
  }),
);

/** Is root to be had? Fails where not; see ssh/run.ts. */
export const becomeRoot = hostCommand(
  'become-root',
  () => 'say uid "$(id -u)"\n',
  (answers) => ({ uid: answers.number('uid') }),
);

export interface HostFindings {
  system: string;
  machine: string;
  hostname: string;
  os: { id: string; like: string; version: string; name: string };
  machineId: string;
  systemd: boolean;
  /** Wall clock of the host, ms. */
  clockMs: number | null;
  /** Kibibytes free where the agent will lie; null when unknown. */
  freeKib: number | null;
  /** The host's own Node.js, '' when there is none. */
  node: { path: string; version: string };
  libvirt: { installed: boolean; running: boolean; version: string; qemu: string; vmCount: number | null };
  /** `role` and `name`: what it was enrolled as; '' when it never was. */
  agent: { version: string; certificate: string; role: string; name: string } | null;
  /** Practice hosts share one address, so their agents have ports of their own. */
  ports: { peer: number; replication: number } | null;
}

/** Looks around; changes nothing. Better as root, but does what it can without. */
export const inspect = hostCommand(
  'inspect',
  () => `say system "$(uname -s)"
say machine "$(uname -m)"
say hostname "$(uname -n)"
say clock "$(date +%s)"
say machine-id "$(cat /etc/machine-id 2>/dev/null || true)"
if [ -r /etc/os-release ]; then
  . /etc/os-release
  say os.id "\${ID:-}"; say os.like "\${ID_LIKE:-}"; say os.version "\${VERSION_ID:-}"; say os.name "\${PRETTY_NAME:-}"
fi
if [ -d /run/systemd/system ]; then say systemd yes; fi
place=/opt; [ -d /opt ] || place=/
say free "$(df -Pk "$place" | awk 'NR == 2 { print $4 }')"
if has node; then
  say node.path "$(command -v node)"
  say node.version "$(node -p process.versions.node 2>/dev/null || true)"
fi
if [ -x /usr/sbin/libvirtd ] || [ -x /usr/sbin/virtqemud ]; then say libvirt yes; fi
for unit in libvirtd.service libvirtd.socket virtqemud.service virtqemud.socket; do
  if [ "$(systemctl is-active "$unit" 2>/dev/null || true)" = active ]; then say libvirt.active "$unit"; fi
done
if has virsh; then
  virsh() { timeout 10 virsh -c qemu:///system "$@" 2>/dev/null </dev/null || true; }
  virsh version --daemon | sed -n 's/^Running against daemon: /libvirt.version=/p; s/^Running hypervisor: /libvirt.qemu=/p'
  if [ -n "$(virsh uri)" ]; then say vm-count "$(virsh list --all --name | grep -c . || true)"; fi
fi
if [ -r ${FOLDER}/VERSION ]; then
  say agent.version "$(cat ${FOLDER}/VERSION)"
  say agent.role "$(sed -n 's/.*"role":"\\([a-z]*\\)".*/\\1/p' ${STATE_FOLDER}/identity.json 2>/dev/null || true)"
  say agent.name "$(sed -n 's/.*"name":"\\([^"\\\\]*\\)".*/\\1/p' ${STATE_FOLDER}/identity.json 2>/dev/null || true)"
  if [ -r ${STATE_FOLDER}/tls/host.crt ]; then say agent.certificate "$(base64 -w 0 ${STATE_FOLDER}/tls/host.crt)"; fi
fi
`,
  (answers): HostFindings => {
    const peer = answers.number('port.peer');
    const replication = answers.number('port.replication');
    return {
      system: answers.one('system'),
      machine: answers.one('machine'),
      hostname: answers.one('hostname'),
      os: {
        id: answers.one('os.id'),
        like: answers.one('os.like'),
        version: answers.one('os.version'),
        name: answers.one('os.name'),
      },
      machineId: answers.one('machine-id'),
      systemd: answers.one('systemd') === 'yes',
      clockMs: (answers.number('clock') ?? Number.NaN) * 1000 || null,
      freeKib: answers.number('free'),
      node: { path: answers.one('node.path'), version: answers.one('node.version') },
      libvirt: {
        installed: answers.one('libvirt') === 'yes',
        running: answers.all('libvirt.active').length > 0,
        version: answers.one('libvirt.version'),
        qemu: answers.one('libvirt.qemu'),
        vmCount: answers.number('vm-count'),
      },
      agent:
        answers.one('agent.version') === ''
          ? null
          : {
              version: answers.one('agent.version'),
              certificate: Buffer.from(answers.one('agent.certificate'), 'base64').toString(),
              role: answers.one('agent.role'),
              name: answers.one('agent.name'),
            },
      ports: peer === null || replication === null ? null : { peer, replication },
    };
  },
);

/** Kibibytes free where the agent lies: after a failed upload, tells a full disk from anything else. */
export const freeSpace = hostCommand(
  'free-space',
  () => `say free "$(df -Pk ${FOLDER} | awk 'NR == 2 { print $4 }')"\n`,
  (answers) => ({ freeKib: answers.number('free') }),
);
