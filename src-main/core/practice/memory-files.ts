/** A file of a practice host. */
export interface MemoryFile {
  mode: number;
  content: Buffer;
}

/** The file system of a practice host, as far as the deployment looks at it; lasts as long as the practice. */
export class MemoryFiles {
  private readonly files = new Map<string, MemoryFile>();
  private readonly folders = new Set<string>(['/', '/tmp', '/root', '/etc', '/opt', '/run', '/var/lib']);

  get(path: string): MemoryFile | undefined {
    return this.files.get(path);
  }

  list(): [path: string, file: MemoryFile][] {
    return [...this.files];
  }

  isFolder(path: string): boolean {
    return this.folders.has(path);
  }

  makeFolder(path: string): void {
    for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1))
      this.folders.add(path.slice(0, end));
    this.folders.add(path);
  }

  put(path: string, file: MemoryFile): void {
    this.files.set(path, file);
  }

  /** False when there is no such file. */
  rename(from: string, to: string): boolean {
    const file = this.files.get(from);
    if (!file) return false;
    this.files.delete(from);
    this.files.set(to, file);
    return true;
  }

  remove(path: string): boolean {
    return this.files.delete(path);
  }

  removeTree(path: string): void {
    for (const file of [...this.files.keys()]) if (file.startsWith(`${path}/`)) this.files.delete(file);
    for (const folder of [...this.folders])
      if (folder === path || folder.startsWith(`${path}/`)) this.folders.delete(folder);
  }
}

/** Collects writes at any offset; grows by doubling, as uploads come in order. */
export class Writer {
  private buffer: Buffer = Buffer.alloc(64 * 1024);
  private length = 0;

  write(offset: number, data: Buffer): void {
    const end = offset + data.length;
    if (end > this.buffer.length) {
      const grown = Buffer.alloc(Math.max(end, this.buffer.length * 2));
      this.buffer.copy(grown, 0, 0, this.length);
      this.buffer = grown;
    }
    data.copy(this.buffer, offset);
    this.length = Math.max(this.length, end);
  }

  content(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }
}
