import { dirname } from 'node:path/posix';
import { hostCommand, quote } from './host-command.ts';
import {
  AGENT_UNIT,
  FOLDER,
  GROUP,
  GUARD,
  GUARD_UNIT,
  HOOK,
  HOOK_FOLDER,
  RUN_FOLDER,
  SOCKET,
  STAGING,
  STATE_FOLDER,
  UNIT_FOLDER,
} from './places.ts';

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
  /** `role`: what it was enrolled as; '' when it never was. */
  agent: { version: string; certificate: string; role: string } | null;
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
            },
      ports: peer === null || replication === null ? null : { peer, replication },
    };
  },
);

/** Starts libvirt's daemon, now and at every boot: the monolithic one where it is installed, else the modular. */
export const startLibvirt = hostCommand(
  'start-libvirt',
  () => `if [ -x /usr/sbin/libvirtd ]; then
  systemctl enable --now libvirtd.service
else
  systemctl enable --now virtqemud.socket virtqemud.service virtnetworkd.socket virtstoraged.socket
fi
`,
  () => undefined,
);

/** Group, folders, and an empty staging folder into which the log-in may upload. */
export const prepare = hostCommand(
  'prepare',
  ({ user }: { user: string }) => `getent group ${GROUP} >/dev/null || groupadd --system ${GROUP}
user=${quote(user)}
if [ "$user" != root ] && ! id -nG "$user" | tr ' ' '\\n' | grep -qx ${GROUP}; then
  usermod -aG ${GROUP} "$user"
  say joined yes
fi
mkdir -p ${FOLDER}
chmod 755 ${FOLDER}
rm -rf ${STAGING}
mkdir -m 700 ${STAGING}
chown "$user" ${STAGING}
for path in ${FOLDER}/agent.cjs ${FOLDER}/agent.cjs.LEGAL.txt ${GUARD} ${HOOK} ${UNIT_FOLDER}/understudy-*.service; do
  if [ -f "$path" ]; then say present "$(sha256sum "$path" | cut -d ' ' -f 1) $path"; fi
done
if [ -x ${FOLDER}/node ] && ${FOLDER}/node -p 0 >/dev/null 2>&1; then
  say runtime "$(cat ${FOLDER}/RUNTIME 2>/dev/null || true)"
fi
`,
  (answers) => ({
    /** The log-in has just been put into the group: that counts from the next log-in on. */
    joined: answers.one('joined') === 'yes',
    /** SHA-256 by path, of what lies there already. */
    present: new Map(
      answers.all('present').map((line) => {
        const space = line.indexOf(' ');
        return [line.slice(space + 1), line.slice(0, space)] as const;
      }),
    ),
    /** What the installed runtime was made from; '' when none works. */
    runtime: answers.one('runtime'),
  }),
);

export interface StagedFile {
  /** Name in the staging folder. */
  name: string;
  sha256: string;
  to: string;
  mode: string;
  /** Unpacked with gzip on the way. */
  packed: boolean;
}

/** Checks what was uploaded and renames it into place. Nothing is replaced unless all of it arrived whole. */
export const place = hostCommand(
  'place',
  ({ files, runtime, hostNode }: { files: StagedFile[]; runtime: string; hostNode: string }) => {
    const check = files.map((file) => `${file.sha256}  ${file.name}`).join('\n');
    const unpack = files
      .filter((file) => file.packed)
      .map((file) => `gzip -dc ${quote(file.name)} > ${quote(`${file.name}.new`)}`);
    const folders = [...new Set(files.map((file) => quote(dirname(file.to))))];
    const move = files.map((file) => {
      const from = file.packed ? `${file.name}.new` : file.name;
      return `chmod ${file.mode} ${quote(from)}; mv -fT ${quote(from)} ${quote(file.to)}`;
    });
    return `cd ${STAGING}
${files.length === 0 ? '' : `chown root:root . ./*\nsha256sum --quiet -c - <<'SUMS'\n${check}\nSUMS`}
${unpack.join('\n')}
${files.some((file) => file.packed) ? 'chown root:root ./*.new' : ''}
sync -f . 2>/dev/null || sync
${hostNode === '' ? '' : `ln -sfn ${quote(hostNode)} node.link; mv -fT node.link ${FOLDER}/node`}
${folders.length === 0 ? '' : `mkdir -p ${folders.join(' ')}`}
${move.join('\n')}
printf '%s\\n' ${quote(runtime)} > RUNTIME.new; mv -fT RUNTIME.new ${FOLDER}/RUNTIME
cd /; rm -rf ${STAGING}
sync -f ${FOLDER} 2>/dev/null || sync
`;
  },
  () => undefined,
);

/** libvirt looks for hooks when it starts and when it is told to reload: guests, and who talks to it, notice nothing. */
const RELOAD_LIBVIRT = `for unit in libvirtd.service virtqemud.service; do
  if [ "$(systemctl is-active "$unit" 2>/dev/null || true)" = active ]; then systemctl reload "$unit" || true; fi
done`;

export interface StartOrder {
  version: string;
  /** Of the agent: it, or what runs it, was replaced. */
  restart: boolean;
  /** The guard was replaced. It keeps what it knows over that, and machines run on. */
  restartGuard: boolean;
  /** The hook was put there or replaced. */
  tellLibvirt: boolean;
}

/**
 * Starts the units that want to run by themselves; the agent anew, so that it is the one just installed. A guard that
 * does not start keeps nobody from working: the agent says so, and nothing is armed.
 */
export const start = hostCommand(
  'start',
  ({ version, restart, restartGuard, tellLibvirt }: StartOrder) => `systemctl daemon-reload
for path in ${UNIT_FOLDER}/understudy-*.service; do
  if grep -q '^\\[Install\\]' "$path"; then systemctl enable --quiet "\${path##*/}"; fi
done
for path in ${UNIT_FOLDER}/understudy-*.service; do
  if [ "\${path##*/}" != ${AGENT_UNIT} ] && grep -q '^\\[Install\\]' "$path"; then
    systemctl start "\${path##*/}" || true
  fi
done
${restartGuard ? `systemctl restart ${GUARD_UNIT} || true` : ''}
${tellLibvirt ? RELOAD_LIBVIRT : ''}
systemctl ${restart ? 'restart' : 'start'} ${AGENT_UNIT}
tries=0
until [ -S ${SOCKET} ]; do
  tries=$((tries + 1))
  if [ $tries -gt 100 ] || systemctl is-failed --quiet ${AGENT_UNIT}; then
    journalctl -u ${AGENT_UNIT} -n 5 -o cat --no-pager >&2 || true
    exit 1
  fi
  sleep 0.2
done
printf '%s\\n' ${quote(version)} > ${FOLDER}/VERSION.new
mv -fT ${FOLDER}/VERSION.new ${FOLDER}/VERSION
`,
  () => undefined,
);

/** Kibibytes free where the agent lies: after a failed upload, tells a full disk from anything else. */
export const freeSpace = hostCommand(
  'free-space',
  () => `say free "$(df -Pk ${FOLDER} | awk 'NR == 2 { print $4 }')"\n`,
  (answers) => ({ freeKib: answers.number('free') }),
);

/**
 * Takes everything away that the deployment brought; `keepHistory` leaves the agent's audit log, and nothing else. Not
 * while a machine is protected: without guard and hook a second copy of it could run.
 */
export const remove = hostCommand(
  'remove',
  ({
    keepHistory,
  }: {
    keepHistory: boolean;
  }) => `if [ -x ${GUARD} ] && grep -q '^[0-9a-f]' ${STATE_FOLDER}/guard/protected 2>/dev/null; then
  echo 'machines are still protected there; end their protection first' >&2
  exit 1
fi
for path in ${UNIT_FOLDER}/understudy-*.service; do
  if [ -f "$path" ]; then systemctl disable --now "\${path##*/}" 2>/dev/null || systemctl stop "\${path##*/}" || true; fi
done
rm -f ${UNIT_FOLDER}/understudy-*.service
if [ -f ${HOOK} ]; then
  rm -f ${HOOK}
  rmdir ${HOOK_FOLDER} 2>/dev/null || true
  ${RELOAD_LIBVIRT}
fi
systemctl daemon-reload
systemctl reset-failed 'understudy-*' 2>/dev/null || true
rm -rf ${FOLDER} ${RUN_FOLDER}${keepHistory ? '' : ` ${STATE_FOLDER}`}
${keepHistory ? `find ${STATE_FOLDER} -mindepth 1 ! -name 'audit.log*' -delete` : ''}
if getent group ${GROUP} >/dev/null; then groupdel ${GROUP}; fi
`,
  () => undefined,
);
