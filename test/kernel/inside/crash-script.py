"""crash-script.py MOUNT MARKS: does the operations that stdin has as JSON (crash-script.ts), and marks when each begins
and has ended."""
import ctypes, json, mmap, os, sys

libc = ctypes.CDLL(None, use_errno=True)
root, marks = sys.argv[1:3]
mark = os.open(marks, os.O_WRONLY)
page = mmap.mmap(-1, 1 << 20)
files, direct = {}, {}
PAGE = 4096
START_WRITEBACK = 2


def must(result):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def path(file):
    return os.path.join(root, 'f%d' % file)


def data(file, number, offset, length):
    word = bytes([file, number & 0x7f, number >> 7 & 0x7f, 0xa5])
    return (word * (length // 4 + 2))[offset % 4:offset % 4 + length]


def create(number, file):
    files[file] = os.open(path(file), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
    direct[file] = os.open(path(file), os.O_RDWR | os.O_DIRECT)


def unlink(number, file):
    os.unlink(path(file))
    os.close(files[file])
    os.close(direct[file])


def write(number, file, offset, length):
    assert os.pwrite(files[file], data(file, number, offset, length), offset) == length


def write_directly(number, file, offset, length):
    page[0:length] = data(file, number, offset, length)
    assert os.pwritev(direct[file], [memoryview(page)[0:length]], offset) == length


def write_mapped(number, file, offset, length):
    start = offset // PAGE * PAGE
    mapping = mmap.mmap(files[file], offset + length - start, offset=start)
    mapping[offset - start:offset - start + length] = data(file, number, offset, length)
    mapping.close()


def allocate(number, file, mode, offset, length):
    must(libc.fallocate(files[file], mode, ctypes.c_long(offset), ctypes.c_long(length)))


def start(number, file):
    must(libc.sync_file_range(files[file], ctypes.c_long(0), ctypes.c_long(0), START_WRITEBACK))


def sync_all(number):
    directory = os.open(root, os.O_RDONLY)
    must(libc.syncfs(directory))
    os.close(directory)


operations = {
    'create': create,
    'unlink': unlink,
    'write': write,
    'direct': write_directly,
    'map': write_mapped,
    'truncate': lambda number, file, size: os.ftruncate(files[file], size),
    'allocate': allocate,
    'start': start,
    'fsync': lambda number, file: os.fsync(files[file]),
    'syncfs': sync_all,
}
for number, (kind, *arguments) in enumerate(json.load(sys.stdin)):
    os.write(mark, b'begin %d' % number)
    operations[kind](number, *arguments)
    os.write(mark, b'end %d' % number)
