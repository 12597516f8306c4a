import { errno, FilesystemError } from '../../server/ext4/errors.js';
import { AllocateMode } from '../../server/ext4/file-changes.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { Name } from '../../server/ext4/namespace/name.js';
import { RenameFlags } from '../../server/ext4/namespace/namespace.js';
import { inodeNumber, ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { fileDifference } from './compare.js';
import { isWithin, modelDirectory, modelFile, type ModelDirectory, type ModelFile, type ModelNode } from './model.js';

/** An operation ended in another way than the model says. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

const nameOf = (text: string): Name => {
  const bytes = Buffer.from(text);
  return { bytes, offset: 0, length: bytes.length };
};

/**
 * A filesystem and a model of it in memory, to which the same is done. Each operation must succeed where the model
 * says so, else fail as it says; or fail for want of space, and then leave nothing behind.
 */
export class ComparedFilesystem {
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

  constructor(writable: WritableFilesystem) {
    this.writable = writable;
  }

  /** What was done so far becomes durable. */
  commit = (): void => {
    this.writable.commit();
  };

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

  /** @param mode of AllocateMode */
  allocate(file: ModelFile, mode: number, offset: number, length: number): void {
    let mapsExtents = false;
    this.undisturbed(() => (mapsExtents = this.#inode(file).hasFlag('EXTENTS')));
    const punches = (mode & AllocateMode.PUNCH_HOLE) !== 0;
    const end = offset + length;
    const expected = punches || mapsExtents ? 0 : errno.EOPNOTSUPP;
    const zeroes = punches || (mode & AllocateMode.ZERO_RANGE) !== 0;
    if (this.#do(expected, () => this.writable.contents.allocate(this.#inode(file), offset, length, mode, false))) {
      if (zeroes) file.contents.zero(offset, end);
      if ((mode & AllocateMode.KEEP_SIZE) === 0) file.contents.size = Math.max(file.contents.size, end);
    } else if (zeroes && expected === 0) {
      this.#takePartOf(file, offset, new Uint8Array(length));
    }
    this.changed(file);
  }

  link(file: ModelFile, parent: ModelDirectory, name: string): void {
    const expected = parent.entries.has(name) ? errno.EEXIST : 0;
    if (!this.#do(expected, () => this.writable.namespace.link(this.#inode(file), this.#inode(parent), nameOf(name)))) return;
    parent.entries.set(name, file);
    if (file.links++ > 0) return;
    this.unnamed.splice(this.unnamed.indexOf(file), 1);
    this.files.push(file);
  }

  /** @param flags of RenameFlags */
  rename(from: ModelDirectory, oldName: string, to: ModelDirectory, newName: string, flags: number): void {
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

  mkdir(parent: ModelDirectory, name: string): void {
    let number: InodeNumber = ROOT_INODE;
    if (!this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => (number = this.#make(parent, name, FileType.DIRECTORY | 0o755).number))) return;
    const directory = modelDirectory(number, parent);
    parent.entries.set(name, directory);
    this.directories.push(directory);
  }

  rmdir(parent: ModelDirectory, name: string): void {
    const node = parent.entries.get(name);
    const expected = node === undefined ? errno.ENOENT : node.kind !== 'directory' ? errno.ENOTDIR : node.entries.size > 0 ? errno.ENOTEMPTY : 0;
    const done = this.#do(expected, () => this.writable.reaper.reap(this.writable.namespace.rmdir(this.#inode(parent), nameOf(name)).number));
    if (!done || node?.kind !== 'directory') return;
    parent.entries.delete(name);
    this.directories.splice(this.directories.indexOf(node), 1);
  }

  symlink(parent: ModelDirectory, name: string, target: string): void {
    let number: InodeNumber = ROOT_INODE;
    const done = this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => {
      const inode = this.#make(parent, name, FileType.SYMLINK | 0o777);
      this.writable.contents.setSymlinkTarget(inode, Buffer.from(target), 0, target.length);
      number = inode.number;
    });
    if (done) parent.entries.set(name, { kind: 'symlink', number, target, links: 1 });
  }

  /** @param type FIFO, SOCKET or CHARACTER of FileType */
  special(parent: ModelDirectory, name: string, type: number): void {
    let number: InodeNumber = ROOT_INODE;
    if (!this.#do(parent.entries.has(name) ? errno.EEXIST : 0, () => (number = this.#make(parent, name, type | 0o600).number))) return;
    parent.entries.set(name, { kind: 'special', number, links: 1 });
  }

  tmpfile(parent: ModelDirectory): void {
    let number: InodeNumber = ROOT_INODE;
    const wanted = { mode: FileType.REGULAR | 0o600, umask: 0, uid: 0, gid: 0, device: 0 };
    if (!this.#do(0, () => (number = this.writable.namespace.createUnnamed(this.#inode(parent), wanted).number))) return;
    const file = modelFile(number, 0);
    this.unnamed.push(file);
    this.changed(file);
  }

  /** The last use of a file without a name ends. */
  close(file: ModelFile): void {
    this.unnamed.splice(this.unnamed.indexOf(file), 1);
    this.#do(0, () => this.writable.reaper.reap(file.number));
  }

  read(file: ModelFile): void {
    let difference: string | undefined;
    this.undisturbed(() => (difference = fileDifference(this.writable.filesystem, file)));
    if (difference !== undefined) throw new Mismatch(`operation ${this.operations}: inode ${file.number}: ${difference}`);
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

  #dropLink(node: ModelNode, keep: boolean): void {
    if (node.kind === 'directory' || --node.links > 0) return;
    if (node.kind !== 'file') return;
    this.files.splice(this.files.indexOf(node), 1);
    if (keep) this.unnamed.push(node);
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
