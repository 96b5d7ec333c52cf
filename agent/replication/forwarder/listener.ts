import { chmod, chown, rm, stat } from 'node:fs/promises';
import net from 'node:net';
import { dirname } from 'node:path';

/**
 * Listens on a unix socket beside QEMU's own monitor socket, open to the directory's owner only: that is the
 * user QEMU runs as. (libvirt makes one such directory per running guest, and AppArmor and the mount namespace
 * let QEMU reach it: libvirt's virt-aa-helper writes `.../qemu/domain-ID-NAME/* rw`.)
 * Connections are handed over paused.
 */
export async function listenUnix(
  path: string,
  onConnection: (socket: net.Socket) => void,
): Promise<net.Server> {
  await rm(path, { force: true });
  const server = net.createServer({ pauseOnConnect: true }, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const owner = await stat(dirname(path));
  await chmod(path, 0o600);
  await chown(path, owner.uid, owner.gid);
  return server;
}
