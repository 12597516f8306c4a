/** Extended attributes and access control lists through the mount, call by call beside the kernel's ext4. */
import t from 'tap';
import { makeImage } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame, output } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

/** Names, sizes and flags of setxattr(2), and what they do to times. */
const NAMESPACES = `
os.mkdir('d'); write('f', b'x'); os.symlink('f', 'l'); os.mkfifo('p')
for path in ('f', 'd', 'l', 'p'):
    for name in ('user.a', 'trusted.a', 'security.a', 'system.a', 'nothing', 'user.', 'other.a', 'user.' + 'n' * 250, 'user.' + 'n' * 251):
        call(('set', path, name[:20], len(name)), lambda: os.setxattr(path, name, b'value', follow_symlinks=False))
    show(path, attributes(path))
times('f')
for flags in (0, os.XATTR_CREATE, os.XATTR_REPLACE, 3):
    for name in ('user.a', 'user.new%d' % flags):
        call(('flags', flags, name), lambda: os.setxattr('f', name, b'other%d' % flags, flags)); show('times', times('f'))
# Of a value that is the same, only directories are compared: FUSE changes the ctime of regular files itself.
times('d'); call('the same again', lambda: os.setxattr('d', 'user.a', b'value')); show('times', times('d'))
call('empty', lambda: os.setxattr('f', 'user.empty', b'')); show('f', attributes('f'))
times('f')
call('remove', lambda: os.removexattr('f', 'user.a')); show('times', times('f'))
call('remove none', lambda: os.removexattr('f', 'user.a')); show('times', times('f'))
for name in ('system.a', 'user.', 'other.a', 'system.posix_acl_access', 'system.posix_acl_default'):
    call(('remove', name), lambda: os.removexattr('f', name))
show('f', attributes('f'))
`;

const SIZES = `
write('f', b'x')
for size in (1, 60, 100, 500, 900, 1900, 3000, 3900, 4000, 4096, 8000, 30000, 65535, 65536, 65537):
    call(('size', size), lambda: os.setxattr('f', 'user.big', bytes([size % 251]) * size))
    call(('small', size), lambda: os.setxattr('f', 'user.small%d' % size, b's' * 20))
    show('f', attributes('f'))
for size in (65536, 900, 1): call(('shrink', size), lambda: os.removexattr('f', 'user.small%d' % size))
show('f', attributes('f'))
for n in range(40):
    write('g%d' % n, b'x'); os.setxattr('g%d' % n, 'user.shared', b'v' * 700)
for n in range(0, 40, 3): os.setxattr('g%d' % n, 'user.shared', b'w' * 700)
for n in range(0, 40, 2): os.unlink('g%d' % n)
show('left', [attributes('g%d' % n) for n in range(1, 40, 2)])
os.unlink('f')
os.sync()
`;

const ACLS = `
U, G = 1001, 1002
os.mkdir('d'); write('f', b'x'); os.symlink('f', 'l')
base = [('u', 7, NO), ('g', 5, NO), ('o', 1, NO)]
full = [('u', 7, NO), ('U', 5, U), ('g', 6, NO), ('G', 3, G), ('m', 4, NO), ('o', 0, NO)]
A, D = 'system.posix_acl_access', 'system.posix_acl_default'
for path in ('f', 'd', 'l'):
    for name in (A, D):
        for label, value in (('base', acl(*base)), ('full', acl(*full)), ('odd', acl(*full[:3])), ('none', acl()), ('bytes', b'abc'), ('full', acl(*full))):
            times(path)
            call((path, name, label), lambda: os.setxattr(path, name, value, follow_symlinks=False))
            show('then', (mode(path), attributes(path), times(path)))
for bits in (0o777, 0o640, 0o000, 0o4711, 0o2750):
    os.chmod('f', bits); show('chmod', (mode('f'), attributes('f')))
    os.chmod('d', bits); show('chmod', (mode('d'), attributes('d')))
os.chmod('d', 0o777)
call('read as other', as_user(U, lambda: read('f')))
call('remove', lambda: os.removexattr('f', A)); show('f', (mode('f'), attributes('f')))
call('read as other', as_user(U, lambda: read('f')))
for mask in (0, 0o027, 0o077):
    os.umask(mask)
    for umask_mode in (0o777, 0o666, 0o600, 0o2755):
        name = 'd/%o-%o' % (mask, umask_mode)
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, umask_mode)); show(name, (mode(name), attributes(name)))
        os.mkdir(name + 'd', umask_mode); show(name, (mode(name + 'd'), attributes(name + 'd')))
        os.mknod(name + 'p', stat.S_IFIFO | umask_mode); show(name, (mode(name + 'p'), attributes(name + 'p')))
    os.symlink('x', 'd/l%o' % mask); show('link', (mode('d/l%o' % mask), attributes('d/l%o' % mask)))
    fd = os.open('d', os.O_TMPFILE | os.O_RDWR, 0o666); show('tmpfile', (oct(os.fstat(fd).st_mode), os.listxattr(fd))); os.close(fd)
os.setxattr('d', D, acl(('u', 7, NO), ('g', 5, NO), ('o', 0, NO)))
os.umask(0o022); write('d/minimal', b''); show('minimal', (mode('d/minimal'), attributes('d/minimal')))
os.umask(0o022); write('plain', b''); os.mkdir('plaind'); show('plain', (mode('plain'), mode('plaind')))
# A group that the caller is not in: the set-group-id bit goes with the list.
write('s', b''); os.chown('s', U, 4444); os.chmod('s', 0o2755)
call('sgid', as_user(U, lambda: os.setxattr('s', A, acl(*full)))); show('s', (mode('s'), attributes('s')))
call('not the owner', as_user(G, lambda: os.setxattr('s', A, acl(*full))))
`;

const CAPABILITIES = `
cap = bytes.fromhex('0100000200040000000000000000000000000000')
def fresh():
    write('f', b'contents'); os.chmod('f', 0o6777); os.setxattr('f', 'security.capability', cap)
for label, act in (('write', lambda: write('f', b'y')), ('append', lambda: write('f', b'z', 8)), ('truncate', lambda: os.truncate('f', 3)),
                   ('chown', lambda: os.chown('f', 5, 6)), ('chmod', lambda: os.chmod('f', 0o6755)), ('utime', lambda: os.utime('f'))):
    for who in (0, 1001):
        fresh()
        call((label, who), as_user(who, act) if who else act)
        os.sync()
        show('then', (mode('f'), attributes('f')))
        os.unlink('f')
`;

/** What who is not root leaves of the bits, with and without execution, in the file's group and in none. */
const SET_ID_BITS = `
for bits in (0o6666, 0o6766, 0o6676, 0o6777, 0o4666, 0o2666, 0o2676):
    for group in (U, 4444):
        for flag in (0, os.O_DIRECT):
            def change():
                fd = os.open('f', os.O_RDWR | flag)
                try: os.pwritev(fd, [page], 0)
                finally: os.close(fd)
            page = mmap.mmap(-1, 4096)
            write('f', bytes(4096)); os.chown('f', U, group); os.chmod('f', bits)
            call((oct(bits), group, flag), as_user(U, change)); show('then', mode('f'))
            os.unlink('f')
`;

const RECIPES = {
  ext4: {},
  'ext4 with ea_inode and blocks of 1 KiB': { blockSize: 1024, features: ['ea_inode'] },
  ext2: { type: 'ext2' },
  bigalloc: { features: ['bigalloc'], extended: ['nodiscard'] },
} as const;

for (const [name, recipe] of Object.entries(RECIPES)) {
  t.test(name, { skip }, async (t) => {
    const showAll = `
for path, _, files in sorted(os.walk('.')):
    for name in sorted(files) + ['.']:
        at = os.path.join(path, name)
        if 'lost+found' not in at: show(at, (mode(at), attributes(at)))
`;
    await t.test('namespaces', (t) => assertSame(t, { recipe, program: NAMESPACES, afterwards: showAll }));
    await t.test('sizes', (t) => assertSame(t, { recipe, program: SIZES, afterwards: showAll }));
    await t.test('access control lists', (t) => assertSame(t, { recipe, program: ACLS, afterwards: showAll }));
  });
}

// Such inodes have times in whole seconds: nothing that changes them can be told apart.
t.test('ext4 without room in inodes', { skip }, (t) => assertSame(t, { recipe: { arguments: ['-I', '128'] }, program: SIZES }));
t.test('capabilities of files', { skip }, (t) => assertSame(t, { program: CAPABILITIES }));
t.test('set-id bits and writes', { skip }, (t) => assertSame(t, { program: `import mmap\nU = 1001\n${SET_ID_BITS}` }));

/** The kernel asks for access control lists to check permissions, also where there are none to be. */
const WITHOUT_ACLS = `
os.mkdir('d'); write('d/f', b'x'); os.chmod('d/f', 0o640); os.chown('d/f', 0, 1002); write('d/g', b'x'); os.chmod('d', 0o775)
for user in (1001, 1002):
    call('list', as_user(user, lambda: sorted(os.listdir('d'))))
    for name in ('f', 'g'): call((user, name), as_user(user, lambda: read('d/' + name)))
    call('make', as_user(user, lambda: write('d/h%d' % user, b'y')))
show('none', attributes('d'))
os.umask(0o027); os.mkdir('d/e'); show('mode', mode('d/e'))
`;

/** The kernel's ext4 has no such option any more: there are none in its tree either. */
t.test('without access control lists', { skip }, async (t) => {
  const [theirs, ours] = [await makeImage(scratchDirectory(t), {}), await makeImage(scratchDirectory(t), {})];
  const expected = await kernelMount(theirs, [], (target) => output(WITHOUT_ACLS, target));
  t.strictSame(await fuseMount(ours, ['noacl'], (target) => output(WITHOUT_ACLS, target)), expected);
  const refused = `call('set', lambda: os.setxattr('d', 'system.posix_acl_access', acl(('u', 7, NO), ('U', 7, 1001), ('g', 5, NO), ('m', 7, NO), ('o', 5, NO))))`;
  t.strictSame(await fuseMount(ours, ['noacl'], (target) => output(refused, target)), ['set ENOTSUP', '']);
});
