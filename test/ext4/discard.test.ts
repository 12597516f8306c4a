/** Discards on a device that takes none: asked once, told once, and nothing else is different. */
import t, { type Test } from 'tap';
import type { Name } from '../../server/ext4/namespace/name.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { makeImage } from '../support/image.js';
import { missing } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = missing('mke2fs');

class DeafDevice extends MemoryDevice {
  asked = 0;

  override discard(): boolean {
    this.asked++;
    return false;
  }
}

async function open(t: Test, discard: boolean): Promise<{ device: DeafDevice; writable: WritableFilesystem; reports: string[] }> {
  const device = new DeafDevice(MemoryDevice.of(await makeImage(scratchDirectory(t, 'deaf'), { size: 16 << 20 })).bytes);
  const reports: string[] = [];
  const writable = WritableFilesystem.open(device, { barriers: true, mountPoint: '', discard, report: ({ message }) => void reports.push(message) });
  return { device, writable, reports };
}

const NAME: Name = { bytes: new TextEncoder().encode('file'), offset: 0, length: 4 };

/** A file comes and goes, and both are committed. */
function comeAndGo(writable: WritableFilesystem): void {
  const { namespace, reaper, contents, filesystem } = writable;
  const bytes = new Uint8Array(100_000).fill(1);
  writable.change(() => {
    const inode = namespace.create(filesystem.root, NAME, { mode: 0o100600, umask: 0, uid: 0, gid: 0, device: 0 });
    contents.write(inode, 0, bytes, 0, bytes.length, true);
  });
  writable.commit();
  writable.change(() => reaper.reap(namespace.unlink(filesystem.root, NAME).number));
  writable.commit();
}

t.test('-o discard', { skip }, async (t) => {
  const { device, writable, reports } = await open(t, true);
  for (let round = 0; round < 3; round++) comeAndGo(writable);
  t.equal(device.asked, 1);
  t.strictSame(reports, ['the device takes no discards: option "discard" has no effect']);
  writable.close();
});

t.test('FITRIM', { skip }, async (t) => {
  const { writable } = await open(t, false);
  comeAndGo(writable);
  t.throws(() => writable.trimFreeSpace({ start: 0, length: 2 ** 64, shortest: 0 }), /takes no discards/);
  comeAndGo(writable);
  writable.close();
});
