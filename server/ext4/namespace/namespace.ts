import type { Clock } from '../clock.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import { FileType, Times } from '../layout/inode.js';
import { inodeNumber, type InodeNumber } from '../units.js';
import type { DirectoryEditor } from './directory-editor.js';
import type { InodeCreator, NewInode } from './inode-creator.js';
import type { Name } from './name.js';
import type { Orphans } from './orphans.js';

/** EXT4_LINK_MAX */
const MOST_LINKS = 65000;
/** renameat2(2) */
export const RenameFlags = { NOREPLACE: 1, EXCHANGE: 2, WHITEOUT: 4 } as const;

export interface NamespaceParts {
  readonly inode: (number: InodeNumber) => Inode;
  readonly directories: DirectoryEditor;
  readonly creator: InodeCreator;
  readonly editor: InodeEditor;
  readonly orphans: Orphans;
  readonly clock: Clock;
  /** DIR_NLINK: a directory with too many subdirectories counts 1 link instead of refusing more. */
  readonly unlimitedSubdirectories: boolean;
  /** What an entry is to say of its inode's type; 0 where the filesystem does not record it. */
  readonly entryType: (mode: number) => number;
}

export type Owner = Pick<NewInode, 'uid' | 'gid'>;

const fail = (error: number, what: string): never => {
  throw new OperationError(error, what);
};

/**
 * Names: making, giving, taking and moving them, inside a handle. Permissions were checked by the
 * kernel; what ext4 itself refuses (immutable and append-only inodes, too many links) is refused here.
 */
export class Namespace {
  readonly #parts: NamespaceParts;

  constructor(parts: NamespaceParts) {
    this.#parts = parts;
  }

  /** Makes an inode and gives it a name. Whoever calls fills in a symbolic link's target. */
  create(parent: Inode, name: Name, wanted: NewInode): Inode {
    const { directories, creator, editor } = this.#parts;
    this.#mayAdd(parent);
    if (directories.lookup(parent, name) !== 0) fail(errno.EEXIST, 'the name exists');
    const isDirectory = (wanted.mode & FileType.MASK) === FileType.DIRECTORY;
    if (isDirectory) this.#mayGainSubdirectory(parent);
    const inode = creator.create(parent, wanted);
    if (isDirectory) {
      directories.initialise(inode, parent);
      this.#addSubdirectory(parent);
    }
    directories.add(parent, name, inode.number, this.#parts.entryType(inode.mode));
    this.#touchDirectory(parent);
    editor.bumpVersion(inode);
    return inode;
  }

  /** Makes an inode without a name, on the orphan list until it gets one or is forgotten (O_TMPFILE). */
  createUnnamed(parent: Inode, wanted: NewInode): Inode {
    const { creator, editor, orphans } = this.#parts;
    if (parent.links === 0) fail(errno.EPERM, 'the directory was removed');
    const inode = creator.create(parent, wanted);
    editor.setLinks(inode, 0);
    orphans.add(inode);
    return inode;
  }

  link(inode: Inode, parent: Inode, name: Name): void {
    const { directories, editor, orphans, clock } = this.#parts;
    this.#mayAdd(parent);
    this.#mayChange(inode);
    if (inode.isDirectory) fail(errno.EPERM, 'directories have one name');
    if (inode.links >= MOST_LINKS) fail(errno.EMLINK, `the inode has ${inode.links} links`);
    if (parent.hasFlag('PROJINHERIT') && parent.projectId !== inode.projectId) fail(errno.EXDEV, 'the directory belongs to another project');
    if (directories.lookup(parent, name) !== 0) fail(errno.EEXIST, 'the name exists');
    if (inode.links === 0) orphans.remove(inode);
    editor.setLinks(inode, inode.links + 1);
    editor.touch(inode, clock.seconds, clock.nanoseconds, false);
    directories.add(parent, name, inode.number, this.#parts.entryType(inode.mode));
    this.#touchDirectory(parent);
  }

  /** @returns the inode that lost its name; without links it is on the orphan list now */
  unlink(parent: Inode, name: Name): Inode {
    const inode = this.#existing(parent, name);
    if (inode.isDirectory) fail(errno.EISDIR, 'it is a directory');
    this.#mayRemove(parent, inode);
    this.#parts.directories.remove(parent, name);
    this.#touchDirectory(parent);
    this.#dropLink(inode);
    return inode;
  }

  /** @returns the directory that was removed, on the orphan list now */
  rmdir(parent: Inode, name: Name): Inode {
    const { directories, editor } = this.#parts;
    const inode = this.#existing(parent, name);
    if (!inode.isDirectory) fail(errno.ENOTDIR, 'it is not a directory');
    this.#mayRemove(parent, inode);
    if (!directories.isEmpty(inode)) fail(errno.ENOTEMPTY, 'the directory is not empty');
    directories.remove(parent, name);
    editor.setSize(inode, 0);
    this.#dropDirectory(inode);
    this.#removeSubdirectory(parent);
    this.#touchDirectory(parent);
    return inode;
  }

  /**
   * @param owner of the whiteout that WHITEOUT leaves
   * @returns the inode that lost its name to another, if any
   */
  rename(from: Inode, oldName: Name, to: Inode, newName: Name, flags: number, owner: Owner): Inode | undefined {
    const { directories, inode: inodeOf } = this.#parts;
    const moved = this.#existing(from, oldName);
    const targetNumber = directories.lookup(to, newName);
    const target = targetNumber === 0 ? undefined : inodeOf(inodeNumber(targetNumber));
    if ((flags & RenameFlags.EXCHANGE) !== 0) {
      this.#exchange(from, oldName, moved, to, newName, target ?? fail(errno.ENOENT, 'there is nothing to exchange it with'));
      return undefined;
    }
    if (target !== undefined && (flags & RenameFlags.NOREPLACE) !== 0) fail(errno.EEXIST, 'the new name exists');
    if (target?.number === moved.number) return undefined;
    this.#mayRemove(from, moved);
    this.#mayAdd(to);
    this.#mayJoinProject(to, moved);
    if (target !== undefined) this.#mayReplace(to, target, moved);
    this.#move(from, oldName, moved, to, newName, target, (flags & RenameFlags.WHITEOUT) !== 0 ? owner : undefined);
    return target;
  }

  #move(from: Inode, oldName: Name, moved: Inode, to: Inode, newName: Name, target: Inode | undefined, whiteoutOwner: Owner | undefined): void {
    const { directories, creator, editor, clock, entryType } = this.#parts;
    const changesParent = moved.isDirectory && from.number !== to.number;
    if (changesParent && target === undefined) this.#mayGainSubdirectory(to);
    if (target === undefined) directories.add(to, newName, moved.number, entryType(moved.mode));
    else directories.replace(to, newName, moved.number, entryType(moved.mode));
    if (whiteoutOwner !== undefined) {
      const { uid, gid } = whiteoutOwner;
      const replacement = creator.create(from, { mode: FileType.CHARACTER, umask: 0, uid, gid, device: 0 });
      directories.replace(from, oldName, replacement.number, entryType(replacement.mode));
    } else {
      directories.remove(from, oldName);
    }
    editor.touch(moved, clock.seconds, clock.nanoseconds, false);
    if (changesParent) directories.setParent(moved, to);
    if (moved.isDirectory) {
      if (target !== undefined) {
        this.#dropDirectory(target);
        this.#removeSubdirectory(from);
      } else if (changesParent) {
        this.#removeSubdirectory(from);
        this.#addSubdirectory(to);
      }
    } else if (target !== undefined) {
      this.#dropLink(target);
    }
    this.#touchDirectory(from);
    if (to.number !== from.number) this.#touchDirectory(to);
  }

  #exchange(from: Inode, oldName: Name, moved: Inode, to: Inode, newName: Name, target: Inode): void {
    const { directories, editor, clock, entryType } = this.#parts;
    if (moved.number === target.number) return;
    this.#mayRemove(from, moved);
    this.#mayRemove(to, target);
    this.#mayJoinProject(to, moved);
    this.#mayJoinProject(from, target);
    directories.replace(to, newName, moved.number, entryType(moved.mode));
    directories.replace(from, oldName, target.number, entryType(target.mode));
    if (from.number !== to.number) {
      if (moved.isDirectory) directories.setParent(moved, to);
      if (target.isDirectory) directories.setParent(target, from);
      if (moved.isDirectory && !target.isDirectory) {
        this.#mayGainSubdirectory(to);
        this.#removeSubdirectory(from);
        this.#addSubdirectory(to);
      } else if (target.isDirectory && !moved.isDirectory) {
        this.#mayGainSubdirectory(from);
        this.#removeSubdirectory(to);
        this.#addSubdirectory(from);
      }
    }
    editor.touch(moved, clock.seconds, clock.nanoseconds, false);
    editor.touch(target, clock.seconds, clock.nanoseconds, false);
    this.#touchDirectory(from);
    if (to.number !== from.number) this.#touchDirectory(to);
  }

  #existing(parent: Inode, name: Name): Inode {
    const number = this.#parts.directories.lookup(parent, name);
    if (number === 0) fail(errno.ENOENT, 'there is no such name');
    const inode = this.#parts.inode(inodeNumber(number));
    if (inode.links === 0) throw new CorruptionError('inode', { inode: number }, 'it has a name but counts no links');
    return inode;
  }

  #mayChange(inode: Inode): void {
    if (inode.hasFlag('IMMUTABLE') || inode.hasFlag('APPEND')) fail(errno.EPERM, 'the inode is immutable or append-only');
  }

  #mayAdd(parent: Inode): void {
    if (!parent.isDirectory) fail(errno.ENOTDIR, 'the parent is not a directory');
    if (parent.links === 0) fail(errno.ENOENT, 'the parent was removed');
    if (parent.hasFlag('IMMUTABLE')) fail(errno.EPERM, 'the directory is immutable');
  }

  #mayRemove(parent: Inode, inode: Inode): void {
    this.#mayChange(parent);
    this.#mayChange(inode);
  }

  #mayReplace(parent: Inode, target: Inode, moved: Inode): void {
    this.#mayRemove(parent, target);
    if (moved.isDirectory && !target.isDirectory) fail(errno.ENOTDIR, 'a directory replaces only a directory');
    if (!moved.isDirectory && target.isDirectory) fail(errno.EISDIR, 'only a directory replaces a directory');
    if (target.isDirectory && !this.#parts.directories.isEmpty(target)) fail(errno.ENOTEMPTY, 'the directory to replace is not empty');
  }

  #mayJoinProject(parent: Inode, inode: Inode): void {
    if (parent.hasFlag('PROJINHERIT') && parent.projectId !== inode.projectId) fail(errno.EXDEV, 'the directory belongs to another project');
  }

  #mayGainSubdirectory(parent: Inode): void {
    if (parent.links >= MOST_LINKS && !this.#parts.unlimitedSubdirectories) fail(errno.EMLINK, `the directory has ${parent.links} links`);
  }

  /** A count of 1 stands for "too many to count" and stays. */
  #addSubdirectory(parent: Inode): void {
    if (parent.links === 1) return;
    this.#parts.editor.setLinks(parent, parent.links >= MOST_LINKS ? 1 : parent.links + 1);
  }

  #removeSubdirectory(parent: Inode): void {
    if (parent.links > 2) this.#parts.editor.setLinks(parent, parent.links - 1);
  }

  #dropLink(inode: Inode): void {
    const { editor, orphans, clock } = this.#parts;
    editor.setLinks(inode, inode.links - 1);
    editor.touch(inode, clock.seconds, clock.nanoseconds, false);
    if (inode.links === 0) orphans.add(inode);
  }

  #dropDirectory(inode: Inode): void {
    const { editor, orphans, clock } = this.#parts;
    editor.setLinks(inode, 0);
    editor.setTime(inode, Times.change, clock.seconds, clock.nanoseconds);
    editor.bumpVersion(inode);
    orphans.add(inode);
  }

  #touchDirectory(directory: Inode): void {
    const { editor, clock } = this.#parts;
    editor.touch(directory, clock.seconds, clock.nanoseconds, true);
  }
}
