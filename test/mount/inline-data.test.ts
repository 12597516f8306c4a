/** Files and directories that live in their inodes, through the mount, beside the kernel's ext4. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const FILES = `
INLINE = 0x10000000
def flags(path): return bool(struct.unpack('<I', ioctl(path, 0x80086601, bytes(4)))[0] & INLINE)
def grow(name, sizes):
    write(name, b'')
    for size in sizes:
        write(name, bytes([97 + size % 26]) * size, os.stat(name).st_size)
        show((name, size), (flags(name), os.stat(name).st_size, read(name)[-300:]))
grow('small', [1, 20, 38, 1, 40, 30, 10, 10, 10, 50])
grow('once', [60]); grow('more', [61]); grow('most', [150]); grow('large', [5000]); grow('beside', [3, 4000, 10000])
write('t', b'0123456789' * 9)
for size in (100, 50, 70, 10, 0, 30, 120, 400, 5): os.truncate('t', size); show(('truncate', size), read('t'))
write('u', b'0123456789' * 9); os.truncate('u', 5000); show('grown', (flags('u'), read('u').strip(b'\\0')))
write('a', b'abc'); fd = os.open('a', os.O_RDWR)
call('allocate', lambda: os.posix_fallocate(fd, 0, 9000)); os.close(fd); show('a', (flags('a'), os.stat('a').st_size, read('a')[:4]))
write('x', b'data' * 10)
for n in range(6): call(('attribute', n), lambda: os.setxattr('x', 'user.%d' % n, b'v' * 20))
show('x', (flags('x'), read('x'), attributes('x')))
write('y', b'data'); os.setxattr('y', 'user.big', b'v' * 60); write('y', b'more' * 30, 4); show('y', (read('y'), attributes('y')))
os.link('small', 'linked'); os.rename('once', 'twice'); os.unlink('more'); show('names', sorted(os.listdir('.')))
write('hole', b'end', 40); show('hole', (flags('hole'), read('hole')))
for n in range(50): write('many%d' % n, b'm' * n * 4)
show('many', [read('many%d' % n) for n in range(50)])
`;

const DIRECTORIES = `
INLINE = 0x10000000
def flags(path): return bool(struct.unpack('<I', ioctl(path, 0x80086601, bytes(4)))[0] & INLINE)
os.mkdir('d'); show('d', (flags('d'), os.stat('d').st_nlink))
for n in range(14):
    write('d/name%d' % n, b'x' * n); show(n, (flags('d'), sorted(os.listdir('d'))))
for n in range(0, 14, 2): os.unlink('d/name%d' % n)
show('d', (flags('d'), sorted(os.listdir('d'))))
os.mkdir('e'); os.mkdir('e/sub'); os.mkdir('other'); os.rename('e/sub', 'other/sub'); show('moved', os.stat('other/sub/..').st_ino == os.stat('other').st_ino)
call('not empty', lambda: os.rmdir('other')); os.rmdir('other/sub'); call('empty', lambda: os.rmdir('other'))
for n in range(3): write('e/%d' % n, b''); os.unlink('e/%d' % n)
show('e', os.listdir('e'))
os.mkdir('big')
for n in range(600): write('big/' + 'n' * 30 + str(n), b'')
show('big', (flags('big'), sorted(os.listdir('big'))))
os.mkdir('long'); write('long/' + 'l' * 200, b''); show('long', (flags('long'), os.listdir('long')))
os.mkdir('attr'); os.setxattr('attr', 'user.a', b'v' * 70)
for n in range(8): write('attr/%d' % n, b'')
show('attr', (flags('attr'), sorted(os.listdir('attr')), attributes('attr')))
os.symlink('t' * 59, 'short'); os.symlink('t' * 100, 'longer'); show('links', (os.readlink('short'), os.readlink('longer')))
`;

const SHOW = `
for path, directories, files in sorted(os.walk('.')):
    if 'lost+found' in path: continue
    show(path, (sorted(directories), sorted(files), attributes(path)))
    for name in sorted(files):
        at = os.path.join(path, name)
        show(at, os.readlink(at) if os.path.islink(at) else (os.stat(at).st_size, read(at)[-200:], attributes(at)))
`;

const RECIPES = {
  'inodes of 256 bytes': { features: ['inline_data'] },
  'inodes of 512 bytes, blocks of 1 KiB': { features: ['inline_data'], blockSize: 1024, arguments: ['-I', '512'] },
  'without checksums': { features: ['inline_data', '^metadata_csum'] },
} as const;

for (const [name, recipe] of Object.entries(RECIPES)) {
  t.test(name, { skip }, async (t) => {
    await t.test('files', (t) => assertSame(t, { recipe, program: FILES, afterwards: SHOW }));
    await t.test('directories', (t) => assertSame(t, { recipe, program: DIRECTORIES, afterwards: SHOW }));
  });
}
