/** File data in the journal: data=journal, and files with chattr +j that come and go beside others. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { DataMode } from '../../server/ext4/journalled-data.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { differencesFromModel, differencesOfMount } from '../crash/compare.js';
import { Exerciser } from '../crash/exerciser.js';
import { complaintsAbout, imageBytes, openWritable } from '../crash/images.js';
import { makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { cannotUseLoopDevices } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';

t.setTimeout(240_000);
const seed = Number(process.env['FUSE4FS_SEED'] ?? 164);
t.comment(`SEED=${seed}`);

const small: ImageRecipe = { blockSize: 1024, arguments: ['-J', 'size=1', '-N', '128'], size: 16 * mebibyte };
const kinds: Readonly<Record<string, { readonly recipe: ImageRecipe; readonly data: DataMode }>> = {
  'data=journal': { recipe: small, data: 'journal' },
  'data=journal, bigalloc': { recipe: { ...small, features: ['bigalloc'], arguments: ['-C', '8192', '-J', 'size=1', '-N', '128'] }, data: 'journal' },
  'data=journal, block maps': { recipe: { ...small, type: 'ext3' }, data: 'journal' },
  'some files, some of the time': { recipe: small, data: 'ordered' },
};

for (const [name, { recipe, data }] of Object.entries(kinds)) {
  t.test(name, async (t) => {
    const random = new Random(seed);
    const scratch = scratchDirectory(t, 'fuse4fs-journalled');
    const bytes = await imageBytes(scratch, recipe);
    let writable = openWritable(new MemoryDevice(bytes), 1 << 18, data);
    const exerciser = new Exerciser(writable, random);
    for (let round = 0; round < 3; round++) {
      for (let step = 0; step < 700; step++) {
        exerciser.step();
        const file = exerciser.files[random.below(exerciser.files.length)];
        if (data !== 'ordered' || step % 5 !== 0 || file === undefined) continue;
        const wanted = random.below(2) === 0;
        writable.change(() => {
          writable.inodes.setFlag(writable.filesystem.inode(file.number), 'JOURNAL_DATA', wanted);
        });
      }
      t.same(differencesFromModel(writable.filesystem, exerciser.root), [], 'as the model has it');
      exerciser.closeAll();
      writable.close();
      t.equal(await complaintsAbout(scratch, bytes), undefined, 'e2fsck');
      writable = openWritable(new MemoryDevice(bytes), 1 << 18, data);
      exerciser.writable = writable;
      t.same(differencesFromModel(writable.filesystem, exerciser.root), [], 'and after a remount');
    }
    writable.close();
    if (cannotUseLoopDevices() !== false) return;
    const path = join(scratch, 'result.img');
    writeFileSync(path, bytes);
    t.same(await kernelMount(path, ['ro'], (target) => Promise.resolve(differencesOfMount(target, exerciser.root))), [], 'the kernel sees the same');
  });
}

const make = ({ namespace, filesystem }: WritableFilesystem, name: string): InodeNumber =>
  namespace.create(filesystem.root, { bytes: Buffer.from(name), offset: 0, length: name.length }, { mode: FileType.REGULAR | 0o644, umask: 0, uid: 0, gid: 0, device: 0 }).number;

function write(writable: WritableFilesystem, file: InodeNumber, offset: number, bytes: Uint8Array): void {
  writable.change(() => {
    writable.contents.write(writable.filesystem.inode(file), offset, bytes, 0, bytes.length, true);
  });
}

function setJournalled(writable: WritableFilesystem, file: InodeNumber, on: boolean): void {
  writable.change(() => {
    writable.inodes.setFlag(writable.filesystem.inode(file), 'JOURNAL_DATA', on);
  });
}

/** The power is cut now: what every recovery makes of it must hold these contents. */
async function crashed(t: Test, device: RecordingDevice, files: ReadonlyMap<InodeNumber, Uint8Array>): Promise<void> {
  const scratch = scratchDirectory(t, 'fuse4fs-journalled');
  for (const unflushed of ['lost', 'kept'] as const) {
    const image = device.after(device.recording.length, unflushed);
    const recovered = openWritable(new MemoryDevice(image.slice()));
    for (const [number, contents] of files) {
      const found = new Uint8Array(contents.length + 1);
      const length = recovered.contents.read(recovered.filesystem.inode(number), 0, found.length, found, 0);
      t.equal(Buffer.compare(found.subarray(0, length), contents), 0, `inode ${number}, unflushed writes ${unflushed}`);
    }
    recovered.close();
    if (cannotUseLoopDevices() !== false) continue;
    const path = join(scratch, `${unflushed}.img`);
    writeFileSync(path, image);
    await kernelMount(path, [], (target) => {
      const found = new Map(execFileSync('find', [target, '-type', 'f', '-printf', '%i %p\n']).toString().trim().split('\n').map((line) => line.split(' ') as [string, string]));
      for (const [number, contents] of files) t.equal(Buffer.compare(readFileSync(found.get(String(number)) ?? ''), contents), 0, `inode ${number}, recovered by the kernel, unflushed writes ${unflushed}`);
      return Promise.resolve();
    });
  }
}

async function opened(t: Test, data: DataMode): Promise<{ readonly device: RecordingDevice; readonly writable: WritableFilesystem }> {
  const device = new RecordingDevice(await imageBytes(scratchDirectory(t, 'fuse4fs-journalled'), small));
  return { device, writable: openWritable(device, 1 << 20, data) };
}

t.test('contents that look like blocks of the journal', async (t) => {
  const { device, writable } = await opened(t, 'journal');
  const bytes = new Uint8Array(20 * 1024).fill(5);
  for (let at = 0; at < bytes.length; at += 1024) new DataView(bytes.buffer).setUint32(at, 0xc03b3998);
  const file = writable.change(() => make(writable, 'magic'));
  write(writable, file, 0, bytes);
  writable.commit();
  await crashed(t, device, new Map([[file, bytes]]));
});

t.test('blocks that were freed, and hold another file\'s data since', async (t) => {
  const { device, writable } = await opened(t, 'ordered');
  const journalled = writable.change(() => make(writable, 'journalled'));
  setJournalled(writable, journalled, true);
  write(writable, journalled, 0, new Uint8Array(60 * 1024).fill(1));
  writable.commit();
  writable.change(() => {
    writable.contents.truncate(writable.filesystem.inode(journalled), 0);
  });
  writable.commit();
  const free = writable.counters.totals.freeClusters;
  const other = writable.change(() => make(writable, 'other'));
  const bytes = new Uint8Array((free - 200) * 1024).fill(2);
  for (let at = 0; at < bytes.length; at += 1 << 20) write(writable, other, at, bytes.subarray(at, Math.min(at + (1 << 20), bytes.length)));
  writable.commit();
  await crashed(t, device, new Map([[other, bytes], [journalled, new Uint8Array()]]));
});

t.test('a file that is journalled no more, and then again', async (t) => {
  const { device, writable } = await opened(t, 'ordered');
  const file = writable.change(() => make(writable, 'file'));
  const bytes = new Uint8Array(30 * 1024).fill(1);
  const overwrite = (offset: number, length: number, value: number): void => {
    bytes.fill(value, offset, offset + length);
    write(writable, file, offset, bytes.subarray(offset, offset + length));
  };
  setJournalled(writable, file, true);
  overwrite(0, bytes.length, 1);
  writable.commit();
  setJournalled(writable, file, false);
  overwrite(100, 9000, 2);
  writable.commit();
  writable.transactions.checkpoint();
  overwrite(5000, 9000, 3);
  setJournalled(writable, file, true);
  overwrite(7777, 20, 4);
  writable.commit();
  await crashed(t, device, new Map([[file, bytes]]));
});

t.test('what was not committed leaves nothing behind', async (t) => {
  const { device, writable } = await opened(t, 'journal');
  const file = writable.change(() => make(writable, 'file'));
  const bytes = new Uint8Array(10_000).fill(1);
  write(writable, file, 0, bytes);
  writable.commit();
  write(writable, file, 500, new Uint8Array(5000).fill(2));
  writable.change(() => {
    writable.contents.truncate(writable.filesystem.inode(file), 700);
  });
  await crashed(t, device, new Map([[file, bytes]]));
});

t.test('a mount with data=journal', { skip: cannotUseLoopDevices() }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'fuse4fs-journalled'), { arguments: ['-J', 'size=4'], size: 64 * mebibyte });
  const bytes = Buffer.alloc(12 * mebibyte, 'journalled data');
  await fuseMount(image, ['data=journal'], (target) => {
    writeFileSync(join(target, 'file'), bytes);
    execFileSync('sync', ['-f', target]);
    const direct = execFileSync('dd', [`if=${join(target, 'file')}`, 'iflag=direct', 'bs=1M', 'status=none'], { maxBuffer: 32 * mebibyte });
    t.equal(Buffer.compare(direct, bytes), 0, 'direct reads find it');
    execFileSync('dd', ['if=/dev/zero', `of=${join(target, 'file')}`, 'oflag=direct', 'bs=4096', 'count=3', 'seek=5', 'conv=notrunc', 'status=none']);
    bytes.fill(0, 5 * 4096, 8 * 4096);
    execFileSync('truncate', ['-s', '10000001', join(target, 'file')]);
    return Promise.resolve();
  });
  t.equal(await complaintsAbout(scratchDirectory(t, 'fuse4fs-journalled'), new Uint8Array(readFileSync(image))), undefined, 'e2fsck');
  const found = await kernelMount(image, ['ro'], (target) => Promise.resolve(readFileSync(join(target, 'file'))));
  t.equal(Buffer.compare(found, bytes.subarray(0, 10_000_001)), 0, 'the kernel reads it');
  const plain = await makeImage(scratchDirectory(t, 'fuse4fs-journalled'), { features: ['^has_journal'], size: 16 * mebibyte }, 'plain');
  await t.rejects(fuseMount(plain, ['data=journal'], () => Promise.resolve()), /needs a filesystem with a journal/, 'without a journal it is refused');
});
