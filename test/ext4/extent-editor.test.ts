// time limit: 300 s
import t from 'tap';
import { AllocatedRun } from '../../server/ext4/allocation/block-space.js';
import { MappedRange, RangeState } from '../../server/ext4/mapping/mapping.js';
import { inodeNumber, logicalBlock, physicalBlock, type InodeNumber } from '../../server/ext4/units.js';
import { LogLaboratory, openRecovered, type LogImageOptions } from '../support/log-image.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { WritableFilesystem } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

interface Mapped {
  readonly physical: number;
  readonly unwritten: boolean;
}

/** One file, and the simplest model of its tree: a map with an entry for each block. */
class ModelledFile {
  readonly target: WritableFilesystem;
  readonly device: RecordingDevice;
  readonly number: InodeNumber;
  model = new Map<number, Mapped>();
  readonly #range = new MappedRange();
  readonly #run = new AllocatedRun();

  constructor(options: LogImageOptions) {
    const image = laboratory.make(options, 1);
    this.device = new RecordingDevice(image.bytes.slice());
    // As little memory as can be, so that nodes leave it and come back.
    this.target = new WritableFilesystem(this.device, { cacheBytes: 1 });
    this.number = inodeNumber(image.inodes[0] as number);
  }

  get unit(): number {
    return this.target.filesystem.geometry.clusterRatio;
  }

  get depth(): number {
    return this.target.extentTree.depth(this.target.filesystem.inode(this.number));
  }

  /** Anywhere, or where a range continues a neighbour on the device too. */
  goal(from: number, to: number, random: Random): number {
    const [left, right] = [this.model.get(from - 1), this.model.get(to)];
    if (left !== undefined && random.below(2) === 0) return left.physical + 1;
    if (right !== undefined && random.below(2) === 0) return right.physical - (to - from);
    return random.below(this.target.filesystem.superblock.blocksCount);
  }

  /** Fills the holes in a range. */
  fill(from: number, to: number, unwritten: boolean, goal: number): void {
    const { filesystem, blockAllocator, extents, inodes } = this.target;
    const inode = filesystem.inode(this.number);
    for (let at = from; at < to; at += this.#range.length) {
      filesystem.mapping.map(inode, logicalBlock(at), this.#range);
      if (this.#range.state !== RangeState.Hole) continue;
      const length = Math.min(this.#range.length, to - at);
      blockAllocator.allocate({ inode: this.number, goal: physicalBlock(goal), length, privileged: true, streaming: false }, this.#run);
      const given = Math.min(length, this.#run.length);
      extents.insert(inode, logicalBlock(at), given, this.#run.start, unwritten);
      inodes.addBlocks(inode, given);
      for (let index = 0; index < given; index++) this.model.set(at + index, { physical: this.#run.start + index, unwritten });
      this.#range.length = given;
    }
  }

  /** Changes the state of what is mapped in a range. */
  convert(from: number, to: number, toUnwritten: boolean): void {
    const { filesystem, extents } = this.target;
    const inode = filesystem.inode(this.number);
    for (let at = from; at < to; at += this.#range.length) {
      filesystem.mapping.map(inode, logicalBlock(at), this.#range);
      if (this.#range.state === RangeState.Hole) continue;
      const length = Math.min(this.#range.length, to - at);
      extents.convert(inode, logicalBlock(at), length, toUnwritten);
      for (let index = 0; index < length; index++) {
        this.model.set(at + index, { physical: (this.model.get(at + index) as Mapped).physical, unwritten: toUnwritten });
      }
    }
  }

  /** @returns where it stopped */
  remove(from: number, to: number, mostExtents: number): number {
    const { filesystem, extents, blockAllocator, inodes } = this.target;
    const stopped = extents.remove(filesystem.inode(this.number), logicalBlock(from), to, mostExtents, (inode, logical, physical, length) => {
      for (let index = 0; index < length; index++) {
        if (this.model.get(logical + index)?.physical !== physical + index) throw new Error(`block ${logical + index} is released as ${physical + index}`);
        this.model.delete(logical + index);
      }
      blockAllocator.free(physical, length, false);
      inodes.addBlocks(inode, -length);
    });
    return stopped;
  }

  /** How what the tree says differs from the model; empty when it does not. */
  differences(limit: number, filesystem = this.target.filesystem): string[] {
    const found: string[] = [];
    const inode = filesystem.inode(this.number);
    for (let at = 0; at < limit; at += this.#range.length) {
      filesystem.mapping.map(inode, logicalBlock(at), this.#range);
      const { state, physical, length } = this.#range;
      for (let index = 0; index < Math.min(length, limit - at); index++) {
        const expected = this.model.get(at + index);
        const matches =
          expected === undefined
            ? state === RangeState.Hole
            : state === (expected.unwritten ? RangeState.Unwritten : RangeState.Written) && physical + index === expected.physical;
        if (!matches) found.push(`${at + index}: ${state} ${physical + index}, not ${JSON.stringify(expected)}`);
      }
    }
    return found.slice(0, 5);
  }

  setSize(blocks: number): void {
    this.target.change(() => {
      this.target.inodes.setSize(this.target.filesystem.inode(this.number), blocks * this.target.filesystem.superblock.blockSize);
    });
  }
}

const LIMIT = 6000;
/** With blocks of 1 KiB. */
const EXTENTS_PER_NODE = 84;

const cases: readonly LogImageOptions[] = [
  { name: '1 KiB blocks', blockSize: 1024, journal: 'size=4', size: '16M' },
  { name: '1 KiB blocks without checksums', blockSize: 1024, features: '^metadata_csum,^64bit', journal: 'size=4', size: '16M' },
  { name: '4 KiB blocks', blockSize: 4096, journal: 'size=8', size: '48M' },
  { name: 'clusters of 16 blocks', blockSize: 1024, features: 'bigalloc', journal: 'size=4', size: '24M' },
];

for (const options of cases) {
  t.test(`random changes: ${options.name}`, async (t) => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = new Random(seed * 1000 + options.name.length);
      const file = new ModelledFile(options);
      const { target, unit } = file;
      file.setSize(LIMIT);
      const free = target.counters.totals.freeClusters;
      const wrong: string[] = [];
      let deepest = 0;
      for (let step = 0; step < 1500 && wrong.length === 0; step++) {
        const before = new Map(file.model);
        const at = random.below(20) === 0 ? random.below(8) : random.below(LIMIT / unit);
        const from = at * unit;
        // Small ranges tear the tree up, large ones put it together again.
        const to = Math.min(LIMIT, from + (1 + random.below([4, 4, 30, 400][random.below(4)] as number)) * unit);
        const kind = random.below(10);
        target.transactions.begin();
        try {
          if (kind < 6) file.fill(from, to, random.below(2) === 0, file.goal(from, to, random));
          else if (kind < 8) file.convert(from, to, random.below(2) === 0);
          else file.remove(from, to, 1 + random.below(30));
        } catch (error) {
          wrong.push(`step ${step}: ${String(error)}`);
        }
        if (random.below(8) === 0) {
          target.transactions.abort();
          file.model = before;
        } else {
          target.transactions.end();
        }
        if (random.below(20) === 0) target.transactions.commit();
        target.filesystem.trim();
        deepest = Math.max(deepest, file.depth);
        if (step % 25 === 0) wrong.push(...file.differences(LIMIT).map((difference) => `step ${step}: ${difference}`));
      }
      t.same(wrong, [], `seed ${seed}: the tree is as the model says`);
      t.ok(deepest >= 1, `depth ${deepest} was reached`);
      target.transactions.commit();
      t.equal(laboratory.recoveredByE2fsck(file.device.bytes).complaints, '', `seed ${seed}: e2fsck agrees`);
      t.same(file.differences(LIMIT, openRecovered(file.device.bytes)), [], 'so does a new mount');

      while (target.change(() => file.remove(0, LIMIT, 100)) < LIMIT);
      t.equal(file.depth, 0, 'an empty tree is back in its inode');
      target.transactions.commit();
      t.equal(target.counters.totals.freeClusters, free, 'every block is free again');
      target.unmount();
      t.equal(laboratory.recoveredByE2fsck(file.device.bytes).complaints, '', 'and e2fsck agrees');
    }
  });
}

t.test('a tree that grows as deep as it gets on a small filesystem, from either end, and shrinks', async (t) => {
  for (const order of ['ascending', 'descending', 'shuffled'] as const) {
    const file = new ModelledFile({ name: order, blockSize: 1024, journal: 'size=4', size: '80M' });
    const { target } = file;
    const count = 29_000;
    file.setSize(2 * count);
    const free = target.counters.totals.freeClusters;
    const random = new Random(5);
    const blocks = Array.from({ length: count }, (_, index) => 2 * (order === 'descending' ? count - 1 - index : index));
    if (order === 'shuffled') {
      for (let last = count - 1; last > 0; last--) {
        const other = random.below(last + 1);
        [blocks[last], blocks[other]] = [blocks[other] as number, blocks[last] as number];
      }
    }
    for (const block of blocks) {
      target.change(() => {
        file.fill(block, block + 1, false, 0);
      });
      target.filesystem.trim();
    }
    t.same(file.differences(2 * count), [], order);
    const nodes = free - target.counters.totals.freeClusters - count;
    // Written in order, all but the last of a level are full.
    t.ok(nodes <= (order === 'ascending' ? 1 : 2.2) * (count / EXTENTS_PER_NODE) * 1.03, `${order}: ${nodes} nodes`);
    t.equal(file.depth, 3);
    target.transactions.commit();
    t.equal(laboratory.recoveredByE2fsck(file.device.bytes).complaints, '');

    while (target.change(() => file.remove(1000, 2 * count, 200)) < 2 * count) target.filesystem.trim();
    t.same(file.differences(2 * count), [], 'what was not removed stays');
    while (target.change(() => file.remove(0, 2 * count, 200)) < 2 * count) target.filesystem.trim();
    t.equal(file.depth, 0);
    target.transactions.commit();
    t.equal(target.counters.totals.freeClusters, free);
    t.equal(laboratory.recoveredByE2fsck(file.device.bytes).complaints, '');
  }
});

t.test('a tree that falls back to a few extents', async (t) => {
  const file = new ModelledFile({ name: 'few', blockSize: 1024, journal: 'size=4', size: '16M' });
  const { target } = file;
  file.setSize(2000);
  const free = target.counters.totals.freeClusters;
  for (let at = 0; at < 1000; at++) {
    target.change(() => {
      file.fill(2 * at, 2 * at + 1, false, 0);
    });
  }
  t.equal(file.depth, 2);
  while (target.change(() => file.remove(0, 1000, 100)) < 1000);
  while (target.change(() => file.remove(1008, 2000, 100)) < 2000);
  t.equal(file.depth, 0, 'has them in the inode again');
  t.same(file.differences(2000), []);
  target.transactions.commit();
  t.equal(target.counters.totals.freeClusters, free - 4);
  t.equal(laboratory.recoveredByE2fsck(file.device.bytes, undefined, []).complaints, '', 'and e2fsck would not have it shorter');
});

t.test('extents as long as they may be', async (t) => {
  const file = new ModelledFile({ name: 'long', blockSize: 1024, journal: 'size=4', size: '200M' });
  const { target } = file;
  file.setSize(140_000);
  for (const unwritten of [true, false]) {
    for (let at = 0; at < 140_000; at += 5000) {
      target.change(() => {
        file.fill(at, at + 5000, unwritten, 0);
      });
    }
    t.same(file.differences(140_000), []);
    target.change(() => {
      file.convert(0, 140_000, !unwritten);
    });
    t.same(file.differences(140_000), [], 'converted');
    target.transactions.commit();
    t.equal(laboratory.recoveredByE2fsck(file.device.bytes).complaints, '');
    while (target.change(() => file.remove(0, 140_000, 100)) < 140_000);
    target.transactions.commit();
  }
});
