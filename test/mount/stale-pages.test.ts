/** What read(2) gives after a direct write of the same place, while others read the file through the kernel's cache. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(120_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

/** The numbers of io_setup(2), io_submit(2) and io_getevents(2), for which Python has no function. */
const calls = new Map([
  ['x64', [206, 209, 208]],
  ['arm64', [0, 2, 4]],
]).get(process.arch);

/** @param rounds each writes the file with one asynchronous request, and reads it when that has ended */
const program = (rounds: number, size: number): string => `
import mmap, threading
SETUP, SUBMIT, GETEVENTS = ${JSON.stringify(calls)}
ROUNDS, SIZE = ${rounds}, ${size}
def done(result):
    if result < 0: raise OSError(ctypes.get_errno(), 'asynchronous I/O')
    return result
write('file', b'.' * SIZE)
direct, cached = os.open('file', os.O_RDWR | os.O_DIRECT), os.open('file', os.O_RDONLY)
context = ctypes.c_ulong(0)
done(libc.syscall(SETUP, 4, ctypes.byref(context)))
data = mmap.mmap(-1, SIZE)
place = ctypes.addressof(ctypes.c_char.from_buffer(data))
ended = False
def read_on():
    while not ended:
        for at in range(0, SIZE, 4096): os.pread(cached, 4096, at)
readers = [threading.Thread(target=read_on) for _ in range(2)]
for reader in readers: reader.start()
stale, short = 0, 0
for step in range(ROUNDS):
    data.seek(0); data.write(bytes([step % 255 + 1]) * SIZE)
    block = ctypes.create_string_buffer(struct.pack('<QIIHhIQQqQII', step, 0, 0, 1, 0, direct, place, SIZE, 0, 0, 0, 0), 64)
    blocks = (ctypes.c_void_p * 1)(ctypes.addressof(block))
    done(libc.syscall(SUBMIT, context, ctypes.c_long(1), blocks))
    event = ctypes.create_string_buffer(32)
    done(libc.syscall(GETEVENTS, context, ctypes.c_long(1), ctypes.c_long(1), event, None))
    short += struct.unpack('<QQqq', event.raw)[2] != SIZE
    stale += os.pread(cached, SIZE, 0) != data[:]
ended = True
for reader in readers: reader.join()
show('short', short)
show('stale', stale)
`;

for (const [name, size] of [['many pages', 128 << 10], ['more than one request', 3 << 20]] as const) {
  t.test(`asynchronous writes of ${name}`, { skip: skip || (calls === undefined && 'no asynchronous I/O here') }, async (t) => {
    await assertSame(t, { recipe: { size: 64 << 20 }, program: program(Math.ceil((24 << 20) / size), size) });
  });
}

/** The kernel sends these with the pages locked: they must not leave its cache before the answer. */
t.test('writes through the cache that cost a file its set-id bits', { skip }, async (t) => {
  const program = `
SIZE = 1 << 20
write('file', b'.' * SIZE)
os.chown('file', 1000, 1000)
fd = os.open('file', os.O_RDWR)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
for step in range(1, 9):
    os.chmod('file', 0o6755)
    os.pread(fd, 1, 0)
    # Parts of pages that are not cached.
    call('write', as_user(1000, lambda: os.pwrite(fd, bytes([65 + step]) * 5000, step * 65536 + 100)))
    show('mode', mode('file'))
show('contents', os.pread(fd, SIZE, 0) == read('file'))
os.fsync(fd)
`;
  await assertSame(t, { program, afterwards: `import hashlib; show('file', hashlib.sha256(read('file')).hexdigest())` });
});
