import ssh2, { type Attributes, type SFTPWrapper } from 'ssh2';
import { type MemoryFiles, Writer } from './memory-files.ts';

const { OPEN_MODE, STATUS_CODE } = ssh2.utils.sftp;
/** File type bits of st_mode (POSIX sys/stat.h). */
const REGULAR = 0o100000;
const FOLDER = 0o040000;

interface OpenFile {
  path: string;
  mode: number;
  writer: Writer;
}

/** Serves the SFTP requests of an upload (draft-ietf-secsh-filexfer-02) from memory; refuses all others. */
export function serveSftp(sftp: SFTPWrapper, files: MemoryFiles): void {
  const open = new Map<number, OpenFile>();
  let nextHandle = 1;
  const handleOf = (buffer: Buffer): OpenFile | undefined =>
    buffer.length === 4 ? open.get(buffer.readUInt32BE(0)) : undefined;
  const answer = (id: number, good: boolean): void =>
    sftp.status(id, good ? STATUS_CODE.OK : STATUS_CODE.NO_SUCH_FILE);
  const stat = (id: number, path: string): void => {
    const attributes = attributesOf(files, path);
    if (attributes) sftp.attrs(id, attributes);
    else sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
  };

  sftp.on('OPEN', (id, path, flags, attributes) => {
    if (!(flags & OPEN_MODE.WRITE)) return sftp.status(id, STATUS_CODE.PERMISSION_DENIED);
    if (!files.isFolder(parentOf(path))) return sftp.status(id, STATUS_CODE.NO_SUCH_FILE);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(nextHandle);
    open.set(nextHandle++, { path, mode: attributes.mode ?? 0o644, writer: new Writer() });
    sftp.handle(id, handle);
  });
  sftp.on('WRITE', (id, handle, offset, data) => {
    handleOf(handle)?.writer.write(offset, data);
    answer(id, handleOf(handle) !== undefined);
  });
  sftp.on('FSETSTAT', (id, handle, attributes) => {
    const file = handleOf(handle);
    if (file && attributes.mode !== undefined) file.mode = attributes.mode;
    answer(id, file !== undefined);
  });
  sftp.on('FSTAT', (id, handle) => {
    const file = handleOf(handle);
    if (file) sftp.attrs(id, fileAttributes(file.mode, file.writer.content().length));
    else sftp.status(id, STATUS_CODE.FAILURE);
  });
  sftp.on('CLOSE', (id, handle) => {
    const file = handleOf(handle);
    if (file) {
      files.put(file.path, { mode: file.mode & 0o7777, content: file.writer.content() });
      open.delete(handle.readUInt32BE(0));
    }
    answer(id, file !== undefined);
  });
  sftp.on('SETSTAT', (id, path, attributes) => {
    const file = files.get(path);
    if (file && attributes.mode !== undefined) file.mode = attributes.mode & 0o7777;
    answer(id, file !== undefined || files.isFolder(path));
  });
  sftp.on('STAT', stat);
  sftp.on('LSTAT', stat);
  sftp.on('MKDIR', (id, path) => {
    files.makeFolder(path);
    answer(id, true);
  });
  sftp.on('RENAME', (id, from, to) => answer(id, files.rename(from, to)));
  sftp.on('REMOVE', (id, path) => answer(id, files.remove(path)));
  sftp.on('REALPATH', (id, path) => {
    const real = path === '.' ? '/root' : path;
    sftp.name(id, [{ filename: real, longname: real, attrs: fileAttributes(0o755, 0) }]);
  });
}

function attributesOf(files: MemoryFiles, path: string): Attributes | null {
  if (files.isFolder(path)) return { ...fileAttributes(0o755, 4096), mode: FOLDER | 0o755 };
  const file = files.get(path);
  return file ? fileAttributes(file.mode, file.content.length) : null;
}

const fileAttributes = (mode: number, size: number): Attributes => ({
  mode: REGULAR | (mode & 0o7777),
  uid: 0,
  gid: 0,
  size,
  atime: 0,
  mtime: 0,
});

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
