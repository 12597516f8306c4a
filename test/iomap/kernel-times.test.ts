/** Times that the kernel keeps, and gives back later whatever the file has become: with a simulated kernel. */
import { constants } from 'node:os';
import t from 'tap';
import { AttributeFlag } from '../../protocol/fuse/iomap.js';
import { SetattrValid as Valid } from '../../protocol/fuse/requests.js';
import { pack } from '../support/fuse-caller.js';
import { missing } from '../support/machine.js';
import { scratchDirectory } from '../support/scratch.js';
import { SimulatedFile } from './simulated-file.js';
import { errnoOf, type SimulatedKernel } from './simulated-kernel.js';
import { imageBytes, makeUsedImage, simulatedMount } from './simulated-mount.js';

const { EPERM } = constants.errno;
const BLOCK = 4096;
const ROOT = 2;
const SETFLAGS = 0x40086602;
const EXTENTS = 0x80000;
const [ACCESS, MODIFICATION, CHANGE] = [1001, 1002, 1003];
const skip = missing('mke2fs');

function setFlag(kernel: SimulatedKernel, { nodeid }: SimulatedFile, flag: number): void {
  kernel.call('IOCTL', nodeid, pack([8, 0], [4, 0x10], [4, SETFLAGS], [8, 0], [4, 4], [4, 0]), pack([4, EXTENTS | flag]));
}

/** With the three times above, and mode 0600. @returns the errno */
const setattr = (kernel: SimulatedKernel, { nodeid }: SimulatedFile, valid: number): number =>
  errnoOf(() => kernel.call('SETATTR', nodeid, pack(
    [4, valid], [4, 0], [8, 0], [8, 0], [8, 0],
    [8, ACCESS], [8, MODIFICATION], [8, CHANGE], [4, 0], [4, 0], [4, 0],
    [4, 0o100600], [4, 0], [4, 0], [4, 0], [4, 0],
  )));

for (const [name, flag, attribute] of [['immutable', 0x10, AttributeFlag.IMMUTABLE], ['append-only', 0x20, AttributeFlag.APPEND]] as const) {
  t.test(`of a file that is ${name} now`, { skip }, async (t) => {
    const image = await makeUsedImage(scratchDirectory(t, 'iomap'), 'image', { blockSize: BLOCK });
    const { kernel } = simulatedMount(imageBytes(image), BLOCK);
    t.teardown(() => kernel.disconnect());
    const file = SimulatedFile.make(kernel, ROOT, 'file');
    setFlag(kernel, file, flag);
    const attributes = (): DataView => kernel.call('GETATTR', file.nodeid, pack([4, 0], [4, 0], [8, 0]));
    t.equal(attributes().getUint32(16 + 84, true) & attribute, attribute, 'the kernel is told, and refuses utimensat(2)');
    t.equal(setattr(kernel, file, Valid.ATIME | Valid.MTIME | Valid.CTIME), 0);
    const after = attributes();
    t.strictSame([24, 32, 40].map((field) => after.getUint32(16 + field, true)), [ACCESS, MODIFICATION, CHANGE]);
    t.equal(setattr(kernel, file, Valid.MODE | Valid.CTIME), EPERM);
    t.equal(setattr(kernel, file, Valid.MODE | Valid.ATIME | Valid.MTIME | Valid.CTIME), EPERM);
  });
}
