import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from '../journal/durable-file.ts';
import { formatPermission, type Permission } from '../lease/deadline-file.ts';
import { parseList, protectedList } from './lists.ts';

const LIST = '.protected';

/** A list of machines as it was found: none there, or one that cannot be believed. */
export type FoundList = string[] | 'none' | 'damaged';

/**
 * The files between agent and guard (FORMAT.md). Those on tmpfs are written synchronously: it takes microseconds, and
 * what was asked for first is in force first.
 */
export class GuardFiles {
  readonly #folder: string;
  readonly #alive: string;
  readonly #durable: string;
  /** Which guard.alive was read last. */
  #seen = '';

  constructor(runDir: string, stateDir: string) {
    this.#folder = join(runDir, 'guard');
    this.#alive = join(runDir, 'guard.alive');
    this.#durable = join(stateDir, 'guard', 'protected');
  }

  /** The folder is the guard's own; it may not have been started yet. */
  prepare(): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  permit(uuid: string, permission: Permission): void {
    this.#replace(uuid, formatPermission(permission));
  }

  withdraw(uuid: string): void {
    rmSync(join(this.#folder, uuid), { force: true });
  }

  /** Until that boot-time instant the `qemu` hook lets libvirt start the machine. */
  permitStart(uuid: string, untilMs: number): void {
    this.#replace(`.start-${uuid}`, `${Math.floor(untilMs)}\n`);
  }

  withdrawStart(uuid: string): void {
    rmSync(join(this.#folder, `.start-${uuid}`), { force: true });
  }

  writeList(uuids: Iterable<string>): void {
    this.#replace(LIST, protectedList(uuids));
  }

  readList(): FoundList {
    try {
      return parseList(readFileSync(join(this.#folder, LIST), 'utf8')) ?? 'damaged';
    } catch (error) {
      return isAbsent(error) ? 'none' : 'damaged';
    }
  }

  saveList(uuids: Iterable<string>): Promise<void> {
    return replaceDurably(this.#durable, protectedList(uuids));
  }

  async loadList(): Promise<FoundList> {
    try {
      return parseList(await readFile(this.#durable, 'utf8')) ?? 'damaged';
    } catch (error) {
      return isAbsent(error) ? 'none' : 'damaged';
    }
  }

  /** What the guard wrote last; null when that has been read before, or nothing is there. */
  readAliveIfNew(): string | null {
    const facts = statSync(this.#alive, { throwIfNoEntry: false });
    const seen = facts === undefined ? '' : `${facts.ino} ${facts.mtimeMs}`;
    if (facts === undefined || seen === this.#seen) return null;
    const text = readFileSync(this.#alive, 'utf8');
    this.#seen = seen;
    return text;
  }

  #replace(name: string, text: string): void {
    const beside = join(this.#folder, name.startsWith('.') ? `${name}.tmp` : `.${name}.tmp`);
    writeFileSync(beside, text, { mode: 0o600 });
    renameSync(beside, join(this.#folder, name));
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
