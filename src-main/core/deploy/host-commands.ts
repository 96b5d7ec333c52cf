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

export * from './look-commands.ts';

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
