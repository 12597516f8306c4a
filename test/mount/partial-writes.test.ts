/** A write that the filesystem, or a quota, has no room for: what fits of it is written. */
import { openSync, statSync } from 'node:fs';
import t from 'tap';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { ALL_QUOTAS } from '../ext4/quota-workload.js';
import { e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame, output } from '../support/side-by-side.js';

const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');
const USER = 1000;
const LIMIT = 300 << 10;

const PRELUDE = `
import mmap
BLOCK = os.statvfs('.').f_bsize
SIZE = 1 << 20
data = mmap.mmap(-1, SIZE)
for at in range(0, SIZE, 8): data[at:at + 8] = struct.pack('<Q', at)
expected = bytes(data)
def fill():
    "leaves some room"
    os.close(os.open('spare', os.O_CREAT | os.O_WRONLY))
    fd = os.open('spare', os.O_WRONLY); os.pwrite(fd, expected[:400 << 10], 0); os.fsync(fd); os.close(fd)
    fd = os.open('rest', os.O_CREAT | os.O_WRONLY)
    size = SIZE
    while size >= BLOCK:
        try: os.write(fd, bytes(size)); os.fsync(fd)
        except OSError: os.ftruncate(fd, os.fstat(fd).st_size // BLOCK * BLOCK); size //= 2
    os.close(fd)
    os.unlink('spare'); os.sync()
def holds(name, size, at=0): return read(name)[at:at + size] == expected[:size]
`;

/** All or nothing, as with the kernel. */
const DIRECT = `
fill()
fd = os.open('direct', os.O_CREAT | os.O_WRONLY | os.O_DIRECT)
call('too much', lambda: os.writev(fd, [data]))
show('left', os.fstat(fd).st_size)
call('what fits', lambda: os.writev(fd, [memoryview(data)[:300 << 10]]))
os.close(fd)
`;

const COPY = `
fill()
source = os.open('rest', os.O_RDONLY); target = os.open('copy', os.O_CREAT | os.O_WRONLY)
copied = os.copy_file_range(source, target, SIZE)
show('in part', (0 < copied < SIZE, os.fstat(target).st_size == copied))
call('no more', lambda: os.copy_file_range(source, target, SIZE))
show('available', os.statvfs('.').f_bavail)
`;

const CACHED = `
fill()
fd = os.open('cached', os.O_CREAT | os.O_WRONLY)
show('into the cache', os.pwrite(fd, expected, 0))
call('fsync', lambda: os.fsync(fd))
show('available', os.statvfs('.').f_bavail)
`;

const CACHED_AGAIN = `
size = os.stat('cached').st_size
show('kept', (size >= 300 << 10, size < SIZE, holds('cached', size)))
`;

const QUOTA = `
os.mkdir('home'); os.chmod('home', 0o777)
os.setegid(${USER}); os.seteuid(${USER})
fd = os.open('home/direct', os.O_CREAT | os.O_WRONLY | os.O_DIRECT)
call('direct', lambda: os.writev(fd, [data]))
os.close(fd)
fd = os.open('home/cached', os.O_CREAT | os.O_WRONLY)
os.pwrite(fd, expected, 0)
call('fsync', lambda: os.fsync(fd))
os.close(fd)
show('used', os.stat('home/cached').st_blocks * 512)
`;

const QUOTA_AGAIN = `
show('cached', (os.stat('home/cached').st_size, holds('home/cached', ${LIMIT})))
`;

const recipe = { size: 32 << 20, blockSize: 4096, arguments: ['-m', '0'] };

t.test('a direct write', { skip }, (t) => assertSame(t, { recipe, program: PRELUDE + DIRECT }));

t.test('a copy', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), recipe);
  const said = await fuseMount(image, [], (target) => output(PRELUDE + COPY, target));
  t.strictSame(said, ['in part (True, True)', 'no more ENOSPC', 'available 0', '']);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
});

t.test('what the kernel writes back', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), recipe);
  const said = await fuseMount(image, [], (target) => output(PRELUDE + CACHED, target));
  t.strictSame(said, ['into the cache 1048576', 'fsync ENOSPC', 'available 0', '']);
  const kept = await fuseMount(image, ['ro'], (target) => output(PRELUDE + CACHED_AGAIN, target));
  t.strictSame(kept, ['kept (True, True, True)', '']);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
});

t.test('up to a quota', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), { ...ALL_QUOTAS, size: 48 << 20 });
  const device = new DescriptorDevice({ fd: openSync(image, 'r+'), size: statSync(image).size, readOnly: false, name: image });
  const writable = WritableFilesystem.open(device, { barriers: true, mountPoint: '/', discard: false });
  writable.change(() => writable.quotas?.user?.setLimits(USER, { spaceSoft: 0, spaceHard: LIMIT, inodesSoft: 0, inodesHard: 0 }));
  writable.close();
  const said = await fuseMount(image, ['usrquota'], (target) => output(PRELUDE + QUOTA, target));
  t.strictSame(said, ['direct EDQUOT', 'fsync EDQUOT', `used ${LIMIT}`, '']);
  const kept = await fuseMount(image, ['ro'], (target) => output(PRELUDE + QUOTA_AGAIN, target));
  t.strictSame(kept, [`cached (${LIMIT}, True)`, '']);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
});
