// time limit: 900 s
import t from 'tap';
import { NoSpaceError } from '../../server/ext4/allocation/block-allocator.js';
import { AllocatedRun } from '../../server/ext4/allocation/block-space.js';
import { inodeNumber, physicalBlock, type InodeNumber } from '../../server/ext4/units.js';
import { LogLaboratory, type LogImageOptions } from '../support/log-image.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { WritableFilesystem, type WritableOptions } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

interface Opened {
  readonly device: RecordingDevice;
  readonly target: WritableFilesystem;
}

function open(options: LogImageOptions, writable: WritableOptions = {}): Opened {
  const device = new RecordingDevice(laboratory.make(options, 1).bytes.slice());
  return { device, target: new WritableFilesystem(device, { cacheBytes: 1, ...writable }) };
}

interface Run {
  readonly start: number;
  readonly length: number;
}

/** Allocates without giving the blocks to any file. */
function allocate({ target }: Opened, length: number, { inode = 12, goal = 0, streaming = false, privileged = true } = {}): Run {
  const run = new AllocatedRun();
  target.blockAllocator.allocate({ inode: inodeNumber(inode), goal: physicalBlock(goal), length, privileged, streaming }, run);
  return { start: run.start, length: run.length };
}

function refusal(opened: Opened): unknown {
  try {
    return opened.target.change(() => allocate(opened, 1));
  } catch (error) {
    return error;
  }
}

const cases: readonly LogImageOptions[] = [
  { name: '1 KiB blocks, 6 groups', blockSize: 1024, journal: 'size=4', size: '48M' },
  { name: 'small groups', blockSize: 4096, journal: 'size=4', size: '32M' },
  { name: 'no lazy bitmaps', blockSize: 1024, features: '^metadata_csum,^uninit_bg', journal: 'size=4', size: '20M' },
  { name: 'clusters of 16 blocks', blockSize: 1024, features: 'bigalloc', journal: 'size=4', size: '48M' },
];

for (const options of cases) {
  t.test(`random runs: ${options.name}`, async (t) => {
    for (let seed = 1; seed <= 3; seed++) {
      const random = new Random(seed);
      const opened = open(options);
      const { target, device } = opened;
      const { totals } = target.counters;
      const { clusterRatio } = target.filesystem.geometry;
      const free = totals.freeClusters;
      /** What is handed out, and what was freed since the last commit. */
      let runs: Run[] = [];
      const owned = new Set<number>();
      const pending = new Set<number>();
      const wrong: string[] = [];
      let full = 0;
      for (let step = 0; step < 3000 && wrong.length === 0; step++) {
        const [runsBefore, freeBefore] = [[...runs], totals.freeClusters];
        const [added, removed]: [Run[], Run[]] = [[], []];
        target.transactions.begin();
        let failed = random.below(10) === 0;
        try {
          for (let count = 1 + random.below(3); count > 0; count--) {
            // Files grow in a few places at once; sometimes nearly everything is taken.
            if (random.below(8) < (step % 1000 < 500 ? 6 : 2) || runs.length === 0) {
              const goal = random.below(3) === 0 ? random.below(target.filesystem.superblock.blocksCount) : ((last) => (last === undefined ? 0 : last.start + last.length))(runs[runs.length - 1]);
              const wanted = 1 + random.below(random.below(10) === 0 ? 3000 : 40);
              const run = allocate(opened, wanted, { inode: 12 + random.below(3), goal, streaming: random.below(2) === 0 });
              if (run.length > Math.ceil(wanted / clusterRatio) * clusterRatio) wrong.push(`step ${step}: ${run.length} blocks for ${wanted}`);
              added.push(run);
              runs.push(run);
            } else {
              const [run] = runs.splice(random.below(runs.length), 1) as [Run];
              target.blockAllocator.free(physicalBlock(run.start), run.length, false);
              removed.push(run);
            }
          }
        } catch (error) {
          if (!(error instanceof NoSpaceError)) throw error;
          failed = true;
          full++;
        }
        if (random.below(30) === 0) target.blockAllocator.releaseWindow(inodeNumber(12 + random.below(3)) as InodeNumber);
        if (failed) {
          target.transactions.abort();
          runs = runsBefore;
          if (totals.freeClusters !== freeBefore) wrong.push(`step ${step}: ${totals.freeClusters} free after undoing, not ${freeBefore}`);
        } else {
          target.transactions.end();
          for (const { start, length } of added) {
            for (let block = start; block < start + length; block++) {
              if (owned.has(block)) wrong.push(`step ${step}: block ${block} is handed out twice`);
              if (pending.has(block)) wrong.push(`step ${step}: block ${block} was freed by the running transaction`);
              owned.add(block);
            }
          }
          for (const { start, length } of removed) {
            for (let block = start; block < start + length; block++) {
              owned.delete(block);
              pending.add(block);
            }
          }
        }
        if (totals.freeClusters !== free - owned.size / clusterRatio) wrong.push(`step ${step}: ${totals.freeClusters} clusters free, ${owned.size} blocks in use`);
        if (random.below(12) === 0) {
          target.transactions.commit();
          pending.clear();
        }
        target.filesystem.trim();
      }
      t.same(wrong, [], `seed ${seed}: ${full} times full`);

      target.change(() => {
        for (const { start, length } of runs) target.blockAllocator.free(physicalBlock(start), length, false);
      });
      target.unmount();
      t.equal(totals.freeClusters, free, 'all is free in the end');
      t.equal(laboratory.recoveredByE2fsck(device.bytes).complaints, '', 'and the bitmaps are as they were');
    }
  });

  t.test(`to the last block: ${options.name}`, async (t) => {
    const reservedClusters = 100;
    const opened = open(options, { reservedClusters });
    const { target } = opened;
    const { totals } = target.counters;
    const { clusterRatio } = target.filesystem.geometry;
    const take = (privileged: boolean): number => {
      let taken = 0;
      for (;;) {
        try {
          taken += target.change(() => allocate(opened, 500, { streaming: taken % 3 === 0, privileged })).length / clusterRatio;
        } catch (error) {
          t.type(error, NoSpaceError);
          return taken;
        }
      }
    };
    const free = totals.freeClusters;
    t.equal(take(false), free - reservedClusters, 'users leave what is reserved');
    t.equal(take(true), reservedClusters, 'which root can have');
    t.equal(totals.freeClusters, 0);

    const { superblock } = target.filesystem;
    const last = superblock.blocksCount - clusterRatio;
    target.change(() => {
      target.blockAllocator.free(physicalBlock(last), clusterRatio, false);
    });
    t.match(refusal(opened), { afterCommit: true }, 'what was freed can be had after a commit');
    target.transactions.commit();
    t.same(target.change(() => allocate(opened, 10)), { start: last, length: clusterRatio }, 'and only that');
    t.match(refusal(opened), { afterCommit: false });
  });
}

t.test('what must not be freed', async (t) => {
  const opened = open({ name: 'wrong', blockSize: 1024, journal: 'size=4', size: '16M' });
  const { target } = opened;
  const free = (block: number, length: number): void => target.change(() => target.blockAllocator.free(physicalBlock(block), length, false));
  const { start } = target.change(() => allocate(opened, 8));
  t.throws(() => free(start, 9), { code: 'CORRUPT' }, 'a block that is free');
  t.throws(() => free(1, 1), { code: 'CORRUPT' }, 'the superblock');
  t.throws(() => free(target.filesystem.superblock.blocksCount - 1, 2), { code: 'CORRUPT' }, 'what does not exist');
  free(start, 4);
  t.throws(() => free(start, 1), { code: 'CORRUPT' }, 'the same block twice');
  free(start + 4, 4);
  target.unmount();
  t.equal(laboratory.recoveredByE2fsck(opened.device.bytes).complaints, '', 'none of which left a trace');
});

t.test('a stream stays together beside another one', async (t) => {
  const opened = open({ name: 'streams', blockSize: 4096, journal: 'size=4', size: '48M' });
  const ends = new Map<number, number>();
  const breaks = new Map<number, number>();
  for (let round = 0; round < 300; round++) {
    for (const inode of [12, 13, 14]) {
      const { start, length } = opened.target.change(() => allocate(opened, 4, { inode, goal: ends.get(inode) ?? 0, streaming: true }));
      if (start !== ends.get(inode)) breaks.set(inode, (breaks.get(inode) ?? 0) + 1);
      ends.set(inode, start + length);
    }
  }
  // Of 16 KiB each, 4.7 MiB in all.
  for (const [inode, count] of breaks) t.ok(count <= 4, `${count} pieces for inode ${inode}`);
});

t.test('files that are written at once lie close together', async (t) => {
  const opened = open({ name: 'together', blockSize: 4096, journal: 'size=4', size: '48M' });
  const starts: number[] = [];
  for (let inode = 12; inode < 62; inode++) starts.push(opened.target.change(() => allocate(opened, 48, { inode, goal: 0, streaming: true })).start);
  const span = Math.max(...starts) + 48 - Math.min(...starts);
  // 64 KiB behind each stay free for its next blocks.
  t.ok(span <= 50 * (48 + 16), `50 files of 48 blocks lie within ${span} blocks`);
});

t.test('a group whose bitmap is damaged', async (t) => {
  const image = laboratory.make({ name: 'damaged', blockSize: 1024, journal: 'size=1', size: '20M' }, 1).bytes.slice();
  const descriptors = new DataView(image.buffer, 2048);
  const bitmap = descriptors.getUint32(64, true);
  // Clusters that count as used, although the checksum says that they were not.
  descriptors.setUint16(64 + 0x12, descriptors.getUint16(64 + 0x12, true) & ~2, true);
  image.fill(0x55, bitmap * 1024, bitmap * 1024 + 64);
  const device = new RecordingDevice(image);
  const target = new WritableFilesystem(device);
  const opened = { device, target };
  const runs: Run[] = [];
  t.throws(() => {
    for (;;) runs.push(target.change(() => allocate(opened, 1000)));
  }, { code: 'OPERATION', message: /no space/ });
  t.ok(runs.length > 5, 'is left out');
  const { geometry } = target.filesystem;
  t.notOk(runs.some(({ start }) => geometry.groupOfBlock(physicalBlock(start)) === 1));
  t.match(target.problems.join('\n'), /block bitmap \(group 1/, 'and reported');
});

t.test('inodes', async (t) => {
  for (const features of ['', '^metadata_csum,^uninit_bg']) {
    const opened = open({ name: 'inodes', blockSize: 1024, features, journal: 'size=4', size: '48M' });
    const { target, device } = opened;
    const { totals } = target.counters;
    const random = new Random(9);
    const free = totals.freeInodes;
    const owned = new Set<number>();
    const allocateInode = (): number => target.inodeAllocator.allocate(target.filesystem.root, false).number;
    for (let step = 0; step < 4000; step++) {
      const freed = [...owned][random.below(owned.size + 1)];
      target.transactions.begin();
      let number = 0;
      try {
        if (freed !== undefined && random.below(5) < 2) target.inodeAllocator.free(inodeNumber(freed), false);
        else number = allocateInode();
        if (random.below(6) === 0) {
          target.transactions.abort();
        } else {
          target.transactions.end();
          if (number === 0) owned.delete(freed as number);
          else if (owned.has(number) || number <= 12) t.fail(`inode ${number} is handed out again`);
          else owned.add(number);
        }
      } catch (error) {
        target.transactions.abort();
        t.match(error, { code: 'OPERATION' });
        t.equal(totals.freeInodes, 0, 'there is none only when all are taken');
        break;
      }
      if (totals.freeInodes !== free - owned.size) t.fail(`${totals.freeInodes} inodes free with ${owned.size} taken of ${free}`);
      if (random.below(20) === 0) target.transactions.commit();
      target.filesystem.trim();
    }
    for (let left = totals.freeInodes; left > 0; left--) owned.add(target.change(allocateInode));
    t.throws(() => target.change(allocateInode), { code: 'OPERATION' });
    t.equal(owned.size, free, 'every inode can be had');
    for (const number of owned) target.change(() => target.inodeAllocator.free(inodeNumber(number), false));
    target.unmount();
    t.equal(totals.freeInodes, free);
    t.equal(laboratory.recoveredByE2fsck(device.bytes).complaints, '');
  }
});

t.test('places for directories', async (t) => {
  const { target } = open({ name: 'directories', blockSize: 1024, journal: 'size=4', size: '48M' });
  const groups = new Set<number>();
  for (let count = 0; count < 12; count++) {
    groups.add(target.filesystem.geometry.groupOfInode(target.change(() => target.inodeAllocator.allocate(target.filesystem.root, true)).number));
  }
  t.ok(groups.size >= 3, `those below the root are in ${groups.size} groups`);
});
