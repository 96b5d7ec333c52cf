import { domainText, type GuestDraft, type ParsedDomain, readDomain } from './domain-text.ts';
import type { SimulatedHost } from './host.ts';
import type { SimulatedGuest } from './types.ts';

/** What an admin does to a simulated machine or its images with another tool: no agent is asked. */
export class BehindTheBack {
  readonly #host: SimulatedHost;
  readonly #uuid: string;

  constructor(host: SimulatedHost, uuid: string) {
    this.#host = host;
    this.#uuid = uuid;
  }

  /** A new, empty disk for the running machine. */
  attachDisk(target: string, path: string, sizeBytes: number): void {
    const { world, images } = this.#host;
    const version = world.acknowledgedBy(this.#uuid);
    images.set(path, { path, sizeBytes, allocatedBytes: 0, version, complete: true });
    this.#edit((draft) => draft.disks.push({ target, path, sizeBytes }));
  }

  detachDisk(target: string): void {
    this.#edit((draft) => {
      draft.disks = draft.disks.filter((disk) => disk.target !== target);
    });
  }

  resizeDisk(target: string, sizeBytes: number): void {
    const image = this.#image(target);
    image.sizeBytes = sizeBytes;
    this.#host.tell({ kind: 'defined', uuid: this.#uuid });
  }

  /** An external snapshot: the machine writes to a new image on top of the one it had. */
  snapshot(target: string, path: string): void {
    const before = this.#image(target);
    this.#host.images.set(path, { ...before, path });
    this.#edit((draft) => {
      for (const disk of draft.disks) if (disk.target === target) disk.path = path;
    });
  }

  rename(name: string): void {
    this.#edit((draft) => {
      draft.name = name;
    });
  }

  setMemory(memoryBytes: number): void {
    this.#edit((draft) => {
      draft.memoryBytes = memoryBytes;
    });
  }

  /** Onto another bridge. */
  plugInto(bridge: string): void {
    this.#edit((draft) => {
      draft.bridge = bridge;
    });
  }

  /** The mirror's job is cancelled in the machine's monitor. */
  cancelMirror(): void {
    this.#guest.tap?.cancelled();
  }

  /** Live, to a host that is none of ours. */
  migrateAway(): void {
    this.#host.endGuest(this.#guest, 'migrated');
  }

  #edit(change: (draft: GuestDraft) => unknown): void {
    const { domain } = this.#guest;
    const draft = draftOf(this.#host, domain);
    change(draft);
    const edited = readDomain(domainText(draft));
    if (!edited) throw new Error(`no definition can be made of ${draft.name}`);
    this.#host.define(edited);
    this.#host.tell({ kind: 'defined', uuid: this.#uuid });
  }

  #image(target: string) {
    const path = this.#guest.domain.disks.find((disk) => disk.target === target)?.path ?? '';
    const image = this.#host.images.get(path);
    if (!image) throw new Error(`${this.#host.name} has no image of ${target}`);
    return image;
  }

  get #guest(): SimulatedGuest {
    const guest = this.#host.guest(this.#uuid);
    if (!guest) throw new Error(`${this.#host.name} has no such machine`);
    return guest;
  }
}

/** Somebody writes to an image with a tool of his own. */
export function tamper(host: SimulatedHost, path: string): void {
  const image = host.images.get(path);
  if (!image) throw new Error(`${host.name} has no image ${path}`);
  image.tampered = (image.tampered ?? 0) + 1;
  image.damagedBytes = (image.damagedBytes ?? 0) + 65_536;
}

/** Another file is put in the place of an image; a storage daemon that has the old one open does not notice. */
export function replaceImage(host: SimulatedHost, path: string): void {
  const image = host.images.get(path);
  if (!image) throw new Error(`${host.name} has no image ${path}`);
  host.images.set(path, { ...image, serial: (image.serial ?? 0) + 1, damagedBytes: image.sizeBytes });
}

function draftOf(host: SimulatedHost, domain: ParsedDomain): GuestDraft {
  const { uuid, name, vcpus, memoryBytes, nature, nics, disks } = domain;
  return {
    uuid,
    name,
    vcpus,
    memoryBytes,
    nature,
    bridge: nics[0]?.source ?? '',
    disks: disks.map(({ target, path }) => ({
      target,
      path,
      sizeBytes: host.images.get(path)?.sizeBytes ?? 0,
    })),
  };
}
