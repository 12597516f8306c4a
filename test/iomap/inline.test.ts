/** Small files on a filesystem with inline_data: where they begin, when they get blocks, and what the kernel is told; with a simulated kernel. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MappingType } from '../../protocol/fuse/iomap.js';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { SimulatedFile } from './simulated-file.js';
import { errnoOf } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, simulatedMount, writeImage } from './simulated-mount.js';

const BLOCK = 4096;
const ROOT = 2;
const skip = cannotMount() || missing('mke2fs', 'e2fsck');
const text = (length: number): Buffer => Buffer.alloc(length, 'inline ');
/** MappingType of where it begins. */
const beginning = (file: SimulatedFile): number | undefined => file.fiemap()[0]?.type;
const { INLINE, MAPPED, UNWRITTEN } = MappingType;

async function mounted(t: Test, more: readonly string[] = []) {
  const directory = scratchDirectory(t, 'iomap');
  const image = await makeUsedImage(directory, 'image', { blockSize: BLOCK, features: 'inline_data', size: 16, arguments: ['-m', '0', '-N', '256', ...more] });
  const bytes = imageBytes(image);
  const { kernel } = simulatedMount(bytes, BLOCK);
  const make = (name: string): SimulatedFile => SimulatedFile.make(kernel, ROOT, name);
  const freeBlocks = (): bigint => kernel.call('STATFS', ROOT).getBigUint64(8, true);
  const finish = async (expected: Readonly<Record<string, Uint8Array>>): Promise<void> => {
    kernel.disconnect();
    t.strictSame([kernel.violations, kernel.failures], [[], []], 'no rule was broken, and nothing failed by a defect');
    const after = writeImage(join(directory, 'after.img'), bytes);
    t.equal(await e2fsckComplaints(after), undefined, 'e2fsck finds nothing');
    await kernelMount(after, ['ro'], async (target) => {
      for (const [name, contents] of Object.entries(expected)) t.ok(readFileSync(join(target, name)).equals(contents), `the kernel reads ${name}`);
    });
  };
  return { kernel, make, freeBlocks, finish };
}

t.test('a small file begins in its inode, and gets blocks when it outgrows that', { skip }, async (t) => {
  const { make, freeBlocks, finish } = await mounted(t);
  const free = freeBlocks();
  const file = make('file');
  file.write(0, text(40));
  t.equal(beginning(file), INLINE);
  t.equal(freeBlocks(), free, 'no block is taken');
  file.write(40, text(30));
  t.equal(beginning(file), INLINE);
  file.write(70, text(500));
  t.equal(beginning(file), MAPPED);
  const contents = Buffer.concat([text(40), text(30), text(500)]);
  t.same(file.read(0, 1000), contents);
  file.fsync();
  file.evict();
  await finish({ file: contents });
});

t.test('where the kernel remembers that the file is empty', { skip }, async (t) => {
  const { make, finish } = await mounted(t);
  const file = make('file');
  // Zeroes up to where it writes: that is a hole, which it keeps.
  file.write(30, text(20));
  t.equal(beginning(file), INLINE);
  const contents = Buffer.concat([Buffer.alloc(30), text(20)]);
  t.same(file.read(0, 100), contents);
  file.evict();
  await finish({ file: contents });
});

t.test('what makes a file shorter leaves it in its inode, and nothing behind', { skip }, async (t) => {
  const { make, finish } = await mounted(t);
  const file = make('file');
  file.write(0, text(70));
  t.same(file.read(0, 100), text(70));
  let contents = text(70);
  for (const [shorter, longer] of [[65, 70], [30, 50], [10, 40]] as const) {
    file.truncate(shorter);
    file.truncate(longer);
    contents = Buffer.concat([contents.subarray(0, shorter), Buffer.alloc(longer - shorter)]);
    t.equal(beginning(file), INLINE);
    t.same(file.read(0, 100), contents);
    t.same(file.directRead(0, 100), contents);
  }
  file.evict();
  await finish({ file: contents });
});

t.test('what makes a file longer leaves it in its inode where it fits', { skip }, async (t) => {
  const { make, finish } = await mounted(t);
  const file = make('file');
  file.write(0, text(10));
  file.truncate(50);
  t.equal(beginning(file), INLINE);
  file.write(80, text(10));
  t.equal(beginning(file), INLINE);
  file.truncate(3000);
  t.equal(beginning(file), MAPPED);
  const contents = Buffer.alloc(3000);
  text(10).copy(contents);
  text(10).copy(contents, 80);
  t.same(file.read(0, 4000), contents);
  file.evict();
  await finish({ file: contents });
});

t.test('who writes in other ways than by write(2) gets blocks', { skip }, async (t) => {
  const { make, finish } = await mounted(t);
  const [large, direct, longer, mapped] = ['large', 'direct', 'longer', 'mapped'].map(make) as [SimulatedFile, SimulatedFile, SimulatedFile, SimulatedFile];
  large.write(0, text(5000));
  t.equal(beginning(large), UNWRITTEN, 'more than the inode can hold');
  direct.directWrite(0, text(512));
  t.equal(beginning(direct), MAPPED, 'a direct write');
  longer.truncate(20);
  longer.write(0, text(10));
  t.equal(beginning(longer), UNWRITTEN, 'into a file that has a size');
  mapped.write(0, text(20));
  t.equal(beginning(mapped), INLINE);
  mapped.writeMapped(5, text(10));
  t.equal(beginning(mapped), MAPPED, 'into a mapping of memory');
  const contents = Buffer.concat([text(20).subarray(0, 5), text(10), text(20).subarray(15)]);
  t.same(mapped.read(0, 100), contents);
  for (const file of [large, direct, longer, mapped]) file.evict();
  await finish({ large: text(5000), direct: text(512), longer: Buffer.concat([text(10), Buffer.alloc(10)]), mapped: contents });
});

t.test('on a full filesystem', { skip }, async (t) => {
  const { make, freeBlocks, finish } = await mounted(t);
  const rest = make('rest');
  for (let at = 0, blocks = 256; blocks > 0; ) {
    const failure = errnoOf(() => rest.write(at * BLOCK, Buffer.alloc(blocks * BLOCK, 1)));
    if (failure === 0) at += blocks;
    else blocks >>= 1;
  }
  const file = make('file');
  const left = freeBlocks();
  t.equal(errnoOf(() => file.write(0, text(60))), 0, 'what fits into the inode is written');
  t.not(errnoOf(() => file.write(60, text(1000))), 0, 'what does not is refused');
  t.equal(freeBlocks(), left);
  t.same(file.read(0, 100), text(60), 'and leaves the rest as it was');
  rest.evict();
  file.evict();
  await finish({ file: text(60) });
});

t.test('an IOEND for blocks that the file does not have', { skip }, async (t) => {
  const { kernel, make, finish } = await mounted(t);
  const file = make('file');
  file.write(0, text(20));
  const late = errnoOf(() => kernel.complete(file, { flags: 0x32, error: 0, position: 0, address: 0, written: 3000, device: 0 }));
  t.not(late, 0, 'is an error');
  t.same(file.read(0, 100), text(20));
  file.evict();
  await finish({ file: text(20) });
});
