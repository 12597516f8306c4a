import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Directory } from '../../server/ext4/directory/directory.js';
import type { FilesystemError } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber, type InodeNumber } from '../../server/ext4/units.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { KernelImage } from './kernel-image.js';

t.setTimeout(300_000);
const seed = Number(process.env['FUSE4FS_SEED'] ?? 157);
const OPERATIONS = Number(process.env['TEST_OPERATIONS'] ?? 6000);

const nameOf = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, offset: 0, length: bytes.length };
};

/** A listing under way, and the names that exist since it began. */
interface Listing {
  position: number;
  readonly throughout: Set<string>;
  readonly given: Set<string>;
}

/** A directory that is changed and listed in turns, beside a set of the names that must be in it. */
class Exercise {
  readonly names = new Set<string>();
  readonly problems: string[] = [];
  readonly reports: FilesystemError[] = [];
  readonly device: MemoryDevice;
  readonly #random: Random;
  readonly #writable: WritableFilesystem;
  readonly #number: InodeNumber;
  #listing: Listing | undefined;

  constructor(device: MemoryDevice, random: Random) {
    this.device = device;
    this.#random = random;
    this.#writable = WritableFilesystem.open(device, { barriers: true, mountPoint: '', discard: false, report: (error) => void this.reports.push(error) });
    const { namespace, filesystem } = this.#writable;
    this.#number = this.#writable.change(() => namespace.create(filesystem.root, nameOf('d'), { mode: 0o40755, uid: 0, gid: 0, device: 0, umask: 0 }).number);
  }

  step(): void {
    const kind = this.#random.below(100);
    if (kind < 3) this.#attemptInVain();
    else if (kind < 45) this.#add();
    else if (kind < 70) this.#remove();
    else if (kind < 72) this.#checkAll();
    else this.#listSome();
  }

  finish(): void {
    this.#checkAll();
    this.#writable.close();
  }

  get #directory(): Directory {
    return this.#writable.directory;
  }

  get #dir(): Inode {
    return this.#writable.filesystem.inode(inodeNumber(this.#number));
  }

  #newName(): string {
    return `${this.#random.below(1_000_000)}-`.padEnd(1 + this.#random.below(200), 'n');
  }

  #create(text: string): void {
    this.#writable.namespace.create(this.#dir, nameOf(text), { mode: 0o100644, uid: 0, gid: 0, device: 0, umask: 0 });
  }

  #add(): void {
    const text = this.#newName();
    if (this.names.has(text)) return;
    this.#writable.change(() => this.#create(text));
    this.names.add(text);
  }

  #remove(): void {
    const text = this.#anyName();
    if (text === undefined) return;
    const inode = this.#writable.change(() => this.#writable.namespace.unlink(this.#dir, nameOf(text)).number);
    this.#writable.change(() => this.#writable.reaper.reap(inode));
    this.names.delete(text);
    this.#listing?.throughout.delete(text);
  }

  /** Adds and removes within an operation that then fails: nothing of it may be seen. */
  #attemptInVain(): void {
    const removed = this.#anyName();
    try {
      this.#writable.change(() => {
        for (let count = 0; count < 20; count++) this.#create(`vain-${count}-${this.#newName()}`);
        if (removed !== undefined) this.#writable.namespace.unlink(this.#dir, nameOf(removed));
        this.#directory.iterate(this.#dir, 0, () => true);
        throw new RangeError('in vain');
      });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }

  #anyName(): string | undefined {
    let left = this.#random.below(this.names.size);
    for (const text of this.names) if (left-- === 0) return text;
    return undefined;
  }

  #listSome(): void {
    const listing = (this.#listing ??= { position: 0, throughout: new Set(this.names), given: new Set() });
    const batch = 1 + this.#random.below(30);
    let taken = 0;
    this.#directory.iterate(this.#dir, listing.position, ({ bytes, nameOffset, nameLength, position }) => {
      if (taken === batch) return false;
      taken++;
      const text = new TextDecoder().decode(bytes.slice(nameOffset, nameOffset + nameLength));
      if (text !== '.' && text !== '..' && !this.names.has(text)) this.problems.push(`${text} is listed and does not exist`);
      if (listing.throughout.has(text) && listing.given.has(text)) this.problems.push(`${text} is listed twice`);
      listing.given.add(text);
      listing.position = position;
      return true;
    });
    if (taken === batch) return;
    for (const text of listing.throughout) if (!listing.given.has(text)) this.problems.push(`${text} is not listed`);
    this.#listing = undefined;
  }

  #checkAll(): void {
    const listed: string[] = [];
    this.#directory.iterate(this.#dir, 0, ({ bytes, nameOffset, nameLength }) => {
      listed.push(new TextDecoder().decode(bytes.slice(nameOffset, nameOffset + nameLength)));
      return true;
    });
    if (listed.length !== this.names.size + 2) this.problems.push(`${listed.length - 2} names are listed instead of ${this.names.size}`);
    for (const text of this.names) {
      if (this.#directory.lookup(this.#dir, nameOf(text).bytes, 0, nameOf(text).length) === 0) this.problems.push(`${text} is not found`);
    }
    if (this.#directory.isEmpty(this.#dir) !== (this.names.size === 0)) this.problems.push('emptiness');
  }
}

for (const features of ['metadata_csum', '^metadata_csum', '^dir_index', 'large_dir,^has_journal']) {
  t.test(`a directory is changed and listed in turns (${features})`, async (t) => {
    t.comment(`FUSE4FS_SEED=${seed} TEST_OPERATIONS=${OPERATIONS}`);
    const image = new KernelImage({ features, mke2fs: ['-b', '1024', '-N', '9000'], size: '48M' });
    t.teardown(() => image.remove());
    const exercise = new Exercise(MemoryDevice.of(image.path), new Random(seed));
    for (let operation = 0; operation < OPERATIONS && exercise.problems.length === 0; operation++) exercise.step();
    exercise.finish();
    t.same(exercise.problems, []);
    t.same(exercise.reports.map(({ message }) => message), []);

    const scratch = mkdtempSync(join(tmpdir(), 'fuse4fs-changes-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const path = join(scratch, 'image');
    writeFileSync(path, exercise.device.bytes);
    const { status, stdout } = spawnSync('e2fsck', ['-fn', path], { encoding: 'utf8' });
    t.equal(status, 0, stdout);
  });
}
