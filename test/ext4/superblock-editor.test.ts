import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { CorruptionError, DeviceError } from '../../server/ext4/errors.js';
import { cannotMount, KernelImage } from './kernel-image.js';
import { LogLaboratory } from '../support/log-image.js';
import { RecordingDevice } from '../support/recording-device.js';
import { WritableFilesystem } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());
const image = laboratory.make({ name: 'superblock', blockSize: 1024, journal: 'size=1', size: '8M' }, 2);

function open(bytes = image.bytes): { readonly device: RecordingDevice; readonly target: WritableFilesystem } {
  const device = new RecordingDevice(bytes.slice());
  return { device, target: new WritableFilesystem(device) };
}

/** What dumpe2fs prints, by the name of the field. */
function header(bytes: Uint8Array): ReadonlyMap<string, string> {
  const output = execFileSync('dumpe2fs', ['-h', laboratory.file(bytes)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return new Map(output.split('\n').map((line) => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]));
}

const superblockOf = (bytes: Uint8Array): Uint8Array => bytes.slice(1024, 2048);

/** Bytes that depend on the time, on what was written, and on where it was mounted; and the checksum over them. */
const VARYING: readonly (readonly [number, number])[] = [
  [0x2c, 0x34],
  [0x88, 0xc8],
  [0x178, 0x180],
  [0x274, 0x276],
  [0x3fc, 0x400],
];

function differences(ours: Uint8Array, theirs: Uint8Array): string[] {
  const found: string[] = [];
  for (let offset = 0; offset < 1024; offset++) {
    if (VARYING.some(([from, to]) => offset >= from && offset < to)) continue;
    if (ours[offset] !== theirs[offset]) found.push(`${offset.toString(16)}: ${String(ours[offset])}, the kernel has ${String(theirs[offset])}`);
  }
  return found;
}

t.test('as the kernel leaves it', { skip: cannotMount() }, async (t) => {
  for (const features of ['', '^has_journal', 'orphan_file', '^metadata_csum,^64bit', 'fast_commit', 'bigalloc']) {
    const kernel = new KernelImage({ features, size: '64M' });
    t.teardown(() => kernel.remove());
    const before = new Uint8Array(readFileSync(kernel.path));
    let whileMounted = new Uint8Array();
    kernel.mounted('rw', () => {
      whileMounted = new Uint8Array(readFileSync(kernel.path));
    });
    const { device, target } = open(before);
    t.same(differences(superblockOf(device.bytes), superblockOf(whileMounted)), [], `${features}: while it is mounted`);
    target.unmount();
    t.same(differences(superblockOf(device.bytes), superblockOf(new Uint8Array(readFileSync(kernel.path)))), [], `${features}: after it was`);
    t.equal(spawnSync('e2fsck', ['-fn', laboratory.file(device.bytes)]).status, 0);
  }
});

t.test('errors', async (t) => {
  const { device, target } = open();
  const before = device.recording.length;
  target.superblock.recordError(new CorruptionError('directory block', { inode: 12, block: 2 ** 32 + 5 }, 'first'));
  target.superblock.recordError(new CorruptionError('extent tree', { inode: 13 }, 'second'));
  target.superblock.recordError(new DeviceError('third'));
  t.equal(device.recording.length, before, 'are not written where they are met');
  target.superblock.writeErrors();
  t.notOk(target.superblock.hasErrors);
  t.equal(device.recording.length, before, 'but in a transaction');
  target.transactions.checkpoint();

  const first = header(device.bytes);
  t.match(first.get('Filesystem state'), /errors/);
  t.equal(first.get('FS Error count'), '3');
  t.equal(first.get('First error function'), 'directory block');
  t.equal(first.get('First error inode #'), '12');
  t.equal(first.get('First error block #'), String(2 ** 32 + 5));
  t.equal(first.get('First error err'), 'EFSCORRUPTED');
  t.equal(first.get('Last error function'), 'DeviceError');
  t.equal(first.get('Last error err'), 'EIO');

  target.superblock.recordError(new CorruptionError('inode', { inode: 14 }, 'fourth'));
  target.change(() => {
    target.inodes.setMode(target.filesystem.root, 0o40755);
  });
  target.transactions.commit();
  target.unmount();
  const last = header(device.bytes);
  t.equal(last.get('FS Error count'), '4', 'also with a commit that comes anyway');
  t.equal(last.get('First error function'), 'directory block', 'the first one stays');
  t.equal(last.get('Last error inode #'), '14');
  t.match(last.get('Filesystem state'), /errors/, 'until it was checked');
});

t.test('errors without a journal', async (t) => {
  const bare = laboratory.make({ name: 'bare', blockSize: 4096, features: '^has_journal', size: '8M' }, 1);
  const { device, target } = open(bare.bytes);
  target.superblock.recordError(new CorruptionError('inode', { inode: 12 }, 'first'));
  target.superblock.writeErrors();
  t.equal(header(device.bytes).get('FS Error count'), '1', 'are written at once');
});

t.test('an aborted journal', async (t) => {
  const { device, target } = open();
  target.transactions.shutDown(new DeviceError('gone'));
  t.equal(header(device.bytes).get('FS Error count'), '1', 'does not keep errors from being written');
  const again = new WritableFilesystem(device);
  t.match(header(device.bytes).get('Filesystem state'), /errors/);
  again.unmount();
  t.match(header(device.bytes).get('Filesystem state'), /errors/, 'and they last');
});

t.test('counts', async (t) => {
  const { device, target } = open();
  const before = header(device.bytes);
  target.change(() => {
    const { number } = target.inodeAllocator.allocate(target.filesystem.root, false);
    t.ok(number);
  });
  target.transactions.checkpoint();
  t.equal(Number(header(device.bytes).get('Free inodes')), Number(before.get('Free inodes')) - 1);
  t.equal(header(device.bytes).get('Free blocks'), before.get('Free blocks'));
});

t.test('names', async (t) => {
  const { device, target } = open();
  target.change(() => {
    target.superblock.setLabel(new TextEncoder().encode('exactly-sixteen!'));
    target.superblock.setLastMounted('/mnt/some/where');
    target.superblock.setFeature('roCompat', 'VERITY');
  });
  t.throws(() => target.change(() => target.superblock.setLabel(new Uint8Array(17))), { code: 'OPERATION' });
  t.throws(() => target.change(() => target.superblock.setUuid(new Uint8Array(16))), { code: 'OPERATION' }, 'which checksums depend on');
  target.unmount();
  const fields = header(device.bytes);
  t.equal(fields.get('Filesystem volume name'), 'exactly-sixteen!');
  t.equal(fields.get('Last mounted on'), '/mnt/some/where');
  t.match(fields.get('Filesystem features'), /verity/);

  const seeded = laboratory.make({ name: 'seeded', blockSize: 1024, features: 'metadata_csum_seed', journal: 'size=1', size: '8M' }, 1);
  const other = open(seeded.bytes);
  other.target.change(() => {
    other.target.superblock.setUuid(Uint8Array.from({ length: 16 }, (_, index) => index));
  });
  other.target.unmount();
  t.equal(header(other.device.bytes).get('Filesystem UUID'), '00010203-0405-0607-0809-0a0b0c0d0e0f');
  t.equal(laboratory.recoveredByE2fsck(other.device.bytes).complaints, '');
});
