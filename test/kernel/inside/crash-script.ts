import { Random } from '../../support/random.js';

/** Of fallocate(2). */
export const FallocateMode = { EXTEND: 0, KEEP_SIZE: 1, PUNCH: 3, ZERO: 16, ZERO_KEEP_SIZE: 17 } as const;

/** What crash-script.py does; files are numbered from 1 on, and a number is used once. */
export type Operation =
  | readonly ['create' | 'unlink' | 'fsync' | 'start', number]
  | readonly ['write' | 'direct' | 'map', number, offset: number, length: number]
  | readonly ['truncate', number, size: number]
  | readonly ['allocate', number, mode: number, offset: number, length: number]
  | readonly ['syncfs'];

/** What a file held after an operation; undefined: there was none. */
interface Version {
  readonly operation: number;
  readonly contents: Uint8Array | undefined;
}

const FILES_AT_ONCE = 7;
const MOST_BYTES = 96 << 10;
const PAGE = 4096;
const SMALL = 700;
const MOST_FILES = 200;
/** In the order of a byte's place: which file and operation wrote it. Never what free blocks are filled with. */
const WORD = 4;

const dataByte = (file: number, operation: number, offset: number): number =>
  [file, operation & 0x7f, (operation >> 7) & 0x7f, 0xa5][offset % WORD] ?? 0;

/** Random operations on the data of files, what every file held after each of them, and what a crash may leave. */
export class CrashScript {
  readonly operations: Operation[] = [];
  readonly #versions = new Map<number, Version[]>();
  readonly #living = new Map<number, Uint8Array>();
  readonly #random: Random;
  readonly #extents: boolean;
  readonly #hasSmall: boolean;
  #files = 0;

  /** @param extents fallocate can allocate, @param hasSmall many files stay so small that their inodes can hold them */
  constructor(seed: number, length: number, extents: boolean, hasSmall = false) {
    this.#random = new Random(seed);
    this.#extents = extents;
    this.#hasSmall = hasSmall;
    while (this.operations.length < length) this.#step();
    this.operations.push(['syncfs']);
  }

  /**
   * @param found each file that is there after a crash, by name
   * @param begun the last operation that had begun then
   * @param ended the last one that had ended
   * @returns what cannot be
   */
  strange(found: ReadonlyMap<string, Uint8Array>, begun: number, ended: number): string[] {
    const problems: string[] = [];
    const unknown = new Set(found.keys());
    for (const [file, versions] of this.#versions) {
      const name = `f${file}`;
      unknown.delete(name);
      const problem = strangeFile(found.get(name), this.#possible(file, versions, begun, ended));
      if (problem !== undefined) problems.push(`${name}: ${problem}`);
    }
    return [...problems, ...[...unknown].map((name) => `${name} was never there`)];
  }

  /** What was synced last, and all since then. */
  #possible(file: number, versions: readonly Version[], begun: number, ended: number): (Uint8Array | undefined)[] {
    const synced = this.operations.findLastIndex(([kind, which], index) => index <= ended && (kind === 'syncfs' || (kind === 'fsync' && which === file)));
    const first = versions.findLastIndex(({ operation }) => operation <= synced);
    const later = versions.slice(first + 1).filter(({ operation }) => operation <= begun);
    return [first < 0 ? undefined : versions[first]?.contents, ...later.map(({ contents }) => contents)];
  }

  #step(): void {
    const random = this.#random;
    if (this.#living.size < 2 || (this.#living.size < FILES_AT_ONCE && random.below(8) === 0)) {
      if (this.#files < MOST_FILES) this.#add(['create', ++this.#files], this.#files, new Uint8Array());
      return;
    }
    const files = [...this.#living.keys()];
    const file = files[random.below(files.length)] ?? 1;
    const contents = this.#living.get(file) ?? new Uint8Array();
    if (this.#hasSmall && contents.length < SMALL && random.below(2) === 0) {
      if (random.below(5) === 0) this.#truncate(file, contents, random.below(SMALL));
      else this.#write('write', file, contents, random.below(3) === 0 ? contents.length : random.below(SMALL), 1 + random.below(SMALL / 3));
      return;
    }
    const kind = random.below(100);
    if (kind < 25) this.#write('write', file, contents, this.#offset(contents), 1 + random.below(random.below(4) === 0 ? 30_000 : 5000));
    else if (kind < 38) this.#write('direct', file, contents, this.#offset(contents) & -PAGE, (1 + random.below(5)) * PAGE);
    else if (kind < 50) this.#map(file, contents);
    else if (kind < 57) this.#truncate(file, contents, random.below(3) === 0 ? 0 : random.below(MOST_BYTES));
    else if (kind < 69) this.#allocate(file, contents);
    else if (kind < 81) this.operations.push(['start', file]);
    else if (kind < 91) this.operations.push(['fsync', file]);
    else if (kind < 93) this.operations.push(['syncfs']);
    else if (kind < 96) {
      this.#living.delete(file);
      this.#add(['unlink', file], file, undefined);
    }
  }

  #add(operation: Operation, file: number, contents: Uint8Array | undefined): void {
    const versions = this.#versions.get(file) ?? [];
    versions.push({ operation: this.operations.length, contents });
    this.#versions.set(file, versions);
    this.operations.push(operation);
    if (contents !== undefined) this.#living.set(file, contents);
  }

  #offset({ length }: Uint8Array): number {
    return this.#random.below(3) === 0 ? length : this.#random.below(MOST_BYTES);
  }

  #write(kind: 'write' | 'direct' | 'map', file: number, before: Uint8Array, offset: number, wanted: number): void {
    const length = Math.min(wanted, MOST_BYTES - offset);
    if (length <= 0) return;
    const contents = resized(before, Math.max(before.length, offset + length));
    for (let at = offset; at < offset + length; at++) contents[at] = dataByte(file, this.operations.length, at);
    this.#add([kind, file, offset, length], file, contents);
  }

  #map(file: number, contents: Uint8Array): void {
    const offset = this.#random.below(contents.length);
    this.#write('map', file, contents, offset, Math.min(1 + this.#random.below(9000), contents.length - offset));
  }

  #truncate(file: number, before: Uint8Array, size: number): void {
    this.#add(['truncate', file, size], file, resized(before, size));
  }

  #allocate(file: number, before: Uint8Array): void {
    const modes = this.#extents ? Object.values(FallocateMode) : [FallocateMode.PUNCH];
    const mode = modes[this.#random.below(modes.length)] ?? FallocateMode.PUNCH;
    const offset = this.#random.below(MOST_BYTES - 1);
    const length = Math.min(1 + this.#random.below(20_000), MOST_BYTES - offset);
    const grows = mode === FallocateMode.EXTEND || mode === FallocateMode.ZERO;
    const contents = resized(before, grows ? Math.max(before.length, offset + length) : before.length);
    if (mode !== FallocateMode.EXTEND && mode !== FallocateMode.KEEP_SIZE) contents.fill(0, Math.min(offset, contents.length), Math.min(offset + length, contents.length));
    this.#add(['allocate', file, mode, offset, length], file, contents);
  }
}

function resized(before: Uint8Array, size: number): Uint8Array {
  const after = new Uint8Array(size);
  after.set(before.subarray(0, size));
  return after;
}

function strangeFile(found: Uint8Array | undefined, possible: readonly (Uint8Array | undefined)[]): string | undefined {
  const versions = possible.filter((version) => version !== undefined);
  if (found === undefined) return versions.length === possible.length ? 'missing' : undefined;
  if (versions.some((version) => Buffer.compare(version, found) === 0)) return undefined;
  if (versions.length === 0) return 'should not be there';
  const sizes = versions.map(({ length }) => length);
  if (found.length < Math.min(...sizes) || found.length > Math.max(...sizes)) return `size is ${found.length}, possible are ${[...new Set(sizes)].join(', ')}`;
  const at = found.findIndex((byte, index) => !versions.some((version) => (version[index] ?? 0) === byte));
  return at < 0 ? undefined : `byte ${at} of ${found.length} is ${found[at]}, possible are ${[...new Set(versions.map((version) => version[at] ?? 0))].join(', ')}`;
}
