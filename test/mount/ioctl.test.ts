/** ioctls that change things, through the mount, beside the kernel's ext4. */
import t from 'tap';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const TOOLS = `
def get(path): return struct.unpack('<I', ioctl(path, 0x80086601, bytes(4)))[0]
def put(path, flags): ioctl(path, 0x40086602, struct.pack('<I', flags))
def get_x(path): return struct.unpack('<IIIII8x', ioctl(path, 0x801c581f, bytes(28)))
def put_x(path, xflags, project=0): ioctl(path, 0x401c5820, struct.pack('<IIIII8x', xflags, 0, 0, project, 0))
`;

const FLAGS = `${TOOLS}
os.chmod('.', 0o777); write('f', b'x'); os.mkdir('d'); os.mkdir('full'); write('full/x', b''); write('empty', b'')
for path in ('f', 'd', 'empty', 'full'):
    was = get(path); show(path, hex(was))
    for bit in range(32):
        # Data that is journalled is a matter of its own; of files that have blocks we convert none.
        if bit == 14 or bit == 19 and path != 'empty': continue
        call((path, hex(1 << bit)), lambda: put(path, was ^ (1 << bit)))
        show('then', (hex(get(path)), get_x(path)))
        call('back', lambda: put(path, was)); show('back', hex(get(path)))
    for bit in range(32):
        call((path, 'x', hex(1 << bit)), lambda: put_x(path, 1 << bit)); show('then', (hex(get(path)), get_x(path)))
        call('back', lambda: put_x(path, 0)); call('back', lambda: put(path, was)); show('back', hex(get(path)))
# Immutable and append-only files, and what can still be done with them.
for flag in (0x10, 0x20):
    write('i', b'contents'); os.mkdir('id'); write('id/x', b'')
    put('i', get('i') | flag); put('id', get('id') | flag)
    for label, act in (('chmod', lambda: os.chmod('i', 0o600)), ('chown', lambda: os.chown('i', 1, 1)), ('truncate', lambda: os.truncate('i', 2)),
            ('unlink', lambda: os.unlink('i')), ('link', lambda: os.link('i', 'j')), ('rename', lambda: os.rename('i', 'j')),
            ('setxattr', lambda: os.setxattr('i', 'user.a', b'v')), ('create', lambda: write('id/y', b'')), ('remove', lambda: os.unlink('id/x')),
            ('mkdir', lambda: os.mkdir('id/z')), ('rmdir', lambda: os.rmdir('id')), ('flags', lambda: put('i', get('i') | 0x40)),
            ('touch', lambda: os.utime('i')), ('times', lambda: os.utime('i', (1, 1))), ('touch directory', lambda: os.utime('id')), ('times of directory', lambda: os.utime('id', (1, 1))), ('project', lambda: put_x('i', get_x('i')[0], 7))):
        call((flag, label), act)
    show('i', (mode('i'), read('i'), hex(get('i')), sorted(os.listdir('id'))))
    put('i', get('i') & ~0x70); put('id', get('id') & ~0x70); os.unlink('i')
    for name in os.listdir('id'): (os.rmdir if name == 'z' else os.unlink)('id/' + name)
    os.rmdir('id')
# Inherited by what is made in a directory.
put('d', get('d') | 0x100c8)
os.mkdir('d/sub'); write('d/f', b''); show('inherited', (hex(get('d/sub')), hex(get('d/f'))))
# Other users.
write('mine', b''); os.chown('mine', 1001, 1001)
call('own', as_user(1001, lambda: put('mine', get('mine') | 0x40)))
call('immutable', as_user(1001, lambda: put('mine', get('mine') | 0x10)))
call('journal', as_user(1001, lambda: put('mine', get('mine') | 0x4000)))
call('not own', as_user(1002, lambda: put('mine', get('mine') | 0x80)))
show('mine', hex(get('mine')))
`;

const LABEL = `
def label(path='.'): return ioctl(path, 0x81009431, bytes(256)).rstrip(b'\\0')
call('label', label)
for text in (b'new', b'sixteen letters!', b'seventeen letters', b'', b'last'):
    call(text, lambda: ioctl('.', 0x41009432, text + bytes(256 - len(text)))); call('label', label)
call('as other', as_user(1001, lambda: ioctl('.', 0x41009432, b'stolen' + bytes(250))))
call('label', label)
write('f', b'')
for number in (0x40087602, 0x40086604):
    call('version', lambda: ioctl('f', number, struct.pack('<I', 77))); call('as other', as_user(1001, lambda: ioctl('f', number, struct.pack('<I', 78))))
call('unknown', lambda: ioctl('f', 0x8004ff01, bytes(4)))
call('trim as other', as_user(1001, lambda: ioctl('.', 0xc0185879, struct.pack('<QQQ', 0, 1 << 40, 0))))
`;

const SHUT_DOWN = `
write('f', b'contents'); os.mkdir('d')
os.chmod('.', 0o777)
call('as other', as_user(1001, lambda: ioctl('.', 0x8004587d, struct.pack('<I', 1))))
fd = os.open('.', os.O_RDONLY)
call('shut down', lambda: fcntl.ioctl(fd, 0x8004587d, struct.pack('<I', 1)) and 0)
for label, act in (('create', lambda: os.mkdir('new')), ('rename', lambda: os.rename('f', 'g')), ('chmod', lambda: os.chmod('f', 0)),
        ('unlink', lambda: os.unlink('f')), ('setxattr', lambda: os.setxattr('f', 'user.a', b'')), ('link', lambda: os.link('f', 'h'))):
    call(label, act)
`;

t.test('flags', { skip }, (t) => assertSame(t, { program: FLAGS }));
t.test('label, version and what is not known', { skip }, (t) => assertSame(t, { program: LABEL, afterwards: LABEL.slice(0, LABEL.indexOf('\nfor')) }));
t.test('version without checksums', { skip }, (t) => assertSame(t, { recipe: { features: ['^metadata_csum'] }, program: LABEL }));
t.test('after a shutdown everything fails', { skip }, (t) =>
  assertSame(t, { program: SHUT_DOWN, afterwards: `show('left', (sorted(os.listdir('.')), read('f')))` }),
);

/** Kernels are built without either: what is expected stands here. */
t.test('projects, and folding of names', { skip: skip || missing('chattr', 'lsattr') }, async (t) => {
  const image = await makeImage(scratchDirectory(t), { size: 48 << 20, features: ['project', 'casefold', '^quota'] });
  const program = `
    exec 2>&1; cd "$1"; touch f; mkdir d c
    chattr -p 5 f; chattr +P -p 6 d; mkdir d/s; touch d/g; lsattr -dp f d d/s d/g
    ln f d/l || echo refused
    chattr +F c; touch c/Name; ls c/nAME; chattr -F c || echo refused; lsattr -d c
  `;
  const said = await fuseMount(image, [], async (target) => (await run('bash', ['-s', target], { input: program })).toString());
  t.strictSame(said.trim().split('\n').map((line) => line.trim()), [
    '5 --------------e------- f',
    '6 --------------e----P-- d',
    '6 --------------e----P-- d/s',
    '6 --------------e------- d/g',
    "ln: failed to create hard link 'd/l' => 'f': Invalid cross-device link",
    'refused',
    'c/nAME',
    'chattr: Directory not empty while setting flags on c',
    'refused',
    '--------------e--F---- c',
  ]);
  t.equal(await e2fsckComplaints(image), undefined);
});
