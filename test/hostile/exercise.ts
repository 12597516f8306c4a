/** Reads everything that an image shows, as a mount's users together would; damage may end any of it, in one way. */
import type { BlockDevice } from '../../server/device/block-device.js';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import { FIRST_PLACE, Tree } from '../../library/tree.js';

export interface Outcome {
  /** Why the image could not be opened at all. */
  readonly refused?: string;
  readonly entries: number;
  /** Operations that ended in an error. */
  readonly errors: number;
  /** The longest operation, in milliseconds of CPU time. */
  readonly longest: number;
}

const MOST_ENTRIES = 20_000;
const LIST_AT_ONCE = 200;
const buffer = new Uint8Array(64 << 10);

const cpuMilliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

class Exercise {
  entries = 0;
  errors = 0;
  longest = 0;
  readonly #tree: Tree;
  readonly #beat: () => void;
  readonly #seen = new Set<number>();

  constructor(tree: Tree, beat: () => void) {
    this.#tree = tree;
    this.#beat = beat;
  }

  /** Runs one operation; anything but a FilesystemError goes through to the caller: that is what is looked for. */
  #try<Result>(operation: () => Result): Result | undefined {
    const started = cpuMilliseconds();
    try {
      return operation();
    } catch (error) {
      if (!(error instanceof FilesystemError)) throw error;
      this.errors++;
      return undefined;
    } finally {
      this.longest = Math.max(this.longest, cpuMilliseconds() - started);
      this.#tree.filesystem.trim();
      this.#beat();
    }
  }

  directory(number: InodeNumber): void {
    const waiting = [number];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (this.#seen.has(next)) continue;
      this.#seen.add(next);
      this.#oneDirectory(next, waiting);
    }
  }

  #oneDirectory(number: InodeNumber, waiting: InodeNumber[]): void {
    this.#inode(number);
    const place = FIRST_PLACE;
    for (let next: number | undefined = place; next !== undefined && this.entries < MOST_ENTRIES; ) {
      const from: number = next;
      const batch = this.#try(() => this.#tree.list(number, from, LIST_AT_ONCE));
      next = batch?.next;
      for (const { name, inode } of batch?.entries ?? []) {
        this.entries++;
        const found = this.#try(() => this.#tree.lookup(this.#tree.directory(number), name)?.isDirectory);
        if (found === true) waiting.push(inode);
        else if (!this.#seen.has(inode)) this.#file(inode);
      }
    }
    this.#try(() => this.#tree.lookup(this.#tree.directory(number), Buffer.from('a name that is not there')));
  }

  #inode(number: InodeNumber): void {
    this.#try(() => this.#tree.stats(number));
    this.#try(() => this.#tree.xattrs(number));
  }

  #file(number: InodeNumber): void {
    this.#seen.add(number);
    this.#inode(number);
    if (this.#try(() => this.#tree.inode(number).isSymlink)) this.#try(() => this.#tree.readLink(this.#tree.inode(number)));
    const size = this.#try(() => (this.#tree.inode(number).isRegular ? this.#tree.fileSize(number) : undefined));
    if (size === undefined) return;
    for (const offset of [0, buffer.length, Math.floor(size / 2), Math.max(0, size - 1000), size, size + 1])
      this.#try(() => this.#tree.read(number, offset, buffer));
    this.#seekAround(number, size);
  }

  #seekAround(number: InodeNumber, size: number): void {
    for (let offset = 0, steps = 0; offset >= 0 && offset < size && steps < 50; steps++) {
      const from = offset;
      const found = this.#try(() => this.#tree.seek(number, from, steps % 2 === 0 ? 'data' : 'hole'));
      offset = found === undefined || found < from ? -1 : found;
    }
  }
}

/** @param beat is called after every operation: a watchdog sees a hang by its absence */
export function exercise(device: BlockDevice, beat: () => void = () => undefined): Outcome {
  const started = cpuMilliseconds();
  let filesystem: Filesystem;
  try {
    filesystem = Filesystem.open(device, { cacheBytes: 4 << 20 });
  } catch (error) {
    if (!(error instanceof FilesystemError)) throw error;
    return { refused: error.message, entries: 0, errors: 0, longest: cpuMilliseconds() - started };
  }
  const exercised = new Exercise(new Tree(filesystem), beat);
  exercised.longest = cpuMilliseconds() - started;
  exercised.directory(ROOT_INODE);
  const { entries, errors, longest } = exercised;
  return { entries, errors, longest };
}
