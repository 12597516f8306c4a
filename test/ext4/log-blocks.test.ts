import t from 'tap';
import { CachedBlock, Verified, type BlockCache } from '../../server/ext4/cache/block-cache.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { checkedTarget, descriptorTags, taggedContentMatches } from '../../server/ext4/journal/descriptor-block.js';
import { LogFormat } from '../../server/ext4/journal/log-format.js';
import { revokedBlocks } from '../../server/ext4/journal/revoke-block.js';
import { journalSuperblockChecksum, type JournalChecksum, type JournalSuperblock } from '../../server/ext4/journal/superblock.js';
import { tailChecksumMatches } from '../../server/ext4/journal/tail-checksum.js';
import { MappedRange } from '../../server/ext4/mapping/mapping.js';
import { JOURNAL_INODE, journalBlock, logicalBlock, physicalBlock } from '../../server/ext4/units.js';
import { LogLaboratory, openRecovered, type LogImageOptions } from '../support/log-image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { WritableFilesystem, type WritableOptions } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

const MAGIC = 0xc03b3998;
const small: LogImageOptions = { name: 'small', blockSize: 1024, journal: 'size=1', size: '8M' };

interface Opened {
  readonly device: RecordingDevice;
  readonly target: WritableFilesystem;
  readonly cache: BlockCache;
  /** Blocks that no file owns, and no structure. */
  readonly free: readonly number[];
}

function open(options: LogImageOptions = small, writable: WritableOptions = {}): Opened {
  return openImage(new RecordingDevice(laboratory.make(options, 1).bytes.slice()), writable);
}

function openImage(device: RecordingDevice, writable: WritableOptions = {}): Opened {
  const target = new WritableFilesystem(device, writable);
  const last = target.filesystem.superblock.blocksCount - 1;
  return { device, target, cache: target.filesystem.cache, free: Array.from({ length: 600 }, (_, index) => last - index) };
}

/** Logs a block that nothing refers to: what is in it is the test's own affair. */
function put({ target }: Opened, block: number, bytes: Uint8Array): void {
  target.change(() => {
    target.transactions.create(physicalBlock(block), Verified.None, 0, 0).bytes.set(bytes);
  });
}

/** A block of the device as recovery leaves it. */
const recovered = (opened: Opened, block: number): Uint8Array => allRecovered(opened, [block])[0] as Uint8Array;

function allRecovered({ device, target }: Opened, blocks: readonly number[]): Uint8Array[] {
  const { blockSize } = target.filesystem.superblock;
  const filesystem = openRecovered(device.bytes);
  return blocks.map((block) => {
    const bytes = new Uint8Array(blockSize);
    filesystem.device.read(bytes, 0, blockSize, block * blockSize);
    return bytes;
  });
}

t.test('contents that look like a block of the log', async (t) => {
  for (const features of ['', '^metadata_csum']) {
    const opened = open({ ...small, features }, { journalChecksum: features !== '' });
    const block = opened.free[0] as number;
    const bytes = new Random(1).bytes(1024);
    new DataView(bytes.buffer).setUint32(0, MAGIC);
    put(opened, block, bytes);
    opened.target.transactions.commit();
    t.same(recovered(opened, block), bytes, 'come back whole');
    const checked = laboratory.recoveredByE2fsck(opened.device.bytes);
    t.equal(checked.complaints, '');
    t.same(checked.bytes.subarray(block * 1024, (block + 1) * 1024), bytes, 'with e2fsck too');
    opened.target.unmount();
    t.same(opened.device.bytes.subarray(block * 1024, (block + 1) * 1024), bytes, 'and by a checkpoint');
  }
});

t.test('a transaction of several descriptors, around the end of the ring', async (t) => {
  const random = new Random(2);
  for (const features of ['', '^metadata_csum', '^metadata_csum,^64bit']) {
    const opened = open({ ...small, features }, { journalChecksum: features.endsWith('csum') });
    const expected = new Map<number, Uint8Array>();
    for (let round = 0; round < 8; round++) {
      // Just below where a new handle commits: as large as a transaction of small operations gets.
      for (const block of opened.free.slice(0, opened.target.sink.capacity / 2)) {
        const bytes = random.bytes(1024);
        expected.set(block, bytes);
        put(opened, block, bytes);
      }
      opened.target.transactions.commit();
      const found = allRecovered(opened, [...expected.keys()]);
      t.equal(Buffer.compare(Buffer.concat(found), Buffer.concat([...expected.values()])), 0, `round ${round}`);
    }
    const checked = laboratory.recoveredByE2fsck(opened.device.bytes);
    t.equal(checked.complaints, '');
    const wrong = [...expected].filter(([block, bytes]) => Buffer.compare(checked.bytes.subarray(block * 1024, (block + 1) * 1024), bytes) !== 0);
    t.equal(wrong.length, 0, 'as e2fsck replays it');
  }
});

t.test('an operation larger than a transaction', async (t) => {
  const opened = open();
  const { target, free, device } = opened;
  const before = device.recording.length;
  t.throws(
    () =>
      target.change(() => {
        for (const block of free) target.transactions.create(physicalBlock(block), Verified.None, 0, 0);
      }),
    { code: 'OPERATION', message: /more than/ },
  );
  t.ok(target.transactions.isEmpty, 'leaves no trace');
  t.equal(device.recording.length, before, 'nor on the device');
  put(opened, free[0] as number, new Uint8Array(1024).fill(1));
  target.transactions.commit();
  t.equal(recovered(opened, free[0] as number)[0], 1, 'and the next one works');
});

t.test('freed blocks', async (t) => {
  for (const features of ['', '^metadata_csum', '^metadata_csum,^64bit']) {
    const opened = open({ ...small, features });
    const { target, device, free } = opened;
    const [block, other] = free as [number, number];
    put(opened, block, new Uint8Array(1024).fill(0x11));
    put(opened, other, new Uint8Array(1024).fill(0x22));
    target.transactions.commit();
    // What comes after this belongs to a file, and goes past the journal.
    target.change(() => {
      target.transactions.forget(physicalBlock(block));
    });
    target.transactions.commit();
    const content = new Uint8Array(1024).fill(0x33);
    device.write(content, 0, 1024, block * 1024);
    t.equal(recovered(opened, block)[0], 0x33, 'are not overwritten by our recovery');
    t.equal(recovered(opened, other)[0], 0x22, 'while others are replayed');
    const checked = laboratory.recoveredByE2fsck(device.bytes);
    t.equal(checked.complaints, '');
    t.equal(checked.bytes[block * 1024], 0x33, 'nor by that of e2fsck');

    // Used for metadata once more.
    put(opened, block, new Uint8Array(1024).fill(0x44));
    target.transactions.commit();
    t.equal(recovered(opened, block)[0], 0x44, 'a later version counts again');
    target.transactions.checkpoint();
    target.change(() => {
      target.transactions.forget(physicalBlock(block));
    });
    device.write(content, 0, 1024, block * 1024);
    target.unmount();
    t.equal(device.bytes[block * 1024], 0x33, 'a checkpoint leaves them alone');
  }
});

t.test('more freed blocks than a revoke block has room for', async (t) => {
  const opened = open({ ...small, size: '32M' });
  const { target, device } = opened;
  const { blocksCount } = target.filesystem.superblock;
  const kept = physicalBlock(blocksCount - 1);
  put(opened, kept, new Uint8Array(1024).fill(0x11));
  const freed = Array.from({ length: 700 }, (_, index) => physicalBlock(blocksCount - 2 - index));
  for (const block of freed.slice(0, 100)) put(opened, block, new Uint8Array(1024).fill(0x22));
  target.transactions.commit();
  target.change(() => {
    for (const block of freed) target.transactions.forget(block);
  });
  target.transactions.commit();
  t.notOk(allRecovered(opened, freed).some((bytes) => bytes.some((byte) => byte !== 0)), 'none of them is replayed');
  t.equal(recovered(opened, kept)[0], 0x11);
  const checked = laboratory.recoveredByE2fsck(device.bytes);
  t.equal(checked.complaints, '');
  t.notOk(freed.some((block) => checked.bytes[block * 1024] !== 0), 'as with e2fsck');
});

t.test('a filesystem that was mounted before, and not unmounted', async (t) => {
  const first = open();
  const block = first.free[0] as number;
  put(first, block, new Uint8Array(1024).fill(1));
  first.target.transactions.commit();
  const second = openImage(new RecordingDevice(first.device.bytes.slice()));
  t.equal(second.device.bytes[block * 1024], 1, 'is recovered home');
  put(second, block, new Uint8Array(1024).fill(2));
  second.target.transactions.commit();
  t.equal(recovered(second, block)[0], 2, 'and goes on with transactions that follow');
  const checked = laboratory.recoveredByE2fsck(second.device.bytes);
  t.equal(checked.complaints, '');
  t.equal(checked.bytes[block * 1024], 2);
});

t.test('a journal with contents that do not count', async (t) => {
  const first = open();
  const block = first.free[0] as number;
  const unmounted = unmountedCopy(first.device.bytes);
  put(first, block, new Uint8Array(1024).fill(1));
  first.target.transactions.commit();
  // Only the journal is of now; the superblock is from before, and wants no recovery.
  const mixed = first.device.bytes.slice();
  mixed.set(unmounted.subarray(1024, 2048), 1024);
  const second = openImage(new RecordingDevice(mixed));
  put(second, second.free[1] as number, new Uint8Array(1024).fill(2));
  second.target.transactions.commit();
  t.equal(recovered(second, second.free[1] as number)[0], 2);
  t.equal(recovered(second, block)[0], 0, 'they are not replayed, neither then nor after the next crash');
  const checked = laboratory.recoveredByE2fsck(second.device.bytes);
  t.equal(checked.complaints, '');
  t.equal(checked.bytes[block * 1024], 0);
});

t.test('sequence numbers at their end', async (t) => {
  const opened = open();
  opened.target.unmount();
  const image = opened.device.bytes.slice();
  const journal = journalSuperblockAt(image);
  journal.view.setUint32(0x18, 0xffff_fffc);
  journal.seal();
  const again = openImage(new RecordingDevice(image));
  for (let value = 1; value <= 6; value++) {
    put(again, again.free[value] as number, new Uint8Array(1024).fill(value));
    again.target.transactions.commit();
  }
  for (let value = 1; value <= 6; value++) t.equal(recovered(again, again.free[value] as number)[0], value);
  const checked = laboratory.recoveredByE2fsck(again.device.bytes);
  t.equal(checked.complaints, '');
  t.equal(checked.bytes[(again.free[6] as number) * 1024], 6);
});

t.test('a journal superblock of version 1', async (t) => {
  const image = laboratory.make({ ...small, features: '^metadata_csum,^64bit' }, 1).bytes.slice();
  const journal = journalSuperblockAt(image);
  journal.view.setUint32(4, 3);
  new Uint8Array(journal.view.buffer, journal.view.byteOffset + 0x24, 1000).fill(0xee);
  const opened = openImage(new RecordingDevice(image), { journalChecksum: true });
  const block = opened.free[0] as number;
  put(opened, block, new Uint8Array(1024).fill(7));
  opened.target.transactions.commit();
  t.equal(recovered(opened, block)[0], 7);
  const checked = laboratory.recoveredByE2fsck(opened.device.bytes);
  t.equal(checked.complaints, '');
  t.equal(checked.bytes[block * 1024], 7);
  t.equal(journalSuperblockAt(opened.device.bytes).view.getUint32(4), 4, 'becomes version 2');
});

t.test('without barriers', async (t) => {
  const opened = open(small, { barriers: false });
  const { recording } = opened.device;
  const before = recording.flushes.length;
  put(opened, opened.free[0] as number, new Uint8Array(1024).fill(1));
  opened.target.transactions.commit();
  t.equal(recording.flushes.length, before, 'a commit flushes nothing');
  t.equal(recovered(opened, opened.free[0] as number)[0], 1);
});

t.test('what a commit writes', async (t) => {
  const opened = open();
  const { device, free, target } = opened;
  /** Blocks written, flush by flush. */
  const eventsOf = (work: () => void): string => {
    const before = device.recording.length;
    work();
    let blocks = 0;
    const counts: number[] = [];
    for (const event of device.recording.events.slice(before)) {
      if (event.kind === 'write') blocks += event.bytes.length / 1024;
      else {
        counts.push(blocks);
        blocks = 0;
      }
    }
    return [...counts, blocks].join(' flush ');
  };
  const commit = (blocks: readonly number[]): string =>
    eventsOf(() => {
      for (const block of blocks) put(opened, block, new Uint8Array(1024).fill(1));
      target.transactions.commit();
    });
  t.equal(commit(free.slice(0, 9)), '11 flush 1 flush 0', 'the first one also says in the superblock where recovery begins');
  t.equal(commit(free.slice(0, 1)), '2 flush 1 flush 0', 'a block and its descriptor');
  t.equal(commit([]), '0', 'nothing');
  const before = device.recording.length;
  t.equal(eventsOf(() => void target.transactions.checkpoint()), '9 flush 1 flush 0', 'a checkpoint');
  t.equal(device.recording.length, before + 4, 'which joins neighbours');
  t.equal(eventsOf(() => void target.transactions.checkpoint()), '0', 'a second one has nothing to do');
});

t.test('block numbers beyond 32 bits', async (t) => {
  for (const checksum of ['none', 'v1', 'v2', 'v3'] as const) {
    const journal = journalOf(checksum);
    const format = new LogFormat(journal, 1024, new Uint8Array(16).fill(9));
    const blocks = [5, 2 ** 32 - 1, 2 ** 32, 2 ** 44 + 7].map((number) => cachedBlock(number));
    const staged = stagedBlock();
    format.writeDescriptor(staged, 77, blocks, 0, blocks.length);
    t.ok(tailChecksumMatches(journal, staged.bytes, staged.view), `${checksum}: checksum of the descriptor`);
    const tags = [...descriptorTags(journal, staged.view)];
    t.same(tags.map((tag) => checkedTarget(tag, 2 ** 48, 0)), [5, 2 ** 32 - 1, 2 ** 32, 2 ** 44 + 7]);
    tags.forEach((tag, index) => {
      const content = stagedBlock();
      format.writeContent(content, blocks[index] as CachedBlock);
      t.ok(taggedContentMatches(journal, tag, 77, content.bytes), `${checksum}: checksum of contents`);
    });

    const numbers = [1, 2 ** 32 + 3, 2 ** 40];
    format.writeRevokes(staged, 78, numbers.values());
    t.ok(tailChecksumMatches(journal, staged.bytes, staged.view), `${checksum}: checksum of the revoke block`);
    t.same([...revokedBlocks(journal, staged.view, 0)], numbers);
  }
});

t.test('how much fits into descriptor and revoke blocks', async (t) => {
  for (const checksum of ['none', 'v1', 'v2', 'v3'] as const) {
    for (const wide of [false, true]) {
      const journal = { ...journalOf(checksum), wide };
      const format = new LogFormat(journal, 1024, new Uint8Array(16));
      const blocks = Array.from({ length: format.tagsPerDescriptor }, (_, index) => cachedBlock(index + 1));
      const staged = stagedBlock();
      format.writeDescriptor(staged, 1, blocks, 0, blocks.length);
      t.equal([...descriptorTags(journal, staged.view)].length, blocks.length, `${checksum} ${wide}: every tag is read again`);
      t.ok(tailChecksumMatches(journal, staged.bytes, staged.view));
      const numbers = Array.from({ length: format.revokesPerBlock + 5 }, (_, index) => index + 1);
      const left = numbers.values();
      format.writeRevokes(staged, 1, left);
      t.equal([...revokedBlocks(journal, staged.view, 0)].length, format.revokesPerBlock);
      t.equal([...left].length, 5, 'the rest is left for the next');
    }
  }
});

function journalOf(checksum: JournalChecksum): JournalSuperblock {
  return {
    checksum,
    checksumSeed: 0x1234,
    wide: true,
    asyncCommit: false,
    first: journalBlock(1),
    end: journalBlock(1024),
    start: null,
    sequence: 1,
    fastCommit: null,
    errno: 0,
    users: 1,
  };
}

function stagedBlock(): { bytes: Uint8Array; view: DataView; offset: number } {
  const bytes = new Uint8Array(1024).fill(0xff);
  return { bytes, view: new DataView(bytes.buffer), offset: 0 };
}

function cachedBlock(number: number): CachedBlock {
  const bytes = new Random(number).bytes(1024);
  const block = new CachedBlock(bytes, new DataView(bytes.buffer));
  block.number = physicalBlock(number);
  return block;
}

/** The image as it would be if it had been unmounted now. */
function unmountedCopy(image: Uint8Array): Uint8Array {
  const device = new RecordingDevice(image.slice());
  new WritableFilesystem(device).unmount();
  return device.bytes;
}

/** The journal's superblock in an image, and a way to set its checksum if it has one. */
function journalSuperblockAt(image: Uint8Array): { readonly view: DataView; readonly seal: () => void } {
  const { inodes, mapping } = Filesystem.open(new MemoryDevice(image), { noJournalRecovery: true });
  const range = new MappedRange();
  mapping.map(inodes.get(JOURNAL_INODE), logicalBlock(0), range);
  const bytes = image.subarray(range.physical * 1024, (range.physical + 1) * 1024);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 1024);
  return { view, seal: () => void view.setUint32(0xfc, journalSuperblockChecksum(bytes)) };
}
