/** What the kernel wants of the filesystem as a whole, and of files that it swaps to: with a simulated kernel. */
import { constants } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { CompletionFlag, IomapOperation, MappingFlag, MappingType, PROFILE_A } from '../../protocol/fuse/iomap.js';
import { pack } from '../support/fuse-caller.js';
import { e2fsckComplaints } from '../support/image.js';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { KEEP_SIZE, PUNCH_HOLE, SimulatedFile } from './simulated-file.js';
import { errnoOf } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, simulatedMount, writeImage, type SimulatedMount } from './simulated-mount.js';

const { EINVAL, EIO, ETXTBSY } = constants.errno;
const BLOCK = 4096;
const LENGTH = 64 * BLOCK;
const ROOT = 2;
const SWAPON = IomapOperation.REPORT | PROFILE_A.swapFile;
const skip = missing('mke2fs', 'e2fsck');

interface Bench extends SimulatedMount {
  readonly directory: string;
  readonly bytes: Uint8Array;
}

async function bench(t: Test): Promise<Bench> {
  const directory = scratchDirectory(t, 'iomap');
  const bytes = imageBytes(await makeUsedImage(directory, 'image', { blockSize: BLOCK }));
  return { ...simulatedMount(bytes, BLOCK), directory, bytes };
}

t.test('a swap file', { skip }, async (t) => {
  const { kernel } = await bench(t);
  const file = SimulatedFile.make(kernel, ROOT, 'swap');
  file.write(0, new Uint8Array(LENGTH).fill(1));
  file.writeBack(0, LENGTH);
  file.finishIo();
  const { mapping } = kernel.begin(file, SWAPON, 0, LENGTH);
  t.match({ ...mapping }, { offset: 0, type: MappingType.MAPPED, flags: 0 }, 'has its place on the device for good: not DIRTY');
  t.equal(mapping.flags & MappingFlag.DIRTY, 0);
  t.equal(errnoOf(() => file.truncate(0)), ETXTBSY, 'is not cut off');
  t.equal(errnoOf(() => file.fallocate(PUNCH_HOLE | KEEP_SIZE, BLOCK, BLOCK)), ETXTBSY, 'nor made holes in');
  kernel.complete(file, { flags: CompletionFlag.SWAPOFF, error: 0, position: 0, address: -1, written: 0, device: 0 });
  t.equal(errnoOf(() => file.fallocate(PUNCH_HOLE | KEEP_SIZE, BLOCK, BLOCK)), 0, 'until it is no longer swapped to');
  t.equal(errnoOf(() => kernel.begin(file, SWAPON, BLOCK, BLOCK)), EINVAL, 'and may not have holes');
  t.strictSame(kernel.violations, []);
  kernel.disconnect();
});

t.test('frozen: what is on the disk is a filesystem that was unmounted, and stays the same', { skip }, async (t) => {
  const { kernel, filesystem, bytes, directory } = await bench(t);
  const file = SimulatedFile.make(kernel, ROOT, 'file');
  file.write(0, new Uint8Array(LENGTH).fill(2));
  file.writeBack(0, LENGTH);
  file.finishIo();
  kernel.call('FREEZE_FS', ROOT, pack([8, 0]));
  const frozen = bytes.slice();
  t.equal(await e2fsckComplaints(writeImage(join(directory, 'frozen.img'), frozen)), undefined);
  t.same(file.read(0, BLOCK), new Uint8Array(BLOCK).fill(2), 'it can be read');
  file.checkAttributes();
  filesystem.sync();
  t.ok(Buffer.from(bytes.buffer).equals(frozen), 'nothing was written meanwhile');
  kernel.call('UNFREEZE_FS', ROOT);
  file.write(LENGTH, new Uint8Array(BLOCK).fill(3));
  file.fsync();
  kernel.disconnect();
  t.equal(await e2fsckComplaints(writeImage(join(directory, 'thawed.img'), bytes)), undefined);
  const { kernel: next } = simulatedMount(bytes, BLOCK);
  t.equal(SimulatedFile.lookUp(next, ROOT, 'file').size, LENGTH + BLOCK, 'and what was written afterwards is there');
  next.disconnect();
});

t.test('shut down: nothing is changed any more', { skip }, async (t) => {
  const { kernel, bytes, directory } = await bench(t);
  const file = SimulatedFile.make(kernel, ROOT, 'file');
  file.write(0, new Uint8Array(LENGTH).fill(4));
  file.fsync();
  kernel.call('SHUTDOWN_FS', ROOT, pack([8, 0]));
  const then = bytes.slice();
  t.equal(errnoOf(() => SimulatedFile.make(kernel, ROOT, 'another')), EIO);
  t.equal(errnoOf(() => file.truncate(0)), EIO);
  kernel.disconnect();
  t.ok(Buffer.from(bytes.buffer).equals(then), 'not by unmounting either');
  const { kernel: next } = simulatedMount(bytes, BLOCK);
  t.same(SimulatedFile.lookUp(next, ROOT, 'file').read(0, LENGTH), new Uint8Array(LENGTH).fill(4), 'the next mount finds what was synced');
  next.disconnect();
  t.equal(await e2fsckComplaints(writeImage(join(directory, 'next.img'), bytes)), undefined);
});
