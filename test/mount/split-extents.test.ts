/** Extents that have to be split where there is no block for the tree: as with the kernel's ext4, which keeps some for that. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const PROGRAM = `
BLOCK = os.statvfs('.').f_bsize
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
def fallocate(name, mode, first, count):
    fd = os.open(name, os.O_RDWR)
    try:
        if libc.fallocate(fd, mode, ctypes.c_long(first), ctypes.c_long(count)) != 0:
            error = ctypes.get_errno(); raise OSError(error, os.strerror(error))
    finally: os.close(fd)
pattern = os.urandom(64) * (BLOCK // 64)
def pieces(name, count):
    "a file of so many extents of 10 blocks"
    fd = os.open(name, os.O_CREAT | os.O_RDWR)
    for n in range(count): os.pwrite(fd, pattern * 10, n * 20 * BLOCK)
    os.fsync(fd)
    os.close(fd)
def holds(name, expected):
    content = read(name)
    return [n for n in range(len(content) // BLOCK) if content[n * BLOCK:(n + 1) * BLOCK] != (pattern if expected(n) else bytes(BLOCK))]
LEAF = (BLOCK - 12) // 12
for name, count in (('root', 4), ('leaf', LEAF), ('zeroed', 4), ('zeroed-leaf', LEAF), ('room', 1)): pieces(name, count)
fd = os.open('rest', os.O_CREAT | os.O_WRONLY)
size = 1 << 20
while size >= BLOCK:
    try: os.write(fd, bytes(size)); os.fsync(fd)
    except OSError: os.ftruncate(fd, os.fstat(fd).st_size // BLOCK * BLOCK); size //= 2
os.close(fd)
show('available', os.statvfs('.').f_bavail)
def inside(n, first, count): return first <= n < first + count
written = lambda n: n % 20 < 10
call('punch in the root', lambda: fallocate('root', PUNCH_HOLE | KEEP_SIZE, 23 * BLOCK, 4 * BLOCK))
show('root', holds('root', lambda n: written(n) and not inside(n, 23, 4)))
call('punch in a leaf', lambda: fallocate('leaf', PUNCH_HOLE | KEEP_SIZE, 23 * BLOCK, 4 * BLOCK))
show('leaf', holds('leaf', lambda n: written(n) and not inside(n, 23, 4)))
call('zero in the root', lambda: fallocate('zeroed', ZERO_RANGE | KEEP_SIZE, 23 * BLOCK, 4 * BLOCK))
show('zeroed', holds('zeroed', lambda n: written(n) and not inside(n, 23, 4)))
call('zero in a leaf', lambda: fallocate('zeroed-leaf', ZERO_RANGE | KEEP_SIZE, 23 * BLOCK, 4 * BLOCK))
show('zeroed-leaf', holds('zeroed-leaf', lambda n: written(n) and not inside(n, 23, 4)))
call('punch where an entry fits', lambda: fallocate('room', PUNCH_HOLE | KEEP_SIZE, 3 * BLOCK, 4 * BLOCK + 100))
show('room', [n for n in holds('room', lambda n: written(n) and not inside(n, 3, 4)) if n != 7 or read('room')[7 * BLOCK:8 * BLOCK] != (bytes(100) + pattern[100:])])
show('blocks of room', os.stat('room').st_blocks)
call('over several', lambda: fallocate('root', PUNCH_HOLE | KEEP_SIZE, 5 * BLOCK, 40 * BLOCK))
show('root', holds('root', lambda n: written(n) and not inside(n, 5, 40)))
`;

for (const blockSize of [1024, 4096]) {
  t.test(`${blockSize} byte blocks`, { skip }, (t) => assertSame(t, { recipe: { size: (blockSize === 1024 ? 24 : 64) << 20, blockSize, arguments: ['-m', '0'] }, program: PROGRAM }));
}
