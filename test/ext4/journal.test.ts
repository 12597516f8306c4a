import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { RecoveredDevice } from '../../server/ext4/journal/recovered-device.js';
import { recoverJournal, type RecoveryResult } from '../../server/ext4/journal/recovery.js';
import { writeHome } from '../../server/ext4/journal/write-home.js';
import { debugfs, differingBlocks, internalJournal, JournalLaboratory, journalInodeBlocks, type ImageOptions } from '../support/journal-image.js';
import { JournalWriter, markForRecovery, type Checksum, type JournalShape } from '../support/journal-writer.js';
import { MemoryDevice } from '../support/memory-device.js';

t.setTimeout(180_000);
const laboratory = new JournalLaboratory();
t.teardown(() => laboratory.remove());

interface Recovered {
  readonly result: RecoveryResult;
  readonly view: Uint8Array;
}

function recover(device: MemoryDevice, blockSize: number, blocks: readonly number[]): Recovered {
  const source = internalJournal(device, blockSize, blocks);
  const result = recoverJournal(source, { blockSize, blockCount: device.size / blockSize, inodeSize: 256 });
  const recovered = new RecoveredDevice(device, source, result.blocks);
  const view = new Uint8Array(device.size);
  recovered.read(view, 0, device.size, 0);
  return { result, view };
}

/** Asserts that the overlay, the blocks written home and the reference all agree. */
function agreesWithReference(t: Test, image: string, blockSize: number, blocks: readonly number[]): Recovered {
  const device = MemoryDevice.of(image, true);
  const untouched = device.bytes.slice();
  const recovered = recover(device, blockSize, blocks);
  t.same(differingBlocks(recovered.view, laboratory.replayedByReference(image), blockSize, blocks), [], 'as e2fsck replays it');
  t.equal(Buffer.compare(device.bytes, untouched), 0, 'the device is untouched');

  const written = MemoryDevice.of(image);
  writeHome(written, internalJournal(device, blockSize, blocks), recovered.result.blocks);
  t.equal(Buffer.compare(written.bytes, recovered.view), 0, 'written home it is the same');
  t.equal(written.flushes, 1);
  return recovered;
}

function pattern(length: number, salt: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index * 31 + (index >> 8) * 7 + salt * 101;
  return bytes;
}

function escapedPattern(length: number, salt: number): Uint8Array {
  const bytes = pattern(length, salt);
  bytes.set([0xc0, 0x3b, 0x39, 0x98]);
  return bytes;
}

t.test('journals that debugfs writes', async (t) => {
  const cases: readonly (ImageOptions & { readonly open: string; readonly transactions: number })[] = [
    { blockSize: 1024, features: '^metadata_csum,^64bit', open: '', transactions: 4 },
    // debugfs 1.47 writes a checksum that its own e2fsck refuses for a transaction of revokes alone.
    { blockSize: 1024, features: '^metadata_csum,64bit', open: '-c', transactions: 1 },
    { blockSize: 1024, features: 'metadata_csum,^64bit', open: '-c -v 2', transactions: 4 },
    { blockSize: 1024, features: 'metadata_csum,^64bit', open: '-c -v 3', transactions: 4 },
    { blockSize: 4096, features: '^metadata_csum,64bit', open: '', transactions: 4 },
    { blockSize: 4096, features: 'metadata_csum,64bit', open: '-c -v 2', transactions: 4 },
    { blockSize: 4096, features: 'metadata_csum,64bit', open: '-c -v 3', transactions: 4 },
  ];
  for (const options of cases) {
    const { blockSize } = options;
    const image = laboratory.make(options);
    const first = laboratory.content(pattern(40 * blockSize, 1));
    const second = laboratory.content(escapedPattern(10 * blockSize, 2));
    const unfinished = laboratory.content(pattern(blockSize, 3));
    debugfs(image, [
      `jo ${options.open}`,
      `jw -b 500-539 ${first}`,
      'jw -r 501,505',
      `jw -b 510-519 ${second}`,
      `jw -b 505 ${unfinished}`,
      `jw -b 520 -c ${unfinished}`,
      'jc',
    ]);
    const { result } = agreesWithReference(t, image, blockSize, journalInodeBlocks(image));
    t.equal(result.transactions, options.transactions, `${options.features} ${options.open}: transactions`);
  }
});

t.test('journals of every shape', async (t) => {
  for (const blockSize of [1024, 4096]) {
    for (const checksum of ['none', 'v1', 'v2', 'v3'] as const) {
      for (const wide of [false, true]) {
        for (const repeatUuid of blockSize === 1024 ? [false, true] : [false]) {
          const name = `${blockSize} ${checksum} ${wide ? '64' : '32'}-bit${repeatUuid ? ', UUID in every tag' : ''}`;
          await t.test(name, async (t) => everyShape(t, { blockSize, checksum, wide, repeatUuid }));
        }
      }
    }
  }
});

interface Shape {
  readonly blockSize: number;
  readonly checksum: Checksum;
  readonly wide: boolean;
  readonly repeatUuid: boolean;
}

/** Several descriptors in a transaction, escapes, revokes, blocks logged again, around the end of the ring. */
function everyShape(t: Test, shape: Shape): void {
  const { blockSize, checksum, wide } = shape;
  const image = laboratory.make({
    blockSize,
    size: blockSize === 1024 ? '8M' : '20M',
    journalSize: blockSize === 1024 ? 1 : 8,
    features: `${checksum === 'v2' || checksum === 'v3' ? '' : '^'}metadata_csum,${wide ? '' : '^'}64bit`,
  });
  const blocks = journalInodeBlocks(image);
  const device = MemoryDevice.of(image);
  // A sequence that wraps within, and a start so near the end that even the first descriptor does.
  const writer = new JournalWriter(device, { ...shape, blocks, start: blocks.length - 10, sequence: 0xfffffffe });
  const base = blockSize === 1024 ? 4000 : 3500;
  const contents = (count: number, from: number, salt: number): Map<number, Uint8Array> =>
    new Map(Array.from({ length: count }, (_, index) => [
      from + index,
      index % 5 === 0 ? escapedPattern(blockSize, salt + index) : pattern(blockSize, salt + index),
    ]));

  const many = writer.tagsPerDescriptor * 2 + 3;
  writer.log(contents(many, base, 1)).commit();
  writer.log(contents(3, base + 1, 77)).revoke([base + 2, base + 4, base + 100_000]).commit();
  writer.revoke([base + 6]).log(contents(1, base + 4, 99)).commit();
  writer.log(contents(4, base + 8, 123));
  writer.finish();
  markForRecovery(device);
  writeFileSync(image, device.bytes);

  const { result, view } = agreesWithReference(t, image, blockSize, blocks);
  t.equal(result.transactions, 3);
  t.equal(result.nextSequence, 2, 'the sequence wraps, and one is left out');
  t.equal(result.damage, null);
  t.same(result.warnings, []);
  const block = (number: number): Buffer => Buffer.from(view.subarray(number * blockSize, (number + 1) * blockSize));
  const original = MemoryDevice.of(laboratory.copy(image)).bytes;
  t.same(block(base), Buffer.from(escapedPattern(blockSize, 1)), 'escaped content has its magic number back');
  t.same(block(base + 1), Buffer.from(escapedPattern(blockSize, 77)), 'logged again');
  t.same(block(base + 2), Buffer.from(original.subarray((base + 2) * blockSize, (base + 3) * blockSize)), 'revoked by its own transaction');
  t.same(block(base + 4), Buffer.from(escapedPattern(blockSize, 99)), 'revoked, then logged again');
  t.same(block(base + many - 1), Buffer.from((many - 1) % 5 === 0 ? escapedPattern(blockSize, many) : pattern(blockSize, many)));
}

t.test('the recovered device reads any range', async (t) => {
  const blockSize = 1024;
  const image = laboratory.make({ blockSize });
  const blocks = journalInodeBlocks(image);
  const device = MemoryDevice.of(image);
  const writer = new JournalWriter(device, { blockSize, blocks });
  const contents = new Map([3000, 3001, 3003, 3010].map((block) => [block, escapedPattern(blockSize, block)]));
  writer.log(contents).commit().finish();
  const { view } = recover(device, blockSize, blocks);

  const source = internalJournal(device, blockSize, blocks);
  const { blocks: replayed } = recoverJournal(source, { blockSize, blockCount: device.size / blockSize, inodeSize: 256 });
  const recovered = new RecoveredDevice(device, source, replayed);
  for (const [from, length] of [[3000, 1], [2999.5, 2], [3000.25, 0.5], [3000, 11], [3001.999, 0.003], [2990, 30], [3003.5, 0], [3002, 1]] as const) {
    const position = Math.floor(from * blockSize);
    const bytes = new Uint8Array(Math.ceil(length * blockSize) + 7).fill(0xee);
    recovered.read(bytes, 5, bytes.length - 7, position);
    const expected = Buffer.concat([Buffer.alloc(5, 0xee), view.subarray(position, position + bytes.length - 7), Buffer.alloc(2, 0xee)]);
    t.equal(Buffer.compare(bytes, expected), 0, `${length} blocks at ${from}`);
  }
  t.throws(() => recovered.write(), { code: 'IO', errno: 30 });
  t.throws(() => recovered.read(new Uint8Array(10), 0, 10, device.size - 5), { code: 'IO' });
});

t.test('a clean journal needs nothing', async (t) => {
  const image = laboratory.make({ blockSize: 4096 });
  const { result, view } = recover(MemoryDevice.of(image), 4096, journalInodeBlocks(image));
  t.equal(result.transactions, 0);
  t.equal(result.blocks.size, 0);
  t.equal(Buffer.compare(view, MemoryDevice.of(image).bytes), 0);
});

/** A journal in memory alone: nothing here needs a filesystem around it. */
function bare(shape: Partial<JournalShape> = {}): { device: MemoryDevice; writer: JournalWriter; run: () => RecoveryResult } {
  const blockSize = 1024;
  const blocks = Array.from({ length: 1200 }, (_, index) => 1000 + index);
  const device = new MemoryDevice(new Uint8Array(3000 * blockSize));
  const writer = new JournalWriter(device, { blockSize, blocks, ...shape });
  const run = (): RecoveryResult => recoverJournal(internalJournal(device, blockSize, blocks), { blockSize, blockCount: 3000, inodeSize: 256 });
  return { device, writer, run };
}

const one = (block: number, salt = block): Map<number, Uint8Array> => new Map([[block, pattern(1024, salt)]]);

t.test('a commit block whose checksum is wrong', async (t) => {
  for (const checksum of ['v1', 'v2', 'v3'] as const) {
    for (const asyncCommit of [false, true]) {
      const name = `${checksum}${asyncCommit ? ', asynchronous' : ''}`;
      const { writer, run } = bare({ checksum, asyncCommit });
      writer.log(one(100)).commit().log(one(101)).commit().finish();
      writer.damage(6, (view) => view.setUint32(16, view.getUint32(16) ^ 1));
      const result = run();
      t.equal(result.transactions, 1, `${name}: the log ends before it`);
      t.not(result.blocks.locate(100), null);
      t.equal(result.blocks.locate(101), null);
      t.equal(result.nextSequence, 3);
      t.equal(result.head, 4);
      if (asyncCommit) t.equal(result.damage, null, `${name}: an interrupted commit`);
      else t.match(result.damage, { code: 'CORRUPT', structure: 'journal block', place: { block: 6 } }, `${name}: damage`);
      t.equal(result.warnings.length, asyncCommit ? 1 : 0);
    }
  }
});

t.test('an asynchronous commit of v1 that fails below one that was stored is damage', async (t) => {
  const { writer, run } = bare({ checksum: 'v1', asyncCommit: true });
  writer.log(one(100)).commit().log(one(101)).commit().log(one(102)).commit().finish();
  writer.damage(5, (view) => view.setUint32(0, 1));
  const result = run();
  t.equal(result.transactions, 1);
  t.match(result.damage, { code: 'CORRUPT' });
});

t.test('remains of an older round of the log are not damage', async (t) => {
  for (const checksum of ['v1', 'v2', 'v3'] as const) {
    const { writer, run } = bare({ checksum });
    writer.log(one(100)).commit(2000).log(one(101)).commit(1999).finish();
    writer.damage(6, (view) => view.setUint32(16, view.getUint32(16) ^ 1));
    const result = run();
    t.equal(result.transactions, 1, checksum);
    t.equal(result.damage, null);
    t.same(result.warnings, []);
  }
});

t.test('a commit block of which only the first sector was stored', async (t) => {
  const { writer, run } = bare({ checksum: 'v3' });
  writer.log(one(100)).commit().finish().damage(3, (view) => view.setUint32(600, 0xdeadbeef));
  t.equal(run().transactions, 1);
});

t.test('a descriptor or revoke block whose checksum is wrong', async (t) => {
  for (const checksum of ['v2', 'v3'] as const) {
    const { writer, run } = bare({ checksum });
    writer.log(one(100)).commit().log(one(101)).commit().finish().damage(4, (view) => view.setUint8(500, 1));
    t.match(run(), { transactions: 1, damage: { place: { block: 4 } } }, `${checksum}: descriptor`);

    const revoking = bare({ checksum });
    revoking.writer.log(one(100)).commit().revoke([100]).commit().finish().damage(4, (view) => view.setUint8(500, 1));
    t.match(revoking.run(), { transactions: 1, damage: { place: { block: 4 } } }, `${checksum}: revoke block`);

    const uncommitted = bare({ checksum });
    uncommitted.writer.log(one(100)).commit().log(one(101)).finish().damage(4, (view) => view.setUint8(500, 1));
    t.match(uncommitted.run(), { transactions: 1, damage: null, warnings: [] }, `${checksum}: never committed`);
  }
});

t.test('content that does not match its tag', async (t) => {
  for (const checksum of ['v2', 'v3'] as const) {
    const { writer, run } = bare({ checksum });
    writer.log(one(100)).commit().finish().damage(2, (view) => view.setUint8(77, view.getUint8(77) ^ 1));
    t.throws(run, { code: 'CORRUPT', structure: 'journal block', place: { block: 2 } }, checksum);

    const superseded = bare({ checksum });
    superseded.writer.log(one(100)).commit().log(one(100, 5)).commit().finish();
    superseded.writer.damage(2, (view) => view.setUint8(77, view.getUint8(77) ^ 1));
    t.equal(superseded.run().transactions, 2, `${checksum}: content logged again later is not missed`);
  }
});

t.test('blocks outside the filesystem', async (t) => {
  for (const wide of [false, true]) {
    for (const target of wide ? [3000, 2 ** 32 + 5, 2 ** 53 - 1] : [3000, 2 ** 32 - 1]) {
      const { writer, run } = bare({ wide });
      writer.log(one(target)).commit().finish();
      t.throws(run, { code: 'CORRUPT', structure: 'journal block', place: { block: 1 } }, String(target));
    }
  }
  const { writer, run } = bare({ wide: true });
  writer.log(one(7)).commit().finish().damage(1, (view) => view.setUint32(12 + 8, 0xffffffff));
  t.throws(run, { code: 'CORRUPT' }, 'beyond 2^53');
});

t.test('a revoke block that claims more than fits', async (t) => {
  for (const count of [1025, 0xffffffff]) {
    const { writer, run } = bare();
    writer.revoke([5]).commit().finish().damage(1, (view) => view.setUint32(12, count));
    t.throws(run, { code: 'CORRUPT', structure: 'journal block' }, String(count));
  }
  const { writer, run } = bare();
  writer.log(one(5)).revoke([5]).commit().finish().damage(3, (view) => view.setUint32(12, 3));
  t.equal(run().blocks.size, 1, 'less than its header: no records');
});

t.test('a log without an end', async (t) => {
  const ring = (type: number, tags: number): RecoveryResult => {
    const { writer, run } = bare();
    writer.finish();
    for (let block = 1; block < 1200; block++) {
      writer.damage(block, (view) => {
        view.setUint32(0, 0xc03b3998);
        view.setUint32(4, type);
        view.setUint32(8, 1);
        view.setUint32(12, tags);
      });
    }
    return run();
  };
  t.equal(ring(5, 16).transactions, 0, 'revoke blocks all around');
  t.equal(ring(1, 0).transactions, 0, 'descriptor blocks all around');
});

t.test('a ring filled to the last block', async (t) => {
  const { writer, run } = bare({ start: 600 });
  for (let sequence = 1; sequence <= 399; sequence++) writer.log(one(sequence)).commit();
  writer.log(new Map()).commit().commit().finish();
  t.equal(writer.position, 600);
  const result = run();
  t.equal(result.transactions, 401);
  t.equal(result.blocks.size, 399);
});

t.test('journal superblocks that cannot be', async (t) => {
  const corrupt = { code: 'CORRUPT', structure: 'journal superblock' };
  const unsupported = { code: 'UNSUPPORTED_FEATURE' };
  const cases: readonly (readonly [string, (view: DataView) => void, { readonly code: string }])[] = [
    ['no magic number', (view) => view.setUint32(0, 1), corrupt],
    ['unknown type', (view) => view.setUint32(4, 2), corrupt],
    ['other block size', (view) => view.setUint32(0x0c, 4096), corrupt],
    ['longer than its inode', (view) => view.setUint32(0x10, 1201), corrupt],
    ['no blocks', (view) => view.setUint32(0x10, 0), corrupt],
    ['first block 0', (view) => view.setUint32(0x14, 0), corrupt],
    ['first block behind the end', (view) => view.setUint32(0x14, 1200), corrupt],
    ['start before the first', (view) => (view.setUint32(0x14, 5), view.setUint32(0x1c, 4)), corrupt],
    ['start behind the end', (view) => view.setUint32(0x1c, 1200), corrupt],
    ['unknown incompatible feature', (view) => view.setUint32(0x28, 0x40), unsupported],
    ['unknown read-only feature', (view) => view.setUint32(0x2c, 1), unsupported],
    ['checksums of v1 and v3', (view) => (view.setUint32(0x24, 1), view.setUint32(0x28, 0x10)), corrupt],
    ['checksums of v2 and v3', (view) => view.setUint32(0x28, 0x18), corrupt],
    ['checksum of unknown type', (view) => (view.setUint32(0x28, 0x10), view.setUint8(0x50, 1)), corrupt],
    ['wrong checksum', (view) => (view.setUint32(0x28, 0x10), view.setUint8(0x50, 4), view.setUint32(0xfc, 1)), corrupt],
    ['no room beside the fast commits', (view) => (view.setUint32(0x28, 0x20), view.setUint32(0x54, 1000)), corrupt],
    ['more fast commits than blocks', (view) => (view.setUint32(0x28, 0x20), view.setUint32(0x54, 0xffffffff)), corrupt],
  ];
  for (const [name, change, expected] of cases) {
    const { writer, run } = bare();
    writer.log(one(5)).commit().finish(change);
    t.throws(run, expected, name);
  }
});

t.test('what a journal superblock may have', async (t) => {
  const aborted = bare();
  aborted.writer.log(one(5)).commit().finish((view) => view.setInt32(0x20, -5));
  t.match(aborted.run(), { journal: { errno: 5 }, transactions: 1, warnings: [{ message: /error 5/ }] });

  const old = bare();
  old.writer.log(one(5)).commit().finish((view) => (view.setUint32(4, 3), view.setUint32(0x28, 0xffff), view.setUint32(0x2c, 3)));
  t.match(old.run(), { transactions: 1, journal: { checksum: 'none', wide: false } }, 'version 1 has no features');

  const fast = bare({ fastCommitBlocks: 100 });
  fast.writer.log(one(5)).commit().finish();
  t.match(fast.run(), { transactions: 1, journal: { end: 1100, fastCommit: { first: 1101, end: 1200 } } });
});

t.test('a journal inode with a hole', async (t) => {
  const { device, writer } = bare();
  writer.log(one(5)).commit().finish();
  const blocks = Array.from({ length: 1200 }, (_, index) => (index === 2 ? 0 : 1000 + index));
  const source = internalJournal(device, 1024, blocks);
  const result = recoverJournal(source, { blockSize: 1024, blockCount: 3000, inodeSize: 256 });
  const recovered = new RecoveredDevice(device, source, result.blocks);
  t.throws(() => recovered.read(new Uint8Array(1024), 0, 1024, 5 * 1024), { code: 'CORRUPT', place: { inode: 8, block: 2 } });
});
