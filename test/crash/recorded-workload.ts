import { errno, FilesystemError } from '../../server/ext4/errors.js';
import type { DataMode } from '../../server/ext4/journalled-data.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import type { TransactionListener } from '../../server/ext4/journal/transaction-listener.js';
import { MemoryDevice } from '../support/memory-device.js';
import { HeldJobs } from '../support/held-jobs.js';
import type { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { Exerciser, POISON, type Appetite } from './exerciser.js';
import { openWritable } from './images.js';
import type { ModelFile } from './model.js';
import { linesOfFilesystem, stateOfModel, strangeByte, strangeVersion, type FileVersion, type TreeState } from './states.js';

const APPETITE: Partial<Appetite> = { names: 24, directories: 6, fileSize: 48 << 10, writeSize: 12 << 10, commits: 120 };
/** Files in a directory that grows beyond a block, and into an index. */
const GROWTH = 150;

/** Random operations with the power supply recorded, and what must be found after it was cut at any moment. */
export class RecordedWorkload implements TransactionListener {
  readonly device: RecordingDevice;
  readonly #exerciser: Exerciser;
  readonly #versions = new Map<ModelFile, FileVersion[]>();
  /** The tree as each commit may have left it. */
  readonly #commits: TreeState[][] = [];
  /** Where in the recording each operation began. */
  readonly #begins: number[] = [];
  #commitsBefore = 0;
  readonly #jobs: HeldJobs | undefined;
  readonly #random: Random;
  /** How often an operation was run while a commit, or a part of a checkpoint, was under way. */
  duringJobs = 0;
  /** Data is as old or new as the tree around it. */
  readonly #isWhole: boolean;

  /** @param inBackground whether commits and checkpoints are written while operations go on */
  constructor(image: Uint8Array, random: Random, operations: number, data: DataMode = 'ordered', inBackground = false) {
    this.#random = random;
    this.#jobs = inBackground ? new HeldJobs() : undefined;
    this.#isWhole = data === 'journal';
    poison(image);
    this.device = new RecordingDevice(image);
    const writable = openWritable(this.device, 1 << 20, data, this.#jobs);
    this.#exerciser = new Exerciser(writable, random, APPETITE);
    this.#exerciser.commit = () => this.#commit();
    this.#exerciser.changed = (file) => this.#remember(file);
    writable.transactions.listen(this);
    writable.commit();
    this.#commits.push([this.#state()]);
    this.device.recording.mark('committed');
    this.device.failures = { write: () => this.#advance(8), read: () => this.#advance(8) };
    for (let done = 0; done < operations; done++) this.#operation(() => this.#exerciser.step());
    this.#grow();
    writable.close();
  }

  frozen(): void {
    this.#commits.push([this.#state()]);
  }

  committed(): void {
    this.device.recording.mark('committed');
  }

  get commits(): number {
    return this.#commits.length;
  }

  /** From where on a crash must find what was committed. */
  get start(): number {
    return this.device.recording.events.findIndex(({ kind }) => kind === 'mark');
  }

  /** @returns what is wrong with a filesystem that was recovered after a crash at `position` */
  surprise(filesystem: Filesystem, position: number): string | undefined {
    const lines = linesOfFilesystem(filesystem);
    const last = this.device.recording.marksBefore(position).length - 1;
    const expected = this.#commits.slice(Math.max(0, last), last + 2).flat();
    const states = expected.filter((state) => state.lines === lines);
    if (states.length === 0) return `the tree is none of those expected: ${differing(lines, expected[0]?.lines ?? '')}`;
    const operation = this.#begins.findLastIndex((begin) => begin <= position);
    const problems = states.map((state) => this.#strangeContents(filesystem, state, operation));
    return problems.includes(undefined) ? undefined : problems[0];
  }

  #strangeContents(filesystem: Filesystem, { files }: TreeState, operation: number): string | undefined {
    for (const [path, { file, version }] of files) {
      const possible = (this.#versions.get(file) ?? []).slice(version).filter((later, index) => index === 0 || later.operation <= operation);
      const contents = possible.map((later) => later.contents);
      const strange = this.#isWhole ? strangeVersion(filesystem, file.number, contents) : strangeByte(filesystem, file.number, contents);
      if (strange !== undefined) return `${path}: ${strange}`;
    }
    return undefined;
  }

  /** What a thread would do meanwhile. @returns that nothing fails */
  #advance(oneIn: number): false {
    if (this.#random.below(oneIn) === 0) this.#jobs?.advance(1);
    return false;
  }

  #commit(): void {
    const { writable } = this.#exerciser;
    if (this.#jobs === undefined || this.#random.below(4) === 0) writable.commit();
    else writable.beginCommit();
  }

  /** Between two operations the filesystem thread looks at what has come to its end. */
  #look(): void {
    if (this.#jobs === undefined) return;
    const { transactions } = this.#exerciser.writable;
    this.#advance(2);
    transactions.collect();
    if (this.#random.below(2) === 0) transactions.relieve();
    if (transactions.isBusy) this.duringJobs++;
  }

  #operation(operation: () => void): void {
    this.#look();
    this.#begins.push(this.device.recording.length);
    this.#commitsBefore = this.#commits.length;
    operation();
    // A commit in the midst of a long operation may leave the tree as it is after it.
    const after = this.#state();
    for (const states of this.#commits.slice(this.#commitsBefore)) states.push(after);
  }

  #grow(): void {
    const exerciser = this.#exerciser;
    for (let index = 0; index < GROWTH; index++) {
      const name = `growing-${index}`.padEnd(60, '.');
      this.#operation(() => exerciser.create(exerciser.root, name));
      if (index % 10 === 0) this.#commit();
    }
    for (let index = 0; index < GROWTH; index += 2) this.#operation(() => exerciser.unlink(exerciser.root, `growing-${index}`.padEnd(60, '.')));
  }

  #state(): TreeState {
    return stateOfModel(this.#exerciser.root, this.#versions);
  }

  #remember(file: ModelFile): void {
    const versions = this.#versions.get(file) ?? [];
    versions.push({ operation: this.#begins.length - 1, contents: file.contents.read(0, file.contents.size) });
    this.#versions.set(file, versions);
  }
}

/** Fills free space with what no file ever holds. */
function poison(image: Uint8Array): void {
  const writable = openWritable(new MemoryDevice(image), 1 << 20);
  const exerciser = { bytes: new Uint8Array(1 << 16).fill(POISON) };
  const name = { bytes: Buffer.from('poison'), offset: 0, length: 6 };
  const file = writable.change(() => writable.namespace.create(writable.filesystem.root, name, { mode: 0o100600, umask: 0, uid: 0, gid: 0, device: 0 }).number);
  let offset = 0;
  for (let length = exerciser.bytes.length; length >= 1024; ) {
    try {
      writable.change(() => writable.contents.write(writable.filesystem.inode(file), offset, exerciser.bytes, 0, length, true));
      offset += length;
    } catch (error) {
      if (!(error instanceof FilesystemError) || error.errno !== errno.ENOSPC) throw error;
      length >>= 1;
    }
  }
  writable.change(() => writable.reaper.reap(writable.namespace.unlink(writable.filesystem.root, name).number));
  writable.close();
}

function differing(found: string, expected: string): string {
  const wanted = new Set(expected.split('\n'));
  const got = new Set(found.split('\n'));
  const missing = [...wanted].filter((line) => !got.has(line));
  const added = [...got].filter((line) => !wanted.has(line));
  return `missing ${JSON.stringify(missing.slice(0, 3))}, added ${JSON.stringify(added.slice(0, 3))}`;
}
