import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { errno, FilesystemError } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import { NameIndex } from '../../server/ext4/layout/xattr.js';
import type { QuotaLimits } from '../../server/ext4/quota/quota.js';
import type { EnforcedQuotas } from '../../server/ext4/quota/quotas.js';
import type { QuotaKind } from '../../server/ext4/quota/quota-tree.js';
import { inodeNumber, type InodeNumber } from '../../server/ext4/units.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { complaintsAbout } from '../crash/images.js';
import { debugfs, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { ALL_QUOTAS } from './quota-workload.js';

const BLOCK = 4096;
const USER = 1000;
const GROUP = 2000;
const ALL: EnforcedQuotas = { user: true, group: true, project: true };
const NONE: QuotaLimits = { spaceSoft: 0, spaceHard: 0, inodesSoft: 0, inodesHard: 0 };

/** A filesystem whose user, unless a call says otherwise, is held to limits; checked by e2fsck at the end. */
class Bench {
  readonly writable: WritableFilesystem;
  readonly #directory: string;
  readonly #bytes: Uint8Array;
  #names = 0;

  private constructor(directory: string, bytes: Uint8Array, enforced: EnforcedQuotas) {
    this.#directory = directory;
    this.#bytes = bytes;
    this.writable = WritableFilesystem.open(new MemoryDevice(bytes), { barriers: true, mountPoint: '/', discard: false, enforcedQuotas: enforced });
  }

  static async make(directory: string, enforced: EnforcedQuotas = ALL, recipe: Partial<ImageRecipe> = {}): Promise<Bench> {
    const bytes = new Uint8Array(readFileSync(await makeImage(directory, { ...ALL_QUOTAS, size: 32 * mebibyte, ...recipe })));
    return new Bench(directory, bytes, enforced);
  }

  /** Unmounts. @returns what e2fsck has to say */
  async complaints(): Promise<string | undefined> {
    this.writable.close();
    return complaintsAbout(this.#directory, this.#bytes);
  }

  limit(kind: QuotaKind, id: number, limits: Partial<QuotaLimits>): void {
    this.writable.change(() => this.writable.quotas?.[kind]?.setLimits(id, { ...NONE, ...limits }));
  }

  /** The errno of an operation, 0 where it succeeds. */
  outcome(operation: () => void, limited = true): number {
    try {
      this.writable.change(operation, limited);
      return 0;
    } catch (error) {
      if (error instanceof FilesystemError) return error.errno;
      throw error;
    }
  }

  make(type: number = FileType.REGULAR, parent: Inode = this.writable.filesystem.root, limited = true): InodeNumber | number {
    const bytes = Buffer.from(`name${this.#names++}`);
    let made = 0;
    const failed = this.outcome(() => {
      made = this.writable.namespace.create(parent, { bytes, offset: 0, length: bytes.length }, { mode: type | 0o644, umask: 0, uid: USER, gid: GROUP, device: 0 }).number;
    }, limited);
    return failed === 0 ? made : -failed;
  }

  inode(number: number): Inode {
    return this.writable.filesystem.inode(inodeNumber(number));
  }

  write(number: number, offset: number, length: number, limited = true): number {
    return this.outcome(() => this.writable.contents.write(this.inode(number), offset, new Uint8Array(length).fill(1), 0, length, false), limited);
  }

  usage(kind: QuotaKind, id: number): { space: number; inodes: number } {
    const { space = 0, inodes = 0 } = this.writable.quotas?.[kind]?.report(id) ?? {};
    return { space, inodes };
  }
}

for (const [kind, id] of [['user', USER], ['group', GROUP]] as const) {
  t.test(`a hard limit of space: ${kind}`, async (t) => {
    const bench = await Bench.make(scratchDirectory(t));
    const file = bench.make();
    bench.limit(kind, id, { spaceHard: 10 * BLOCK });
    t.equal(bench.write(file, 0, 8 * BLOCK), 0);
    t.equal(bench.write(file, 8 * BLOCK, 3 * BLOCK), errno.EDQUOT, 'more than is left');
    t.strictSame(bench.usage(kind, id), { space: 8 * BLOCK, inodes: 1 }, 'leaves no trace');
    t.equal(bench.inode(file).size, 8 * BLOCK);
    t.equal(bench.write(file, 8 * BLOCK, 2 * BLOCK), 0, 'the rest');
    t.equal(bench.write(file, 0, 10 * BLOCK), 0, 'what is there can be overwritten');
    t.equal(bench.write(file, 10 * BLOCK, 1), errno.EDQUOT);
    t.equal(bench.make(FileType.DIRECTORY), -errno.EDQUOT, 'a directory has a block');
    t.ok(bench.make() > 0, 'an empty file has none');
    t.equal(bench.outcome(() => bench.writable.contents.allocate(bench.inode(file), 0, 20 * BLOCK, 1, false)), errno.EDQUOT);
    t.equal(bench.write(file, 10 * BLOCK, BLOCK, false), 0, 'root may have more');
    t.strictSame(bench.usage(kind, id), { space: 11 * BLOCK, inodes: 2 });
    t.equal(bench.outcome(() => bench.writable.contents.truncate(bench.inode(file), 0)), 0);
    t.strictSame(bench.usage(kind, id), { space: 0, inodes: 2 });
    t.equal(bench.write(file, 0, 10 * BLOCK), 0, 'and again');
    t.equal(await bench.complaints(), undefined);
  });
}

t.test('a hard limit of inodes', async (t) => {
  const bench = await Bench.make(scratchDirectory(t));
  bench.limit('user', USER, { inodesHard: 3 });
  const made = Array.from({ length: 3 }, () => bench.make());
  t.ok(made.every((number) => number > 0));
  t.equal(bench.make(), -errno.EDQUOT);
  t.equal(bench.make(FileType.SYMLINK), -errno.EDQUOT);
  t.ok(bench.make(FileType.REGULAR, bench.writable.filesystem.root, false) > 0, 'root may make more for the user');
  t.strictSame(bench.usage('user', USER), { space: 0, inodes: 4 });
  t.equal(await bench.complaints(), undefined);
});

t.test('soft limits and their grace times', async (t) => {
  const bench = await Bench.make(scratchDirectory(t));
  const { clock } = bench.writable;
  clock.tick = () => undefined;
  clock.seconds = 1_000_000;
  const week = 7 * 24 * 3600;
  const file = bench.make();
  bench.limit('user', USER, { spaceSoft: 4 * BLOCK, spaceHard: 20 * BLOCK, inodesSoft: 2 });
  t.equal(bench.write(file, 0, 6 * BLOCK), 0);
  t.equal(bench.writable.quotas?.user?.report(USER)?.spaceDeadline, 1_000_000 + week);
  clock.seconds += week - 1;
  t.equal(bench.write(file, 6 * BLOCK, BLOCK), 0, 'until then all is well');
  clock.seconds++;
  t.equal(bench.write(file, 7 * BLOCK, BLOCK), errno.EDQUOT, 'then not');
  t.equal(bench.write(file, 7 * BLOCK, BLOCK, false), 0, 'but for root');
  t.equal(bench.outcome(() => bench.writable.contents.truncate(bench.inode(file), 4 * BLOCK)), 0);
  t.equal(bench.writable.quotas?.user?.report(USER)?.spaceDeadline, 0, 'below the limit, all is forgotten');
  t.equal(bench.write(file, 4 * BLOCK, 4 * BLOCK), 0);
  t.equal(bench.writable.quotas?.user?.report(USER)?.spaceDeadline, clock.seconds + week);

  t.ok(bench.make() > 0);
  t.ok(bench.make() > 0, 'more than the soft limit');
  clock.seconds += week;
  t.equal(bench.make(), -errno.EDQUOT, 'not for ever');
  bench.limit('user', USER, { inodesSoft: 3 });
  t.ok(bench.make() > 0, 'the limit was raised');
  t.equal(await bench.complaints(), undefined);
});

t.test('limits that are not enforced', async (t) => {
  const bench = await Bench.make(scratchDirectory(t), { group: true });
  const file = bench.make();
  bench.limit('user', USER, { spaceHard: BLOCK, inodesHard: 1 });
  t.equal(bench.write(file, 0, 8 * BLOCK), 0);
  t.ok(bench.make() > 0);
  t.strictSame(bench.usage('user', USER), { space: 8 * BLOCK, inodes: 2 }, 'usage is accounted');
  t.equal(await bench.complaints(), undefined);
});

t.test('changing hands', async (t) => {
  const bench = await Bench.make(scratchDirectory(t), ALL, { features: ['quota', 'project', 'ea_inode'] });
  const file = bench.make();
  bench.write(file, 0, 5 * BLOCK);
  const name = { index: NameIndex.USER, bytes: Buffer.from('large'), offset: 0, length: 5 };
  t.equal(bench.outcome(() => t.equal(bench.writable.attributes.set(bench.inode(file), name, new Uint8Array(10_000), 0, 10_000, 0, false), 1)), 0);
  const whole = { space: 8 * BLOCK, inodes: 2 };
  t.strictSame(bench.usage('user', USER), whole, 'an attribute with an inode of its own counts as one');

  bench.limit('group', 7, { spaceHard: 6 * BLOCK });
  t.equal(bench.outcome(() => bench.writable.setOwner(bench.inode(file), USER, 7)), errno.EDQUOT, 'to a group that may not have it');
  t.strictSame([bench.usage('group', GROUP), bench.usage('group', 7).space, bench.inode(file).gid], [whole, 0, GROUP]);
  t.equal(bench.outcome(() => bench.writable.setOwner(bench.inode(file), 8, 7), false), 0, 'root decides');
  t.strictSame([bench.usage('user', USER).space, bench.usage('user', 8), bench.usage('group', 7)], [0, whole, whole]);
  t.equal(bench.writable.quotas?.user?.report(USER), undefined, 'who has nothing has no entry');

  bench.limit('project', 33, { inodesHard: 1 });
  t.equal(bench.outcome(() => bench.writable.setProject(bench.inode(file), 33)), errno.EDQUOT);
  t.equal(bench.outcome(() => bench.writable.setProject(bench.inode(file), 34)), 0);
  t.strictSame(bench.usage('project', 34), whole);
  t.equal(await bench.complaints(), undefined);
});

t.test('a project', async (t) => {
  const bench = await Bench.make(scratchDirectory(t));
  const directory = bench.make(FileType.DIRECTORY);
  bench.writable.change(() => {
    bench.writable.setProject(bench.inode(directory), 55);
    bench.writable.inodes.setFlag(bench.inode(directory), 'PROJINHERIT', true);
  });
  bench.limit('project', 55, { spaceHard: 5 * BLOCK, inodesHard: 3 });
  const file = bench.make(FileType.REGULAR, bench.inode(directory));
  t.equal(bench.write(file, 0, 4 * BLOCK), 0);
  t.equal(bench.write(file, 4 * BLOCK, 1), errno.EDQUOT);
  t.ok(bench.make(FileType.REGULAR, bench.inode(directory)) > 0);
  t.equal(bench.make(FileType.REGULAR, bench.inode(directory)), -errno.EDQUOT);
  t.ok(bench.make() > 0, 'elsewhere it can be made');
  t.equal(await bench.complaints(), undefined);
});

t.test('ENOSPC where the filesystem is full before the limit is reached', async (t) => {
  const bench = await Bench.make(scratchDirectory(t), ALL, { blockSize: 1024, size: 8 * mebibyte });
  bench.limit('user', USER, { spaceHard: 100 * mebibyte });
  const file = bench.make();
  const outcomes = new Set<number>();
  for (let at = 0; at < 9 * mebibyte; at += BLOCK) outcomes.add(bench.write(file, at, BLOCK));
  t.strictSame([...outcomes], [0, errno.ENOSPC]);
  t.equal(await bench.complaints(), undefined);
});

t.test('an orphan is accounted when it goes', async (t) => {
  const directory = scratchDirectory(t);
  const image = await makeImage(directory, { ...ALL_QUOTAS, size: 32 * mebibyte });
  const open = (bytes: Uint8Array): WritableFilesystem => WritableFilesystem.open(new MemoryDevice(bytes), { barriers: true, mountPoint: '/', discard: false });
  const bytes = new Uint8Array(readFileSync(image));
  const writable = open(bytes);
  writable.change(() => {
    const inode = writable.namespace.createUnnamed(writable.filesystem.root, { mode: FileType.REGULAR | 0o600, umask: 0, uid: USER, gid: GROUP, device: 0 });
    writable.contents.write(inode, 0, new Uint8Array(5 * BLOCK), 0, 5 * BLOCK, true);
  });
  writable.commit();
  t.match(writable.quotas?.user?.report(USER), { space: 5 * BLOCK, inodes: 1 });
  const crashed = open(bytes.slice());
  t.equal(crashed.quotas?.user?.report(USER), undefined);
  crashed.close();
});

t.test('damaged quota files', async (t) => {
  const directory = scratchDirectory(t);
  const image = await makeImage(directory, { ...ALL_QUOTAS, blockSize: 1024, size: 24 * mebibyte });
  const places = (await debugfs(image, ['blocks <3>'])).split('\n').find((line) => /^[\d ]+$/.test(line))?.trim().split(' ').map(Number) ?? [];
  t.equal(places.length, 6);
  const sound = readFileSync(image);
  const damage = (block: number, offset: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(sound);
    new DataView(bytes.buffer).setUint32((places[block] as number) * 1024 + offset, value, true);
    return bytes;
  };
  const open = (bytes: Uint8Array): WritableFilesystem => WritableFilesystem.open(new MemoryDevice(bytes), { barriers: true, mountPoint: '/', discard: false });
  for (const [offset, value] of [[0, 7], [4, 0], [20, 1], [20, 7]] as const) {
    t.throws(() => open(damage(0, offset, value)), { code: 'CORRUPT', structure: 'quota file' }, `block 0, ${offset}: ${value}`);
  }
  const cases: readonly (readonly [block: number, offset: number, value: number])[] = [
    [1, 0, 1], [1, 0, 99], [2, 0, 3000], [4, 0, 0xffff_ffff], [4, 4, 5000], [5, 0, 77], [5, 4, 77], [5, 8, 0], [5, 8, 14], [5, 8, 15],
    [0, 24, 1], [0, 24, 5], [0, 24, 600], [0, 28, 1], [0, 28, 6], [5, 16, 9], [5, 16 + 52, 0xffff_ffff], [5, 16 + 28, 0xffff_ffff],
  ];
  for (const [block, offset, value] of cases) {
    const writable = open(damage(block, offset, value));
    const seen = new Set<string>();
    for (let id = 0; id < 40; id++) {
      try {
        writable.change(() => {
          const bytes = Buffer.from(`f${id}`);
          const inode = writable.namespace.create(writable.filesystem.root, { bytes, offset: 0, length: bytes.length }, { mode: FileType.REGULAR | 0o600, umask: 0, uid: id, gid: 0, device: 0 });
          if (id % 3 === 0) writable.setOwner(inode, 0, 0);
        });
      } catch (error) {
        if (!(error instanceof FilesystemError)) throw error;
        seen.add(error.code);
      }
    }
    writable.close();
    writeFileSync(join(directory, 'damaged'), damage(block, offset, value));
    t.ok([...seen].every((code) => code === 'CORRUPT'), `block ${block}, ${offset}: ${value}: ${[...seen].join(' ') || 'goes on'}`);
  }
});
