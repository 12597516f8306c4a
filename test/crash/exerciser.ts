import { AllocateMode } from '../../server/ext4/file-changes.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import { RenameFlags } from '../../server/ext4/namespace/namespace.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import type { Random } from '../support/random.js';
import { ComparedFilesystem } from './compared-filesystem.js';
import type { ModelDirectory, ModelFile } from './model.js';

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

type Step = readonly [weight: number, step: () => void];

/** Does random operations on a filesystem and on its model. */
export class Exerciser extends ComparedFilesystem {
  readonly #random: Random;
  readonly #appetite: Appetite;
  readonly #steps: readonly Step[];
  readonly #weight: number;
  readonly #data: Uint8Array;

  constructor(writable: WritableFilesystem, random: Random, appetite: Partial<Appetite> = {}) {
    super(writable);
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
      [3, () => this.tmpfile(this.#directory())],
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

  /** Files that are open without a name are closed, as an unmount has it. */
  closeAll(): void {
    while (this.unnamed.length > 0) this.#closeUnnamed();
  }

  bytes(length: number): Uint8Array {
    const from = this.#random.below(this.#data.length - length);
    return this.#data.subarray(from, from + length);
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
    const offset = this.#offset();
    this.allocate(file, mode, offset, this.#length() * (1 + this.#random.below(4)));
  }

  #unlink(): void {
    const parent = this.#directory();
    const name = this.#known(parent);
    this.unlink(parent, name, this.#random.below(6) === 0);
  }

  #link(): void {
    const file = this.#file();
    if (file === undefined) return;
    this.link(file, this.#directory(), this.#name());
  }

  #rename(): void {
    const [from, to] = [this.#directory(), this.#directory()];
    const oldName = this.#known(from);
    const newName = this.#random.below(2) === 0 ? this.#known(to) : this.#name();
    const flags = this.#pick([0, 0, 0, RenameFlags.NOREPLACE, RenameFlags.EXCHANGE, RenameFlags.EXCHANGE, RenameFlags.WHITEOUT]) ?? 0;
    this.rename(from, oldName, to, newName, flags);
  }

  #mkdir(): void {
    if (this.directories.length >= this.#appetite.directories) return;
    this.mkdir(this.#directory(), this.#name());
  }

  #rmdir(): void {
    const parent = this.#directory();
    this.rmdir(parent, this.#known(parent));
  }

  #symlink(): void {
    const parent = this.#directory();
    const name = this.#name();
    const target = 'x'.repeat(1 + this.#random.below(this.#random.below(2) === 0 ? 70 : 900));
    this.symlink(parent, name, target);
  }

  #special(): void {
    const parent = this.#directory();
    const name = this.#name();
    const type = this.#pick([FileType.FIFO, FileType.SOCKET, FileType.CHARACTER]) ?? FileType.FIFO;
    this.special(parent, name, type);
  }

  #closeUnnamed(): void {
    const file = this.#pick(this.unnamed);
    if (file !== undefined) this.close(file);
  }

  #read(): void {
    const file = this.#file();
    if (file !== undefined) this.read(file);
  }
}
