import { errno, FilesystemError } from '../../server/ext4/errors.js';
import { AllocateMode } from '../../server/ext4/file-changes.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { Name } from '../../server/ext4/namespace/name.js';
import { RenameFlags } from '../../server/ext4/namespace/namespace.js';
import { inodeNumber, ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import type { Random } from '../support/random.js';
import { fileDifference } from './compare.js';
import { isWithin, modelDirectory, modelFile, type ModelDirectory, type ModelFile, type ModelNode } from './model.js';

export interface Appetite {
  /** Different names in a directory. */
  readonly names: number;
  readonly directories: number;
  readonly fileSize: number;
  readonly writeSize: number;
  /** Commits per thousand operations. */
  readonly commits: number;
}

export const DEFAULT_APPETITE: Appetite = { names: 40, directories: 12, fileSize: 1 << 20, writeSize: 64 << 10, commits: 20 };

/** What the device itself holds nowhere, so that no file may ever show it: see `poison`. */
export const POISON = 0xee;

/** An operation ended in another way than the model says. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

type Step = readonly [weight: number, step: () => void];

const nameOf = (text: string): Name => {
  const bytes = Buffer.from(text);
  return { bytes, offset: 0, length: bytes.length };
};

/**
 * Does random operations on a filesystem and on a model in memory. Each must succeed where the model
 * says so, else fail as it says; or fail for want of space, and then leave nothing behind.
 */
export class Exerciser {
  writable: WritableFilesystem;
  readonly root: ModelDirectory = modelDirectory(ROOT_INODE);
  readonly directories: ModelDirectory[] = [this.root];
  readonly files: ModelFile[] = [];
  /** Without a name, but still open. */
  readonly unnamed: ModelFile[] = [];
  /** Operations by how they ended. */
  readonly outcomes = new Map<number, number>();
  /** Told of the contents of each file that may have changed. */
  changed: (file: ModelFile) => void = () => undefined;
  operations = 0;
  /** Errors that any operation may end with. */
  readonly tolerated = new Set<number>([errno.ENOSPC]);
  /** Runs what looks at the filesystem without being an operation. */
  undisturbed: (look: () => void) => void = (look) => look();
  readonly #random: Random;
  readonly #appetite: Appetite;
  readonly #steps: readonly Step[];
  readonly #weight: number;
  readonly #data: Uint8Array;

  constructor(writable: WritableFilesystem, random: Random, appetite: Partial<Appetite> = {}) {
    this.writable = writable;
    this.#random = random;
    this.#appetite = { ...DEFAULT_APPETITE, ...appetite };
    this.#data = Uint8Array.from({ length: this.#appetite.writeSize + 65536 }, () => 1 + random.below(POISON - 1));
    this.#steps = [
      [30, () => this.#write()],
      [12, () => this.#create()],
      [8, () => this.#truncate()],
      [5, () => this.#allocate(0)],
      [4, () => this.#allocate(AllocateMode.KEEP_SIZE)],
      [6, () => this.#allocate(AllocateMode.PUNCH_HOLE | AllocateMode.KEEP_SIZE)],
      [5, () => this.#allocate(AllocateMode.ZERO_RANGE)],
      [2, () => this.#allocate(AllocateMode.ZERO_RANGE | AllocateMode.KEEP_SIZE)],
      [8, () => this.#unlink()],
      [5, () => this.#link()],
      [10, () => this.#rename()],
      [5, () => this.#mkdir()],
      [4, () => this.#rmdir()],
      [4, () => this.#symlink()],
      [2, () => this.#special()],
      [3, () => this.#tmpfile()],
      [4, () => this.#closeUnnamed()],
      [6, () => this.#read()],
    ];
    this.#weight = this.#steps.reduce((sum, [weight]) => sum + weight, 0);
  }

  step(): void {
    this.operations++;
    let choice = this.#random.below(this.#weight);
    for (const [weight, step] of this.#steps) {
      if (choice < weight) {
        step();
        break;
      }
      choice -= weight;
    }
    if (this.#random.below(1000) < this.#appetite.commits) this.commit();
    this.writable.filesystem.trim();
  }

  /** What was done so far becomes durable. */
  commit = (): void => {
    this.writable.commit();
  };

  /** Files that are open without a name are closed, as an unmount has it. */
  closeAll(): void {
    while (this.unnamed.length > 0) this.#closeUnnamed();
  }

  create(parent: ModelDirectory, name: string): ModelFile | undefined {
    let number: InodeNumber = ROOT_INODE;
    const exists = parent.entries.has(name) ? errno.EEXIST : 0;
    if (!this.#do(exists, () => (number = this.#make(parent, name, FileType.REGULAR | 0o644).number))) return undefined;
    const file = modelFile(number, 1);
    parent.entries.set(name, file);
    this.files.push(file);
    this.changed(file);
    return file;
  }

  write(file: ModelFile, offset: number, bytes: Uint8Array): boolean {
    const written = this.#do(0, () => this.writable.contents.write(this.#inode(file), offset, bytes, 0, bytes.length, false));
    if (written) file.contents.write(offset, bytes);
    else this.#takePartOf(file, offset, bytes);
    this.changed(file);
    return written;
  }

  truncate(file: ModelFile, size: number): void {
    const { contents } = file;
    if (this.#do(0, () => this.writable.contents.truncate(this.#inode(file), size))) contents.resize(size);
    else this.#takePartOf(file, size, new Uint8Array(Math.max(0, contents.size - size)));
    this.changed(file);
  }

  unlink(parent: ModelDirectory, name: string, stayOpen = false): void {
    const node = parent.entries.get(name);
    const expected = node === undefined ? errno.ENOENT : node.kind === 'directory' ? errno.EISDIR : 0;
    const keep = stayOpen && node?.kind === 'file';
    const done = this.#do(expected, () => {
      const inode = this.writable.namespace.unlink(this.#inode(parent), nameOf(name));
      if (inode.links === 0 && !keep) this.writable.reaper.reap(inode.number);
    });
    if (!done || node === undefined) return;
    parent.entries.delete(name);
    this.#dropLink(node, keep);
  }

  bytes(length: number): Uint8Array {
    const from = this.#random.below(this.#data.length - length);
    return this.#data.subarray(from, from + length);
  }

  #make(parent: ModelDirectory, name: string, mode: number): Inode {
    return this.writable.namespace.create(this.#inode(parent), nameOf(name), { mode, umask: 0, uid: 0, gid: 0, device: 0 });
  }

  #inode(node: ModelNode): Inode {
    return this.writable.filesystem.inode(node.number);
  }

  /** @returns whether it was done; where it was not, nothing of it may be left */
  #do(expected: number, operation: () => void): boolean {
    const { totals } = this.writable.counters;
    const before = { ...totals };
    let outcome = 0;
    try {
      this.writable.change(operation);
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      outcome = error.errno;
      if (outcome !== expected && !this.tolerated.has(outcome)) throw new Mismatch(`operation ${this.operations}: ${error.message}, expected errno ${expected}`, { cause: error });
      const { freeClusters, freeInodes, directories } = totals;
      if (freeClusters !== before.freeClusters || freeInodes !== before.freeInodes || directories !== before.directories) {
        throw new Mismatch(`operation ${this.operations}: failed (${error.message}), and left ${JSON.stringify(before)} as ${JSON.stringify(totals)}`, { cause: error });
      }
    }
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome === 0 && expected !== 0) throw new Mismatch(`operation ${this.operations}: succeeded, expected errno ${expected}`);
    return outcome === 0;
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.#random.below(items.length)];
  }

  #directory(): ModelDirectory {
    return this.#pick(this.directories) ?? this.root;
  }

  #name(): string {
    const index = this.#random.below(this.#appetite.names);
    // Names of every length, always the same for the same index.
    return `${index}-`.padEnd(2 + ((index * 37) % 40) + (index % 11 === 0 ? 200 : 0), 'abcdefghij');
  }

  /** A name that is there, mostly. */
  #known(directory: ModelDirectory): string {
    const names = [...directory.entries.keys()];
    return this.#random.below(8) === 0 ? this.#name() : (this.#pick(names) ?? this.#name());
  }

  #file(): ModelFile | undefined {
    return this.#random.below(10) === 0 ? (this.#pick(this.unnamed) ?? this.#pick(this.files)) : this.#pick(this.files);
  }

  /** Small offsets and aligned ones more often. */
  #offset(): number {
    const offset = this.#random.below(this.#random.below(3) === 0 ? this.#appetite.fileSize : this.#appetite.fileSize >> 4);
    return this.#random.below(3) === 0 ? offset & ~4095 : offset;
  }

  #length(): number {
    const most = this.#appetite.writeSize;
    const length = 1 + this.#random.below(this.#random.below(4) === 0 ? most : Math.min(most, 6000));
    return this.#random.below(4) === 0 ? Math.min(most, Math.max(4096, length & ~4095)) : length;
  }

  #create(): void {
    this.create(this.#directory(), this.#name());
  }

  #write(): void {
    const file = this.#file();
    if (file === undefined) return;
    const offset = this.#random.below(3) === 0 ? file.contents.size : this.#offset();
    this.write(file, offset, this.bytes(Math.min(this.#length(), this.#appetite.writeSize)));
  }

  #truncate(): void {
    const file = this.#file();
    if (file !== undefined) this.truncate(file, this.#random.below(4) === 0 ? 0 : this.#offset());
  }

  #allocate(mode: number): void {
    const file = this.#file();
    if (file === undefined) return;
    let mapsExtents = false;
    this.undisturbed(() => (mapsExtents = this.#inode(file).hasFlag('EXTENTS')));
    const punches = (mode & AllocateMode.PUNCH_HOLE) !== 0;
    const offset = this.#offset();
    const end = offset + this.#length() * (1 + this.#random.below(4));
    const expected = punches || mapsExtents ? 0 : errno.EOPNOTSUPP;
    const zeroes = punches || (mode & AllocateMode.ZERO_RANGE) !== 0;
    if (this.#do(expected, () => this.writable.contents.allocate(this.#inode(file), offset, end - offset, mode, false))) {
      if (zeroes) file.contents.zero(offset, end);
      if ((mode & AllocateMode.KEEP_SIZE) === 0) file.contents.size = Math.max(file.contents.size, end);
    } else if (zeroes && expected === 0) {
      this.#takePartOf(file, offset, new Uint8Array(end - offset));
    }
    this.changed(file);
  }

  /** What was to be changed in place and failed may have come to some bytes. */
  #takePartOf(file: ModelFile, offset: number, wanted: Uint8Array): void {
    const length = Math.min(wanted.length, file.contents.size - offset);
    if (length <= 0) return;
    const found = new Uint8Array(length);
    this.undisturbed(() => this.writable.contents.read(this.#inode(file), offset, length, found, 0));
    const before = file.contents.read(offset, length);
    if (!found.every((byte, index) => byte === before[index] || byte === wanted[index])) throw new Mismatch('a change that failed made up data');
    file.contents.write(offset, found);
  }

  #unlink(): void {
    const parent = this.#directory();
    const name = this.#known(parent);
    this.unlink(parent, name, this.#random.below(6) === 0);
  }

  #dropLink(node: ModelNode, keep: boolean): void {
    if (node.kind === 'directory' || --node.links > 0) return;
    if (node.kind !== 'file') return;
    this.files.splice(this.files.indexOf(node), 1);
    if (keep) this.unnamed.push(node);
  }

  #link(): void {
    const file = this.#file();
    if (file === undefined) return;
    const parent = this.#directory();
    const name = this.#name();
    const expected = parent.entries.has(name) ? errno.EEXIST : 0;
    if (!this.#do(expected, () => this.writable.namespace.link(this.#inode(file), this.#inode(parent), nameOf(name)))) return;
    parent.entries.set(name, file);
    if (file.links++ > 0) return;
    this.unnamed.splice(this.unnamed.indexOf(file), 1);
    this.files.push(file);
  }

  #rename(): void {
    const [from, to] = [this.#directory(), this.#directory()];
    const oldName = this.#known(from);
    const newName = this.#random.below(2) === 0 ? this.#known(to) : this.#name();
    const flags = this.#pick([0, 0, 0, RenameFlags.NOREPLACE, RenameFlags.EXCHANGE, RenameFlags.EXCHANGE, RenameFlags.WHITEOUT]) ?? 0;
    const moved = from.entries.get(oldName);
    const target = to.entries.get(newName);
    // What the kernel itself refuses before it asks.
    if (moved !== undefined && isWithin(to, moved)) return;
    if (target !== undefined && isWithin(from, target)) return;
    if (from === to && oldName === newName) return;
    const expected = renameErrno(moved, target, flags);
    let whiteout: InodeNumber = ROOT_INODE;
    const done = this.#do(expected, () => {
      const { namespace, reaper, filesystem } = this.writable;
      const replaced = namespace.rename(this.#inode(from), nameOf(oldName), this.#inode(to), nameOf(newName), flags, { uid: 0, gid: 0 });
      if (replaced?.links === 0) reaper.reap(replaced.number);
      if ((flags & RenameFlags.WHITEOUT) !== 0 && moved !== target) whiteout = inodeNumber(filesystem.directories.lookup(this.#inode(from), Buffer.from(oldName), 0, Buffer.byteLength(oldName)));
    });
    if (!done || moved === undefined || moved === target) return;
    to.entries.set(newName, moved);
    if (moved.kind === 'directory') moved.parent = to;
    if ((flags & RenameFlags.EXCHANGE) !== 0 && target !== undefined) {
      from.entries.set(oldName, target);
      if (target.kind === 'directory') target.parent = from;
      return;
    }
    if ((flags & RenameFlags.WHITEOUT) !== 0) from.entries.set(oldName, { kind: 'special', number: whiteout, links: 1 });
    else from.entries.delete(oldName);
    if (target?.kind === 'directory') this.directories.splice(this.directories.indexOf(target), 1);
    else if (target !== undefined) this.#dropLink(target, false);
  }

  #mkdir(): void {
    if (this.directories.length >= this.#appetite.directories) return;
    const parent = this.#directory();
    const name = this.#name();
    let number: InodeNumber = ROOT_INODE;
    if (!this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => (number = this.#make(parent, name, FileType.DIRECTORY | 0o755).number))) return;
    const directory = modelDirectory(number, parent);
    parent.entries.set(name, directory);
    this.directories.push(directory);
  }

  #rmdir(): void {
    const parent = this.#directory();
    const name = this.#known(parent);
    const node = parent.entries.get(name);
    const expected = node === undefined ? errno.ENOENT : node.kind !== 'directory' ? errno.ENOTDIR : node.entries.size > 0 ? errno.ENOTEMPTY : 0;
    const done = this.#do(expected, () => this.writable.reaper.reap(this.writable.namespace.rmdir(this.#inode(parent), nameOf(name)).number));
    if (!done || node?.kind !== 'directory') return;
    parent.entries.delete(name);
    this.directories.splice(this.directories.indexOf(node), 1);
  }

  #symlink(): void {
    const parent = this.#directory();
    const name = this.#name();
    const target = 'x'.repeat(1 + this.#random.below(this.#random.below(2) === 0 ? 70 : 900));
    let number: InodeNumber = ROOT_INODE;
    const done = this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => {
      const inode = this.#make(parent, name, FileType.SYMLINK | 0o777);
      this.writable.contents.setSymlinkTarget(inode, Buffer.from(target), 0, target.length);
      number = inode.number;
    });
    if (done) parent.entries.set(name, { kind: 'symlink', number, target, links: 1 });
  }

  #special(): void {
    const parent = this.#directory();
    const name = this.#name();
    const type = this.#pick([FileType.FIFO, FileType.SOCKET, FileType.CHARACTER]) ?? FileType.FIFO;
    let number: InodeNumber = ROOT_INODE;
    if (!this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => (number = this.#make(parent, name, type | 0o600).number))) return;
    parent.entries.set(name, { kind: 'special', number, links: 1 });
  }

  #tmpfile(): void {
    let number: InodeNumber = ROOT_INODE;
    const parent = this.#directory();
    const wanted = { mode: FileType.REGULAR | 0o600, umask: 0, uid: 0, gid: 0, device: 0 };
    if (!this.#do(0, () => (number = this.writable.namespace.createUnnamed(this.#inode(parent), wanted).number))) return;
    const file = modelFile(number, 0);
    this.unnamed.push(file);
    this.changed(file);
  }

  #closeUnnamed(): void {
    const file = this.unnamed.splice(this.#random.below(this.unnamed.length), 1)[0];
    if (file !== undefined) this.#do(0, () => this.writable.reaper.reap(file.number));
  }

  #read(): void {
    const file = this.#file();
    let difference: string | undefined;
    if (file !== undefined) this.undisturbed(() => (difference = fileDifference(this.writable.filesystem, file)));
    if (difference !== undefined) throw new Mismatch(`operation ${this.operations}: inode ${file?.number ?? 0}: ${difference}`);
  }
}

function renameErrno(moved: ModelNode | undefined, target: ModelNode | undefined, flags: number): number {
  if (moved === undefined) return errno.ENOENT;
  if ((flags & RenameFlags.EXCHANGE) !== 0) return target === undefined ? errno.ENOENT : 0;
  if (target === undefined) return 0;
  if ((flags & RenameFlags.NOREPLACE) !== 0) return errno.EEXIST;
  if (target === moved) return 0;
  if (moved.kind === 'directory' && target.kind !== 'directory') return errno.ENOTDIR;
  if (moved.kind !== 'directory' && target.kind === 'directory') return errno.EISDIR;
  return target.kind === 'directory' && target.entries.size > 0 ? errno.ENOTEMPTY : 0;
}
