// time limit: 600 s
/** Filled to the last block and the last inode through the mount, beside the kernel's ext4: ENOSPC and nothing else. */
import t from 'tap';
import { e2fsckComplaints, makeImage, type ImageRecipe } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { mountsForIomap } from '../support/mount-source.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame, output } from '../support/side-by-side.js';

t.setTimeout(600_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

/** fill() returns how many bytes an fsync has accepted; what cannot be written is cut off again. */
const FILLING = `
data = bytes(range(256)) * 4096
BLOCK = os.statvfs('.').f_bsize
problems = set()
def append(fd, at, size):
    try:
        count = os.pwrite(fd, data[:size], at)
        os.fsync(fd)
        return count
    except OSError as error:
        problems.add(errno.errorcode[error.errno])
        os.ftruncate(fd, at); os.fsync(fd)
        return 0
def fill_file(name):
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o644)
    total, size = os.fstat(fd).st_size, len(data)
    first = total
    try:
        while size >= BLOCK:
            count = append(fd, total, size)
            total += count
            if count == 0: size //= 2
    finally:
        try: os.close(fd)
        except OSError as error: problems.add('close: ' + errno.errorcode[error.errno])
    return total - first
def fill(prefix):
    total = 0
    for n in range(1000):
        try: count = fill_file('%s%d' % (prefix, n))
        except OSError as error:
            problems.add(errno.errorcode[error.errno]); break
        total += count
        if count == 0: break
    return total
def settled():
    "who asks for something else is answered after the kernel was told which attributes are out of date"
    os.statvfs('.')
def clear(prefix):
    for name in os.listdir('.'):
        if name.startswith(prefix): os.unlink(name)
    os.sync()
`;

const SPACE = `
os.mkdir('small'); os.mkdir('small/sub'); os.mkdir('grow')
write('present', data[:BLOCK * 8]); write('sparse', b'')
os.truncate('sparse', 1 << 20)
write('reserved', b'')
fd = os.open('reserved', os.O_RDWR); os.posix_fallocate(fd, 0, BLOCK * 200); os.close(fd)
write('ahead', b''); os.system('fallocate --keep-size --length %d ahead' % (BLOCK * 200))
os.mkdir('user'); os.chown('user', 1000, 1000); os.chmod('.', 0o777)
free = os.statvfs('.')
user = as_user(1000, lambda: fill('user-'))()
remark('user', user)
left = os.statvfs('.')
show('user stops at', (left.f_bavail, sorted(problems))); problems.clear()
call('user', as_user(1000, lambda: os.symlink('t' * 200, 'user/link')))
call('user', as_user(1000, lambda: os.mkdir('user/directory')))
root = fill('root-')
remark('root', root)
show('root stops at', (os.statvfs('.').f_bavail, sorted(problems))); problems.clear()

def at(name, act, flags=os.O_RDWR):
    def inner():
        fd = os.open(name, flags)
        try: return act(fd)
        finally: os.close(fd)
    return inner
def again(name, act):
    "the last word of an operation that is tried until it fails: names of its own each time"
    for n in range(2000):
        try: act(n)
        except OSError as error:
            remark(name, n); show(name, errno.errorcode[error.errno]); return
    show(name, 'never fails')
for who in ('root', 'user'):
    as_who = (lambda act: act) if who == 'root' else (lambda act: as_user(1000, act))
    if who == 'user':
        for path in ('present', 'sparse', 'grow', 'small', 'small/sub', 'reserved'): os.chown(path, 1000, 1000)
    call('write behind', as_who(at('present', lambda fd: (os.pwrite(fd, b'x' * BLOCK, BLOCK * 20), os.fsync(fd)))))
    os.truncate('present', BLOCK * 8)
    call('write in a hole', as_who(at('sparse', lambda fd: (os.pwrite(fd, b'x' * BLOCK, BLOCK * 20), os.fsync(fd)))))
    call('write in place', as_who(at('present', lambda fd: (os.pwrite(fd, b'y' * BLOCK, BLOCK * 3), os.fsync(fd))[0])))
    call('fallocate', as_who(at('present', lambda fd: os.posix_fallocate(fd, BLOCK * 100, BLOCK))))
    call('fallocate what is there', as_who(at('present', lambda fd: os.posix_fallocate(fd, 0, BLOCK * 8))))
    call('mkdir', as_who(lambda: os.mkdir('grow/directory')))
    call('long symlink', as_who(lambda: os.symlink('t' * 500, 'grow/link')))
    call('short symlink', as_who(lambda: os.symlink('t' * 50, 'grow/short'))); os.unlink('grow/short')
    call('large attribute', as_who(lambda: os.setxattr('present', 'user.large', b'v' * 900)))
    call('small attribute', as_who(lambda: os.setxattr('present', 'user.small', b'v')))
    call('sparse', as_who(lambda: os.truncate('sparse', 2 << 20)))
    again('create', lambda n: as_who(lambda: os.close(os.open('grow/' + who + 'c' * 200 + str(n), os.O_CREAT | os.O_EXCL)))())
    again('link', lambda n: as_who(lambda: os.link('present', 'grow/' + who + 'l' * 200 + str(n)))())
    call('rename that grows', as_who(lambda: os.rename('small/sub', 'grow/' + 'r' * 250)))
    call('rename in place', as_who(lambda: os.rename('small/sub', 'small/other')))
    os.rename('small/other', 'small/sub')
    show('links', (os.stat('present').st_nlink, os.stat('grow').st_nlink, os.stat('small').st_nlink))
    for name in os.listdir('grow'): os.unlink('grow/' + name)
    show('grow', (os.stat('grow').st_size // BLOCK, sorted(attributes('present'))))
show('space', os.statvfs('.').f_bavail)

def into_reserved(fd):
    for n in range(1, 200, 2): os.pwrite(fd, data[n:n + 100], n * BLOCK); os.fsync(fd)
call('into what was reserved', at('reserved', into_reserved))
content = read('reserved')
show('reserved', all(content[n * BLOCK:(n + 1) * BLOCK] == (data[n:n + 100] if n % 2 else b'').ljust(BLOCK, b'\\0') for n in range(200)))
def into_ahead(fd):
    for n in range(1, 100, 2): os.pwrite(fd, data[n:n + 100], n * BLOCK); os.fsync(fd)
call('into what was reserved past the end', at('ahead', into_ahead))
content = read('ahead')
show('ahead', (len(content), all(content[n * BLOCK:n * BLOCK + 100] == (data[n:n + 100] if n % 2 else bytes(100)) for n in range(100))))

content = {name: os.stat(name).st_size for name in os.listdir('.') if name.startswith(('user-', 'root-'))}
show('intact', all(read(name) == (data * (size // len(data) + 1))[:size] for name, size in list(content.items())[:3] if size <= len(data)))
clear('user-'); clear('root-')
os.unlink('reserved')
second = as_user(1000, lambda: fill('user-'))()
remark('again', second)
show('problems', sorted(problems))
`;

/** Who writes without end and never syncs: into pages that the kernel caches, more than the filesystem has room for. */
const ENDLESS = `
def endless(name):
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o644)
    total = 0
    try:
        while total < 64 << 30: total += os.write(fd, data)
        return 'never fails'
    except OSError as error: return errno.errorcode[error.errno]
    finally:
        os.ftruncate(fd, 0)
        try: os.close(fd)
        except OSError as error: pass
os.chmod('.', 0o777)
show('root', endless('file'))
show('user', as_user(1000, lambda: endless('other'))())
fd = os.open('told', os.O_CREAT | os.O_RDWR, 0o644)
os.write(fd, b'r' * BLOCK); os.fsync(fd)
fill('root-'); problems.clear()
def refused(fd):
    call('past the end', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
    call('fsync', lambda: os.fsync(fd))
    settled()
refused(fd)
os.stat('told')
call('read past the end', lambda: os.pread(fd, 10, 1 << 20))
show('size', (os.lseek(fd, 0, os.SEEK_END) // BLOCK, os.fstat(fd).st_size // BLOCK))
settled()
call('write', lambda: os.pwrite(fd, b'y', 0))
call('and once only', lambda: os.pwrite(fd, b'y', 0))
call('fsync', lambda: os.fsync(fd))
refused(fd)
os.unlink('root-0')
call('when there is room again', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('fsync', lambda: os.fsync(fd))
os.close(fd)
`;

const ENDLESS_TOLD = [
  'root ENOSPC',
  'user ENOSPC',
  'past the end 1',
  'fsync ENOSPC',
  'read past the end ',
  'size (9, 9)',
  'write ENOSPC',
  'and once only 1',
  'fsync None',
  'past the end 1',
  'fsync ENOSPC',
  'when there is room again 1',
  'fsync None',
];

/** What is stored in cached pages fails where they are written back, and whoever asks is told. */
const DIRTY_PAGES = `
import mmap, signal
write('mapped', b''); os.truncate('mapped', 1 << 20)
fill('root-'); problems.clear()
fd = os.open('mapped', os.O_RDWR)
memory = mmap.mmap(fd, 1 << 20)
def stored():
    "by a child: the page may be refused it"
    child = os.fork()
    if child == 0:
        memory[5 * BLOCK:5 * BLOCK + 3] = b'abc'
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
show('store', stored())
call('msync', lambda: memory.flush())
memory.close()
call('fsync after msync', lambda: os.fsync(fd))
call('close', lambda: os.close(fd))
fd = os.open('mapped', os.O_RDWR)
settled()
call('write', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('write again', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('fsync', lambda: os.fsync(fd))
call('fsync once more', lambda: os.fsync(fd))
settled()
call('write', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('write again', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('close', lambda: os.close(fd))
fd = os.open('mapped', os.O_RDWR | os.O_SYNC)
settled()
call('with O_SYNC', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
call('with O_SYNC again', lambda: os.pwrite(fd, b'x', 9 * BLOCK))
os.close(fd)
settled()
fd = os.open('mapped', os.O_RDWR | os.O_DIRECT)
page = mmap.mmap(-1, BLOCK); page[:1] = b'd'
call('with O_DIRECT', lambda: os.writev(fd, [page]))
os.close(fd)
os.unlink('root-0'); os.sync()
write('mapped', b'room', 5 * BLOCK)
show('mapped', read('mapped')[5 * BLOCK:5 * BLOCK + 5])
`;

const TOLD = [
  'store 0',
  'msync ENOSPC',
  'fsync after msync None',
  'close None',
  'write ENOSPC',
  'write again 1',
  'fsync ENOSPC',
  'fsync once more None',
  'write ENOSPC',
  'write again 1',
  'close ENOSPC',
  'with O_SYNC ENOSPC',
  'with O_SYNC again ENOSPC',
  'with O_DIRECT ENOSPC',
  "mapped b'room\\x00'",
];

const STATFS = `
def free():
    now = os.statvfs('.')
    return (now.f_bfree, now.f_bavail, now.f_ffree)
def change(label):
    global before
    now = free(); show(label, tuple(a - b for a, b in zip(now, before))); before = now
before = free()
write('file', bytes(100 * 4096)); change('a file')
os.mkdir('directory'); change('a directory')
os.truncate('file', 4096 * 60); change('truncated')
fd = os.open('file', os.O_RDWR); os.posix_fallocate(fd, 1 << 20, 1 << 20); os.close(fd); change('reserved')
os.unlink('file'); os.sync(); change('unlinked')
os.rmdir('directory'); os.sync(); change('removed')
`;

const INODES = `
os.chmod('.', 0o777)
def create(prefix):
    n = 0
    while True:
        try: os.close(os.open('%s%d' % (prefix, n), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except OSError as error: return (n, errno.errorcode[error.errno])
        n += 1
first = as_user(1000, lambda: create('file'))()
show('as many as there are', first)
show('free', os.statvfs('.').f_ffree)
for who in (lambda act: act, lambda act: as_user(1000, act)):
    call('create', who(lambda: os.open('more', os.O_CREAT | os.O_WRONLY)))
    call('mkdir', who(lambda: os.mkdir('more')))
    call('mkfifo', who(lambda: os.mkfifo('more')))
    call('symlink', who(lambda: os.symlink('target', 'more')))
    call('tmpfile', who(lambda: os.open('.', os.O_TMPFILE | os.O_RDWR)))
    call('write', who(lambda: write('file0' if os.geteuid() else 'file0', b'data')))
call('link', lambda: os.link('file0', 'linked'))
call('rename', lambda: os.rename('linked', 'renamed'))
os.unlink('renamed')
os.unlink('file7')
call('one was given back', lambda: os.mkdir('directory'))
call('and only one', lambda: os.mkdir('another'))
os.rmdir('directory')
for name in os.listdir('.'):
    if name.startswith('file'): os.unlink(name)
show('free', os.statvfs('.').f_ffree)
show('again', create('file'))
`;

const RECIPES: Readonly<Record<string, ImageRecipe>> = {
  'ext4, 4 KiB blocks': { size: 64 << 20, arguments: ['-N', '2000'] },
  'ext4, 1 KiB blocks': { size: 24 << 20, blockSize: 1024, arguments: ['-N', '2000'] },
};

for (const [name, recipe] of Object.entries(RECIPES)) {
  t.test(`space: ${name}`, { skip }, async (t) => {
    const { kernel, ours } = await assertSame(t, { recipe, program: FILLING + SPACE });
    for (const what of ['user', 'root', 'again']) {
      const [most, least] = [ours.get(what) ?? 0, kernel.get(what) ?? NaN];
      t.ok(most >= least, `bytes that fit (${what}): ${least} with the kernel, ${most} with ours`);
    }
  });
  t.test(`inodes: ${name}`, { skip }, (t) => assertSame(t, { recipe, program: FILLING + INODES }));
}

t.test('statfs follows every change', { skip }, (t) => assertSame(t, { recipe: { size: 64 << 20 }, program: STATFS }));

/** Through FUSE's cache errors come late; with iomap as with the kernel's ext4, which knows as pages get dirty. */
for (const [name, program, told] of [['dirty pages', DIRTY_PAGES, TOLD], ['without end', ENDLESS, ENDLESS_TOLD]] as const) {
  t.test(name, { skip }, async (t) => {
    if (mountsForIomap) {
      await assertSame(t, { program: FILLING + program });
      return;
    }
    const image = await makeImage(scratchDirectory(t, 'full'), { size: 48 << 20 });
    const lines = await fuseMount(image, [], (target) => output(FILLING + program, target));
    t.strictSame(lines.filter((line) => line !== ''), told);
    t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
  });
}
