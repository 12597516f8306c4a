import { readFileSync } from 'node:fs';
import t from 'tap';
import { errno } from '../../server/ext4/errors.js';
import * as layout from '../../server/ext4/layout/mmp.js';
import { Sequence } from '../../server/ext4/layout/mmp.js';
import { parseSuperblock, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE, type Superblock } from '../../server/ext4/layout/superblock.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import { MultiMountProtection } from '../../server/ext4/multi-mount-protection.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { complaintsAbout } from '../crash/images.js';
import { makeImage } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';

/** A device that several machines reach, with what they see of its mmp block. */
class Shared {
  readonly directory: string;
  readonly device: MemoryDevice;
  readonly superblock: Superblock;
  readonly view: DataView;
  /** What the machines waited, in seconds. */
  readonly waits: number[] = [];
  /** Done while a machine waits. */
  meanwhile: () => void = () => undefined;

  private constructor(directory: string, bytes: Uint8Array) {
    this.directory = directory;
    this.device = new MemoryDevice(bytes);
    this.superblock = parseSuperblock(bytes.subarray(SUPERBLOCK_OFFSET, SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE), SUPERBLOCK_OFFSET);
    this.view = new DataView(bytes.buffer, this.superblock.mmpBlock * this.superblock.blockSize, layout.MMP_SIZE);
  }

  static async make(directory: string, features: readonly string[] = ['mmp'], extended: readonly string[] = []): Promise<Shared> {
    return new Shared(directory, new Uint8Array(readFileSync(await makeImage(directory, { features, extended, blockSize: 1024, size: 16 << 20 }))));
  }

  get block(): Uint8Array {
    return new Uint8Array(this.view.buffer, this.view.byteOffset, layout.MMP_SIZE);
  }

  /** @param bytes of the machine's own copy, where the other one is not to be heard of */
  mount(nodeName: string): WritableFilesystem {
    const protection = MultiMountProtection.acquire(this.device, this.superblock, {
      holder: { nodeName, deviceName: 'sdb1' },
      now: () => 1_700_000_000,
      sleep: (milliseconds) => {
        this.waits.push(milliseconds / 1000);
        this.meanwhile();
      },
    });
    return WritableFilesystem.open(this.device, { barriers: true, mountPoint: '/', discard: false, protection });
  }

  overwrite(change: (view: DataView) => void): void {
    change(this.view);
    layout.setChecksum(this.view, layout.computeChecksum(this.superblock.checksumSeed, this.block));
  }
}

const create = (writable: WritableFilesystem, name: string): number =>
  writable.change(() =>
    writable.namespace.create(writable.filesystem.root, { bytes: Buffer.from(name), offset: 0, length: name.length }, { mode: FileType.REGULAR | 0o600, umask: 0, uid: 0, gid: 0, device: 0 }).number,
  );

for (const features of [['mmp'], ['mmp', '^metadata_csum', '^uninit_bg'], ['mmp', 'bigalloc'], ['mmp', '^has_journal']]) {
  t.test(`mounted, shown, unmounted: ${features.join(' ')}`, async (t) => {
    const shared = await Shared.make(scratchDirectory(t), features);
    t.equal(layout.sequence(shared.view), Sequence.Clean, 'as mke2fs left it');
    const writable = shared.mount('first');
    t.equal(shared.waits.length, 0, 'what was left clean is mounted at once');
    const first = layout.sequence(shared.view);
    t.ok(first > 0 && first <= Sequence.Largest);
    t.strictSame([layout.nodeName(shared.block), layout.deviceName(shared.block), layout.time(shared.view)], ['first', 'sdb1', 1_700_000_000]);
    t.equal(layout.checkInterval(shared.view), 10);
    t.equal(writable.protection?.updateMilliseconds, 5000);
    writable.beat();
    writable.beat();
    t.equal(layout.sequence(shared.view), first + 2);
    create(writable, 'file');
    writable.close();
    t.equal(layout.sequence(shared.view), Sequence.Clean);
    t.equal(await complaintsAbout(shared.directory, shared.device.bytes), undefined);
  });
}

t.test('whoever comes second is refused', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  const first = shared.mount('first');
  shared.meanwhile = () => first.beat();
  t.throws(() => shared.mount('second'), { code: 'IN_USE', errno: errno.EBUSY, message: /mounted already.*2023-11-14.*"first" for "sdb1"/ });
  t.strictSame(shared.waits, [21], 'twice the interval that the block names, and one');
  first.beat();
  create(first, 'file');
  first.close();
  shared.mount('second').close();
  t.equal(await complaintsAbout(shared.directory, shared.device.bytes), undefined);
});

t.test('two at the same moment', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  shared.mount('crashed');
  let waits = 0;
  shared.meanwhile = () => {
    // The other one writes while this one looks whether its own number stays.
    if (++waits === 2) shared.overwrite((view) => layout.setSequence(view, 77));
  };
  t.throws(() => shared.mount('second'), { code: 'IN_USE' });
  t.equal(waits, 2);
  t.equal(layout.sequence(shared.view), 77, 'and is left alone');
});

t.test('after a crash it takes a while', async (t) => {
  const shared = await Shared.make(scratchDirectory(t), ['mmp'], ['mmp_update_interval=30']);
  const crashed = shared.mount('first');
  create(crashed, 'kept');
  crashed.commit();
  t.equal(crashed.protection?.updateMilliseconds, 30_000);
  const second = shared.mount('second');
  t.strictSame(shared.waits, [120, 120]);
  t.ok(create(second, 'file') > 0);
  t.throws(() => create(second, 'kept'), { code: 'OPERATION', errno: errno.EEXIST });
  second.close();
  t.equal(await complaintsAbout(shared.directory, shared.device.bytes), undefined);

  shared.overwrite((view) => layout.setSequence(view, 5));
  t.throws(
    () => MultiMountProtection.acquire(shared.device, shared.superblock, { holder: { nodeName: '', deviceName: '' }, mostPatience: 110 }),
    { code: 'IN_USE', message: /would take 240 s/ },
    'more than anyone has patience for',
  );
});

t.test('taken over by another', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  const writable = shared.mount('first');
  const file = create(writable, 'file');
  writable.commit();
  create(writable, 'lost');
  shared.overwrite((view) => layout.setSequence(view, 99));
  const before = shared.device.bytes.slice();
  t.throws(() => writable.beat(), { code: 'IN_USE', message: /someone else/ });
  t.throws(() => create(writable, 'more'), { code: 'OPERATION', errno: errno.EROFS }, 'nothing can be changed any more');
  t.ok(writable.filesystem.inodes.get(file as never).isRegular, 'but read');
  writable.beat();
  writable.close();
  t.ok(Buffer.from(before).equals(shared.device.bytes), 'and not a byte is written');
});

t.test('while e2fsck is at work', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  shared.overwrite((view) => layout.setSequence(view, Sequence.Checking));
  t.throws(() => shared.mount('first'), { code: 'IN_USE', message: /e2fsck/ });
  t.equal(shared.waits.length, 0);
});

t.test('damaged blocks', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  const sound = shared.block.slice();
  for (const [at, what] of [[0, 'magic'], [4, 'checksum'], [1020, 'checksum']] as const) {
    shared.view.setUint32(at, shared.view.getUint32(at, true) ^ 1, true);
    t.throws(() => shared.mount('first'), { code: 'CORRUPT', structure: 'mmp block', message: new RegExp(what) });
    shared.block.set(sound);
  }
  for (const mmpBlock of [0, 1, shared.superblock.blocksCount]) {
    t.throws(
      () => MultiMountProtection.acquire(shared.device, { ...shared.superblock, mmpBlock }, { holder: { nodeName: '', deviceName: '' } }),
      { code: 'CORRUPT', structure: 'superblock' },
    );
  }
});

t.test('a mount that fails after it was acquired gives it back', async (t) => {
  const shared = await Shared.make(scratchDirectory(t));
  const writable = shared.mount('first');
  create(writable, 'file');
  writable.commit();
  // The journal's superblock.
  const journal = shared.device.bytes.findIndex((byte, at) => at % 1024 === 0 && byte === 0xc0 && shared.device.bytes[at + 1] === 0x3b && shared.device.bytes[at + 2] === 0x39);
  t.ok(journal > 0);
  shared.device.bytes.fill(0, journal, journal + 1024);
  t.throws(() => shared.mount('second'), { code: 'CORRUPT' });
  t.equal(layout.sequence(shared.view), Sequence.Clean);
});
