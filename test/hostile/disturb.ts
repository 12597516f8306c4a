/** Changes a damaged filesystem at random, as a mount's users together would; damage may end any operation, in one way. */
import type { BlockDevice } from '../../server/device/block-device.js';
import { FilesystemError, OperationError } from '../../server/ext4/errors.js';
import { AllocateMode } from '../../server/ext4/file-changes.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType, Times } from '../../server/ext4/layout/inode.js';
import { NameIndex } from '../../server/ext4/layout/xattr.js';
import type { Name } from '../../server/ext4/namespace/name.js';
import { RenameFlags } from '../../server/ext4/namespace/namespace.js';
import { ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { Nodes } from '../../server/operations/nodes.js';
import { ROOT_NODEID } from '../../protocol/fuse/header.js';
import { FIRST_PLACE, Tree } from '../../library/tree.js';
import type { Random } from '../support/random.js';
import type { Outcome } from './exercise.js';

export interface Disturbance extends Outcome {
  /** Inodes that some operation was about. */
  readonly touched: ReadonlySet<number>;
}

interface Entry {
  readonly parent: InodeNumber;
  readonly name: Buffer;
  readonly inode: InodeNumber;
}

const MOST_ENTRIES = 1500;
const MOST_DIRECTORIES = 60;
const CACHE_BYTES = 1 << 20;
const OWNER = { uid: 0, gid: 0 };

const cpuMilliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

const nameOf = (bytes: Buffer): Name => ({ bytes, offset: 0, length: bytes.length });

class Disturber {
  errors = 0;
  longest = 0;
  readonly touched = new Set<number>();
  readonly entries: Entry[] = [];
  readonly directories: InodeNumber[] = [ROOT_INODE];
  readonly #writable: WritableFilesystem;
  readonly #nodes: Nodes;
  readonly #random: Random;
  readonly #beat: () => void;
  readonly #bytes: Uint8Array;

  constructor(writable: WritableFilesystem, random: Random, beat: () => void) {
    this.#writable = writable;
    this.#nodes = new Nodes(writable.filesystem);
    this.#random = random;
    this.#beat = beat;
    this.#bytes = random.bytes(40_000);
  }

  /** Runs one operation; anything but a FilesystemError goes through to the caller: that is what is looked for. */
  attempt(operation: () => void): void {
    const started = cpuMilliseconds();
    try {
      operation();
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      this.errors++;
    } finally {
      this.longest = Math.max(this.longest, cpuMilliseconds() - started);
      this.#writable.filesystem.trim();
      this.#beat();
    }
  }

  findEntries(): void {
    const tree = new Tree(this.#writable.filesystem);
    for (const parent of this.directories) {
      this.attempt(() => {
        for (const { name, inode, type } of tree.list(parent, FIRST_PLACE, MOST_ENTRIES).entries) {
          if (this.entries.length >= MOST_ENTRIES) return;
          this.entries.push({ parent, name, inode });
          if (type === FileType.DIRECTORY && this.directories.length < MOST_DIRECTORIES && !this.directories.includes(inode)) this.directories.push(inode);
        }
      });
    }
  }

  step(): void {
    const steps = [this.#write, this.#write, this.#truncate, this.#allocate, this.#create, this.#unlink, this.#rename, this.#link, this.#attribute, this.#inodeFields, this.#rmdir, this.#symlink, this.#commit];
    const step = this.#pick(steps);
    this.attempt(() => step?.call(this));
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.#random.below(items.length)];
  }

  #touch(number: InodeNumber): Inode {
    this.touched.add(number);
    return this.#nodes.get(number === ROOT_INODE ? ROOT_NODEID : number);
  }

  /** What a kernel would look up before it asks for anything. */
  #entry(): Entry {
    const entry = this.#pick(this.entries);
    if (entry === undefined) throw new OperationError(2, 'there is nothing');
    return entry;
  }

  #file(): Inode {
    const inode = this.#touch(this.#entry().inode);
    if (!inode.isRegular || inode.hasFlag('ENCRYPT')) throw new OperationError(22, 'not a file');
    return inode;
  }

  #directory(): InodeNumber {
    return this.#pick(this.directories) ?? ROOT_INODE;
  }

  #newName(): Buffer {
    return Buffer.from(`new-${this.#random.below(60)}`.padEnd(6 + this.#random.below(40), '+'));
  }

  #offset(size: number): number {
    const most = this.#random.below(4) === 0 ? 1 << 22 : Math.max(1, Math.min(size, 1 << 30));
    return this.#random.below(4) === 0 ? size : this.#random.below(most);
  }

  #write(): void {
    const file = this.#file();
    const offset = this.#offset(file.size);
    const length = 1 + this.#random.below(this.#bytes.length);
    this.#writable.change(() => this.#writable.contents.write(file, offset, this.#bytes, 0, length, false));
  }

  #truncate(): void {
    const file = this.#file();
    const size = this.#random.below(3) === 0 ? 0 : this.#offset(file.size);
    this.#writable.change(() => this.#writable.contents.truncate(file, size));
  }

  #allocate(): void {
    const file = this.#file();
    const modes = [0, AllocateMode.KEEP_SIZE, AllocateMode.PUNCH_HOLE | AllocateMode.KEEP_SIZE, AllocateMode.ZERO_RANGE];
    const [offset, length, mode] = [this.#offset(file.size), 1 + this.#random.below(200_000), this.#pick(modes) ?? 0];
    this.#writable.change(() => this.#writable.contents.allocate(file, offset, length, mode, false));
  }

  #create(): void {
    const parent = this.#directory();
    const name = this.#newName();
    const type = this.#pick([FileType.REGULAR, FileType.REGULAR, FileType.DIRECTORY, FileType.FIFO]) ?? FileType.REGULAR;
    const inode = this.#writable.change(() => this.#writable.namespace.create(this.#touch(parent), nameOf(name), { mode: type | 0o755, umask: 0, ...OWNER, device: 0 }));
    this.#made(parent, name, inode);
  }

  #symlink(): void {
    const parent = this.#directory();
    const name = this.#newName();
    const length = 1 + this.#random.below(900);
    const inode = this.#writable.change(() => {
      const made = this.#writable.namespace.create(this.#touch(parent), nameOf(name), { mode: FileType.SYMLINK | 0o777, umask: 0, ...OWNER, device: 0 });
      this.#writable.contents.setSymlinkTarget(made, Buffer.alloc(length, 'x'), 0, length);
      return made;
    });
    this.#made(parent, name, inode);
  }

  #made(parent: InodeNumber, name: Buffer, { number, isDirectory }: Inode): void {
    this.touched.add(number);
    this.entries.push({ parent, name, inode: number });
    if (isDirectory) this.directories.push(number);
  }

  #unlink(): void {
    const { parent, name, inode } = this.#entry();
    if (this.#touch(inode).isDirectory) throw new OperationError(21, 'a directory');
    this.#writable.change(() => {
      const gone = this.#writable.namespace.unlink(this.#touch(parent), nameOf(name));
      this.touched.add(gone.number);
      if (gone.links === 0) this.#writable.reaper.reap(gone.number);
    });
    this.#forget(inode);
  }

  #rmdir(): void {
    const { parent, name, inode } = this.#entry();
    if (!this.#touch(inode).isDirectory) throw new OperationError(20, 'not a directory');
    this.#writable.change(() => this.#writable.reaper.reap(this.#writable.namespace.rmdir(this.#touch(parent), nameOf(name)).number));
    this.#forget(inode);
  }

  #forget(gone: InodeNumber): void {
    const at = this.directories.indexOf(gone);
    if (at > 0) this.directories.splice(at, 1);
  }

  #link(): void {
    const parent = this.#directory();
    const file = this.#file();
    this.#writable.change(() => this.#writable.namespace.link(file, this.#touch(parent), nameOf(this.#newName())));
  }

  /** A directory stays where it is: the kernel itself sees to it that none comes to lie below itself. */
  #rename(): void {
    const { parent, name, inode } = this.#entry();
    const isDirectory = this.#touch(inode).isDirectory;
    const to = isDirectory ? parent : this.#directory();
    const newName = this.#random.below(3) === 0 ? this.#entry().name : this.#newName();
    const target = this.#lookup(to, newName);
    if (target !== undefined && this.#touch(target).isDirectory !== isDirectory) throw new OperationError(20, 'of different types');
    if (target === inode) return;
    const flags = target === undefined ? 0 : (this.#pick([0, RenameFlags.EXCHANGE]) ?? 0);
    this.#writable.change(() => {
      const replaced = this.#writable.namespace.rename(this.#touch(parent), nameOf(name), this.#touch(to), nameOf(newName), flags, OWNER);
      if (replaced?.links === 0 || replaced?.isDirectory === true) this.#writable.reaper.reap(replaced.number);
    });
    if (target !== undefined && flags === 0) this.#forget(target);
  }

  #lookup(directory: InodeNumber, name: Buffer): InodeNumber | undefined {
    const tree = new Tree(this.#writable.filesystem);
    return tree.lookup(tree.directory(directory), name)?.number;
  }

  #attribute(): void {
    const inode = this.#touch(this.#entry().inode);
    if (inode.isSymlink) throw new OperationError(1, 'the kernel allows no such attribute there');
    const name = { index: NameIndex.USER, bytes: Buffer.from(`name${this.#random.below(5)}`), offset: 0, length: 5 };
    const length = this.#random.below(this.#random.below(3) === 0 ? 5000 : 200);
    this.#writable.change(() => {
      if (this.#random.below(3) === 0) this.#writable.attributes.remove(inode, name, false);
      else this.#writable.attributes.set(inode, name, this.#bytes, 0, length, 0, false);
    });
  }

  #inodeFields(): void {
    const inode = this.#touch(this.#entry().inode);
    this.#writable.change(() => {
      this.#writable.setOwner(inode, this.#random.below(1 << 20), 0);
      this.#writable.inodes.setTime(inode, Times.modification, this.#random.word(), 5);
      this.#writable.modeChanged(inode);
    });
  }

  #commit(): void {
    if (this.#random.below(4) === 0) this.#writable.commit();
  }
}

/** @param beat is called after every operation: a watchdog sees a hang by its absence */
export function disturb(device: BlockDevice, random: Random, operations: number, beat: () => void = () => undefined): Disturbance {
  const started = cpuMilliseconds();
  const refusal = (error: unknown): Disturbance => {
    if (!(error instanceof FilesystemError)) throw error;
    return { refused: error.message, entries: 0, errors: 0, longest: cpuMilliseconds() - started, touched: new Set() };
  };
  let writable: WritableFilesystem;
  try {
    writable = WritableFilesystem.open(device, { barriers: false, mountPoint: '/test', discard: false, cacheBytes: CACHE_BYTES });
  } catch (error) {
    return refusal(error);
  }
  const disturber = new Disturber(writable, random, beat);
  disturber.longest = cpuMilliseconds() - started;
  beat();
  if (operations > 0) disturber.findEntries();
  for (let done = 0; done < operations; done++) disturber.step();
  disturber.attempt(() => writable.close());
  const { entries, errors, longest, touched } = disturber;
  return { entries: entries.length, errors, longest, touched };
}
