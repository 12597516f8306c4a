/** chattr +e and -e: files that are converted from block maps to extents and back, beside the kernel's ext4. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(200_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const DEFINITIONS = `
EXTENTS = 0x80000
def flags(path): return struct.unpack('<I', ioctl(path, 0x80086601, bytes(4)))[0]
def convert(path, on):
    wanted = flags(path) | EXTENTS if on else flags(path) & ~EXTENTS
    call((path, 'to extents' if on else 'to a block map'), lambda: ioctl(path, 0x40086602, struct.pack('<I', wanted)) and None)
def state(path):
    os.sync(); now = os.lstat(path)
    # In how many pieces a directory is, depends on where the allocator put it.
    show(path, (bool(flags(path) & EXTENTS), now.st_size, None if os.path.isdir(path) else now.st_blocks))
def pieces(path, offsets):
    for offset in offsets: write(path, b'%d' % offset * 300, offset)
def mapped(path, offsets):
    write(path, b''); convert(path, False); pieces(path, offsets); state(path)
def contents(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        hole = 0
        while hole < size:
            try: data = os.lseek(fd, hole, os.SEEK_DATA)
            except OSError: break
            hole = os.lseek(fd, data, os.SEEK_HOLE)
            show((path, data, hole), hash(tuple(os.pread(fd, hole - data, data))))
    finally: os.close(fd)
`;

const PROGRAM = `${DEFINITIONS}
KB = 1024
files = {
    'empty': [], 'small': [0, 5000], 'indirect': [0, 20 * KB, 100 * KB], 'double': [0, 600 * KB, 2000 * KB], 'triple': [10, 70_000 * KB, 90_000 * KB],
    'fragments': [n * 40 * KB for n in range(100)], 'only-far': [80_000 * KB],
}
for name, offsets in files.items(): mapped(name, offsets)
for name in files: convert(name, True); state(name); contents(name)
for name in files: write(name, b'm' * 4096, 8 * KB); write(name, b'n' * 4096, 52 * KB); state(name)
for name in files: convert(name, False); state(name)
for name, size in [('one', 1000), ('twelve', 12 * KB), ('thirteen', 13 * KB)]:
    write(name, b'x' * size); state(name); convert(name, False); state(name); convert(name, True); state(name)
write('second', b'x' * 2000, 4 * KB); convert('second', False); state('second'); contents('second')
fd = os.open('reserved', os.O_CREAT | os.O_RDWR); os.posix_fallocate(fd, 0, 4 * KB); os.close(fd)
convert('reserved', False); state('reserved')
os.mkdir('directory')
for n in range(5): write('directory/%d' % n, b'')
convert('directory', False); state('directory')
for n in range(200): write('directory/some-longer-name-%d' % n, b'')
convert('directory', True); state('directory'); show('names', sorted(os.listdir('directory')))
`;
const AFTERWARDS = `${DEFINITIONS}
for name in sorted(os.listdir('.')):
    state(name)
    if os.path.isfile(name): contents(name)
show('names', sorted(os.listdir('directory')))
`;

t.test('extents', { skip }, (t) => assertSame(t, { recipe: { blockSize: 1024 }, program: PROGRAM, afterwards: AFTERWARDS }));

t.test('without the feature', { skip }, (t) => assertSame(t, { recipe: { type: 'ext3', blockSize: 1024 }, program: `${DEFINITIONS}\nwrite('f', b'x' * 3000); state('f'); convert('f', True); state('f'); convert('f', False)` }));

t.test('clusters', { skip }, (t) => assertSame(t, { recipe: { features: ['bigalloc'] }, program: `${DEFINITIONS}\nwrite('f', b'x' * 3000); convert('f', False); state('f'); write('e', b''); convert('e', False); state('e')` }));

t.test('inline data', { skip }, (t) => assertSame(t, { recipe: { features: ['inline_data'] }, program: `${DEFINITIONS}\nwrite('f', b'x' * 30); convert('f', False); convert('f', True); state('f')` }));
