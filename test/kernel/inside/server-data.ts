/**
 * Files whose data goes through the server, in a mount where the kernel moves all other data: verity, encrypted and
 * journalled files, beside casefolded directories and quotas. Each call is compared with the kernel's ext4 on the same image.
 */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { e2fsckComplaints, makeImage, mebibyte } from '../../support/image.js';
import { fuseMount, kernelMount } from '../../support/mount.js';
import { scratchDirectory } from '../../support/scratch.js';
import { requestsOf } from '../../support/server.js';
import { output } from '../../support/side-by-side.js';

t.setTimeout(600_000);

const DEFINITIONS = `
ADD_KEY, SET_POLICY, ENABLE_VERITY = 0xc0506617, 0x800c6613, 0x40806685
VERITY, JOURNAL_DATA, CASEFOLD = 0x100000, 0x4000, 0x40000000
def get(path): return struct.unpack('<I', ioctl(path, 0x80086601, bytes(4)))[0]
def put(path, flags): ioctl(path, 0x40086602, struct.pack('<I', flags))
key = bytearray(struct.pack('<II32sIII28s', 2, 0, b'', 64, 0, 0, b'') + bytes(range(64)))
def add_key():
    global key
    key = bytearray(ioctl('.', ADD_KEY, key))
def body(number, length): return bytes((number + place * place) % 251 for place in range(length))
`;

/** By the kernel, which has the key. */
const FILL = `${DEFINITIONS}
add_key()
os.mkdir('secret')
ioctl('secret', SET_POLICY, struct.pack('<BBBBB3s16s', 2, 1, 4, 0, 0, b'', bytes(key[8:24])))
for number, length in enumerate((0, 10, 5000, 70000)): write('secret/file%d' % number, body(number, length))
for number, length in enumerate((0, 10, 5000, 300000)):
    write('sealed%d' % number, body(number, length))
    ioctl('sealed%d' % number, ENABLE_VERITY, struct.pack('<IIIIQIIQ88x', 1, 1, os.statvfs('.').f_bsize, 0, 0, 0, 0, 0))
os.mkdir('folded'); put('folded', get('folded') | CASEFOLD)
write('folded/Grüße', body(1, 20000))
os.mkdir('logged'); put('logged', get('logged') | JOURNAL_DATA)
write('logged/file', body(2, 30000))
for number, length in enumerate((10, 5000, 300000)): write('plain%d' % number, body(number, length))
os.mkdir('others'); os.chmod('others', 0o777)
`;

/** Data of ordinary files alone, which has to go past the server. */
const ORDINARY = `${DEFINITIONS}
import mmap
for number in range(3): show(number, read('plain%d' % number) == body(number, os.stat('plain%d' % number).st_size))
show('folded', read('folded/GRÜSSE') == body(1, 20000))
write('plain1', b'over', 3000); write('plain2', b'appended' * 1000, 300000); os.truncate('plain0', 5)
write('folded/Ångström', b'a' * 9000); show('names', sorted(os.listdir('folded')))
call('the same name', lambda: os.open('folded/ÅNGSTRÖM', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
os.rename('folded/ångström', 'folded/other'); show('renamed', read('folded/OTHER') == b'a' * 9000)
fd = os.open('plain2', os.O_RDWR)
with mmap.mmap(fd, 0) as mapped: mapped[100:104] = b'more'
page = mmap.mmap(-1, 8192); page[:] = b'd' * 8192
direct = os.open('plain2', os.O_RDWR | os.O_DIRECT)
os.pwritev(direct, [page], 4096); os.close(direct); os.fsync(fd); os.close(fd)
for number in range(3): show(number, hash(read('plain%d' % number)))
as_user(1001, lambda: write('others/file', b'u' * 50000))()
`;

const OTHERS = `${DEFINITIONS}
for number, length in enumerate((0, 10, 5000, 300000)):
    name = 'sealed%d' % number
    show(name, (read(name) == body(number, length), os.stat(name).st_size, bool(get(name) & VERITY)))
    for what, act in (('cut', lambda: os.truncate(name, 1)), ('write', lambda: write(name, b'x' * 5000)), ('mode', lambda: os.chmod(name, 0o400)), ('link', lambda: os.link(name, 'linked%d' % number))): call((name, what), act)
names = sorted(os.listdir('secret')); show('secret', names)
for name in names:
    path = 'secret/' + name
    size = os.stat(path).st_size; show(name, size)
    # Opening it is what the kernel's ext4 refuses; of ours nothing is asked before there is something to read, and the page cache may call it EIO.
    try: size > 0 and read(path); show((name, 'read'), size)
    except OSError: show((name, 'read'), 0)
    for what, act in (('cut', lambda: os.truncate(path, 1)), ('write', lambda: write(path, b'x')), ('mode', lambda: os.chmod(path, 0o400))): call((name, what), act)
call('new', lambda: write('secret/new', b'x')); call('directory', lambda: os.mkdir('secret/directory'))
os.unlink('secret/' + names[0]); show('secret', len(os.listdir('secret')))
show('logged', (read('logged/file') == body(2, 30000), bool(get('logged/file') & JOURNAL_DATA)))
write('logged/file', b'again' * 2000, 7000); os.truncate('logged/file', 20000); write('logged/new', body(9, 40000))
show('logged', (hash(read('logged/file')), read('logged/new') == body(9, 40000), bool(get('logged/new') & JOURNAL_DATA)))
`;

/** By the kernel again, with the key. */
const AFTERWARDS = `${DEFINITIONS}
add_key()
for path, directories, files in sorted(os.walk('.')):
    if 'lost+found' in path: continue
    show(path, (sorted(directories), sorted(files)))
    for name in sorted(files):
        where = os.path.join(path, name)
        show(where, (os.stat(where).st_size, mode(where), hex(get(where)), hash(read(where))))
`;

for (const blockSize of [4096, 1024])
  t.test(`blocks of ${blockSize} bytes`, async (t) => {
    const directory = scratchDirectory(t, 'opt-outs');
    const image = await makeImage(directory, { blockSize, features: ['verity', 'encrypt', 'casefold', 'quota'], extended: ['encoding=utf8'], size: 64 * mebibyte });
    const filled = await kernelMount(image, [], (target) => output(FILL, target));
    t.strictSame(filled, ['']);
    const kernels = join(directory, 'kernel.img');
    copyFileSync(image, kernels);
    // Bytes hash alike in two processes only where the seed is given.
    process.env['PYTHONHASHSEED'] = '0';

    const expected = await kernelMount(kernels, [], async (target) => [...(await output(ORDINARY, target)), ...(await output(OTHERS, target))]);
    const found = await fuseMount(image, [], async (target) => {
      const ordinary = await output(ORDINARY, target);
      const { READ = 0, WRITE = 0, IOMAP_BEGIN = 0 } = await requestsOf(target);
      t.strictSame({ READ, WRITE }, { READ: 0, WRITE: 0 }, 'data of ordinary files goes past the server');
      t.not(IOMAP_BEGIN, 0);
      const others = await output(OTHERS, target);
      const after = await requestsOf(target);
      t.ok((after['READ'] ?? 0) > 0 && (after['WRITE'] ?? 0) > 0, 'that of the others does not');
      return [...ordinary, ...others];
    });
    t.strictSame(found, expected, 'every call gives the same');
    for (const path of [kernels, image]) t.equal(await e2fsckComplaints(path), undefined, 'e2fsck has no complaints');
    const kernelSees = (path: string): Promise<string[]> => kernelMount(path, [], (target) => output(AFTERWARDS, target));
    t.strictSame(await kernelSees(image), await kernelSees(kernels), 'the kernel finds the same, decrypts and verifies it');
  });
