/** Data and holes of files that the kernel has not written back: as with the kernel's ext4, and never a hole where there is data. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck', 'cp', 'tar');

/** Changes files in every way that leaves data in the page cache, and asks for data and holes after each. */
const program = (seed: number, unit: number, show: boolean): string => `
import mmap, random
random.seed(${seed})
UNIT, UNITS, SIZE = ${unit}, 64, ${unit} * 64
undecided = 0
def segments(fd):
    global undecided
    found, at, size = [], 0, os.fstat(fd).st_size
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
            at = os.lseek(fd, start, os.SEEK_HOLE)
        # The kernel's ext4 answers so behind what is in the inode, where the file is longer than that.
        except FileNotFoundError:
            undecided += 1; found.append((at, size)); break
        except OSError as error:
            assert error.errno == errno.ENXIO; break
        assert start <= at <= size, (start, at, size)
        found.append((start, at))
        # With blocks below a page the kernel's own answers do not fit each other while it writes back.
        if at == start: at += 1
    return found
def outside(fd, found):
    size = os.fstat(fd).st_size
    data, at = os.pread(fd, size, 0), 0
    for start, end in found + [(size, size)]:
        if data[at:start].strip(b'\\0'): return 'data in a hole between %d and %d' % (at, start)
        at = end
for number in range(15):
    name = 'file%d' % number
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o644)
    if number % 2: os.ftruncate(fd, SIZE)
    if number % 3 == 0: libc.fallocate(fd, number % 2, ctypes.c_long(0), ctypes.c_long(SIZE))
    for step in range(12):
        at, length = random.randrange(UNITS) * UNIT, random.randrange(1, 3 * UNIT)
        kind = random.choice(['write', 'write', 'map', 'punch', 'zero', 'truncate', 'sync', 'append', 'direct'])
        size = os.fstat(fd).st_size
        if kind == 'write': os.pwrite(fd, b'w' * length, at)
        elif kind == 'append': os.pwrite(fd, b'e', size + at)
        elif kind == 'map' and at + 1 <= size:
            mapping = mmap.mmap(fd, size); mapping.madvise(mmap.MADV_RANDOM)
            mapping[at] = 77
            if random.randrange(2): mapping.close()
        elif kind == 'punch': libc.fallocate(fd, 3, ctypes.c_long(at), ctypes.c_long(length))
        elif kind == 'zero': libc.fallocate(fd, 17, ctypes.c_long(at), ctypes.c_long(length))
        elif kind == 'truncate': os.ftruncate(fd, at)
        elif kind == 'sync': os.fsync(fd)
        elif kind == 'direct':
            other, page = os.open(name, os.O_RDWR | os.O_DIRECT), mmap.mmap(-1, 4096)
            page.write(b'd' * 4096); os.pwritev(other, [page], at // 4096 * 4096); os.close(other)
        found = segments(fd)
        print(number, step, kind, at, length, found if ${show ? 'True' : 'False'} else '')
        wrong = outside(os.open(name, os.O_RDONLY), found) if step == 11 else None
        assert wrong is None, (number, step, kind, wrong)
    os.system('cp --sparse=auto %s copy; cmp %s copy; tar -cSf archive %s; mkdir -p out; tar -xf archive -C out; cmp %s out/%s' % ((name,) * 5))
remark('undecided', undecided)
# What waits to be written counts the blocks that it could need at most.
for name in ('copy', 'file14'): os.fsync(os.open(name, os.O_RDWR))
if ${show ? 'True' : 'False'}: show('holes are kept', os.stat('copy').st_blocks <= os.stat('file14').st_blocks)
`;

const SEEDS = [Number(process.env['FUSE4FS_SEED'] ?? 2026), 7];

t.test('blocks as large as a page', { skip }, async (t) => {
  for (const seed of SEEDS) await t.test(`seed ${seed}`, (t) => assertSame(t, { program: program(seed, 4096, true) }));
});

/** The client writes whole pages back: blocks about what was written may count as data. */
t.test('blocks of a quarter of a page', { skip }, async (t) => {
  for (const seed of SEEDS) await t.test(`seed ${seed}`, (t) => assertSame(t, { recipe: { blockSize: 1024 }, program: program(seed, 1024, false) }));
});

t.test('files in their inodes', { skip }, async (t) => {
  for (const seed of SEEDS) {
    await t.test(`seed ${seed}`, async (t) => {
      const { ours } = await assertSame(t, { recipe: { features: ['inline_data'] }, program: program(seed, 40, false) });
      t.equal(ours.get('undecided'), 0, 'ours answers at once');
    });
  }
});

const OUTSIDE = `
write('file', b'data')
fd = os.open('file', os.O_RDWR)
for offset in (-1 << 63, -1 << 53, -2, -1, 4, 5, 1 << 53, (1 << 63) - 1):
    for whence in (os.SEEK_DATA, os.SEEK_HOLE): call('%d %d' % (offset, whence), lambda: os.lseek(fd, offset, whence))
`;

t.test('before the beginning, and behind the end', { skip }, (t) => assertSame(t, { program: OUTSIDE }));
