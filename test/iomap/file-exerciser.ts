import { cString, pack } from '../support/fuse-caller.js';
import type { Random } from '../support/random.js';
import type { PagedDisk } from './paged-disk.js';
import { KEEP_SIZE, PUNCH_HOLE, SECTOR, SimulatedFile, ZERO_RANGE } from './simulated-file.js';
import type { SimulatedKernel } from './simulated-kernel.js';

const ROOT = 2;
const LARGEST = 300_000;
const LONGEST = 40_000;
const FSYNC = 19;
const JOURNAL_DATA = 0x4000;
const SETFLAGS = 0x4008_6602;

export interface Exercise {
  readonly kernel: SimulatedKernel;
  readonly disk: PagedDisk;
  readonly random: Random;
  readonly operations: number;
  /** fallocate(2) can reserve. */
  readonly extents: boolean;
  /** Small files stay in their inodes. */
  readonly hasInline: boolean;
  /** Beside them, files whose data is journalled. */
  readonly classic: boolean;
  /** Called between operations, with what is being written still on its way; `synced` is durable as it is. */
  readonly between?: (synced: Exercised | undefined) => void;
}

/** What a file has to hold. */
export interface Exercised {
  readonly path: string;
  readonly contents: Buffer;
}

/** A file, and what it should be. */
class Subject {
  readonly parent: number;
  readonly path: string;
  readonly name: string;
  file: SimulatedFile;
  expected: Uint8Array = new Uint8Array(0);

  constructor(kernel: SimulatedKernel, parent: number, directory: string, name: string) {
    this.parent = parent;
    this.path = `${directory}${name}`;
    this.name = name;
    this.file = SimulatedFile.make(kernel, parent, name);
  }

  put(position: number, data: Uint8Array): void {
    this.resize(Math.max(this.expected.length, position + data.length));
    this.expected.set(data, position);
  }

  resize(size: number): void {
    if (size === this.expected.length) return;
    const resized = new Uint8Array(size);
    resized.set(this.expected.subarray(0, size));
    this.expected = resized;
  }

  zero(position: number, end: number): void {
    this.expected.fill(0, position, Math.min(end, this.expected.length));
  }
}

/** @returns the files as they should be, all of them written back */
export function exerciseFiles({ kernel, disk, random, operations, extents, hasInline, classic, between }: Exercise): Exercised[] {
  const subjects = ['a', 'b', 'c'].map((name) => new Subject(kernel, ROOT, '', name));
  if (classic) {
    const directory = journalledDirectory(kernel);
    subjects.push(...['d', 'e'].map((name) => new Subject(kernel, directory, 'journalled/', name)));
    if (subjects.some(({ file, parent }) => file.usesIomap !== (parent === ROOT))) throw new Error('the wrong files use iomap');
  }
  for (let done = 0; done < operations; done++) {
    const index = random.below(subjects.length);
    const subject = subjects[index] as Subject;
    const what = random.below(23);
    try {
      operate(what, subject, kernel, random, extents, hasInline);
    } catch (error) {
      throw new Error(`operation ${done} (${what}) on ${subject.path}, size ${subject.file.size}: ${(error as Error).stack}`);
    }
    if (random.below(12) === 0) disk.writeBackSome(random);
    if (random.below(40) === 0) disk.shrink(random);
    between?.(what === FSYNC ? { path: subject.path, contents: Buffer.from(subject.expected) } : undefined);
    if (random.below(150) === 0) subjects[index] = remade(subject, kernel);
  }
  for (const { file, path, expected } of subjects) {
    compare(file.read(0, expected.length + 1), expected, `${path} in the end`);
    file.fsync();
    file.evict();
  }
  return subjects.map(({ path, expected }) => ({ path, contents: Buffer.from(expected) }));
}

function operate(what: number, subject: Subject, kernel: SimulatedKernel, random: Random, extents: boolean, hasInline: boolean): void {
  const { file } = subject;
  const isSmall = hasInline && random.below(2) === 0;
  const position = random.below(isSmall ? 120 : LARGEST);
  const length = 1 + random.below(isSmall ? 60 : random.below(3) === 0 ? LONGEST : 3000);
  const end = position + length;
  switch (what) {
    case 0: case 1: case 2: case 3: case 4: {
      const data = contents(random, length);
      file.write(position, data);
      subject.put(position, data);
      return;
    }
    case 5: case 6: case 7: {
      const at = position - (position % SECTOR);
      const data = contents(random, Math.ceil(length / SECTOR) * SECTOR);
      file.directWrite(at, data);
      subject.put(at, data);
      return;
    }
    case 8: {
      const data = contents(random, length).subarray(0, Math.max(0, file.size - position));
      file.writeMapped(position, data);
      if (data.length > 0) subject.put(position, data);
      return;
    }
    case 9: case 10: {
      const data = contents(random, length);
      const at = file.size < LARGEST ? file.size : position;
      file.write(at, data);
      subject.put(at, data);
      return;
    }
    case 11: case 12:
      compare(file.read(position, length), subject.expected.subarray(position, end), `read ${position}+${length}`);
      return;
    case 13:
      compare(file.directRead(position, length), subject.expected.subarray(position, end), `direct read ${position}+${length}`);
      return;
    case 14: case 15:
      file.truncate(position);
      subject.resize(position);
      return;
    case 16:
      file.fallocate(PUNCH_HOLE | KEEP_SIZE, position, length);
      subject.zero(position, end);
      return;
    case 17: case 18: {
      if (!extents) return;
      const mode = [0, KEEP_SIZE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE][random.below(4)] as number;
      file.fallocate(mode, position, length);
      if ((mode & ZERO_RANGE) !== 0) subject.zero(position, end);
      if ((mode & KEEP_SIZE) === 0) subject.resize(Math.max(subject.expected.length, end));
      return;
    }
    case FSYNC:
      file.fsync();
      return;
    case 20:
      file.writeBack(position, end);
      return;
    case 21:
      file.shrink();
      checkMap(file);
      return;
    default:
      file.evict();
      subject.file = SimulatedFile.lookUp(kernel, subject.parent, subject.name);
      if (subject.file.size !== subject.expected.length) throw new Error(`size ${subject.file.size}, should be ${subject.expected.length}`);
  }
}

/** Never what free blocks hold. */
function contents(random: Random, length: number): Uint8Array {
  const start = random.below(200);
  return Uint8Array.from({ length }, (_, index) => 1 + ((start + index * 7) % 200));
}

/** The file loses its name, and its blocks are someone else's. */
function remade(subject: Subject, kernel: SimulatedKernel): Subject {
  kernel.unlink(subject.parent, subject.name);
  subject.file.evict();
  return new Subject(kernel, subject.parent, subject.path.slice(0, -subject.name.length), subject.name);
}

/** FIEMAP comes to an end, without a gap. */
function checkMap(file: SimulatedFile): void {
  if (!file.usesIomap) return;
  let at = 0;
  for (const { offset, length } of file.fiemap()) {
    if (offset > at || offset + length <= at) throw new Error(`FIEMAP at ${at}: ${offset}+${length}`);
    at = offset + length;
  }
}

function compare(found: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(found, expected) === 0) return;
  const at = found.findIndex((byte, index) => byte !== expected[index]);
  throw new Error(`${what}: ${found.length} bytes, should be ${expected.length}; byte ${at} is ${found[at]}, should be ${expected[at]}`);
}

function journalledDirectory(kernel: SimulatedKernel): number {
  const entry = kernel.call('MKDIR', ROOT, pack([4, 0o40755], [4, 0o22]), cString('journalled'));
  const nodeid = entry.getUint32(0, true);
  const flags = new Uint8Array(4);
  const EXTENTS = 0x80000;
  new DataView(flags.buffer).setUint32(0, JOURNAL_DATA | EXTENTS, true);
  kernel.call('IOCTL', nodeid, pack([8, 0], [4, 0x10], [4, SETFLAGS], [8, 0], [4, 4], [4, 0]), flags);
  return nodeid;
}
