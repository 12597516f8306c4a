// time limit: 600 s
/** As many names as an inode can have, and more subdirectories than it can count, beside the kernel's ext4. */
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(600_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const LINKS = `
write('file', b'data'); os.mkdir('links')
n = 1
try:
    while True: os.link('file', 'links/%d' % n); n += 1
except OSError as error: show('links', (n, errno.errorcode[error.errno], os.stat('file').st_nlink))
os.unlink('links/1'); call('one was given back', lambda: os.link('file', 'again')); call('and only one', lambda: os.link('file', 'more'))
show('links', (os.stat('file').st_nlink, len(os.listdir('links')), read('links/64999')))
`;

const SUBDIRECTORIES = `
os.mkdir('parent')
for n in range(64995): os.mkdir('parent/%d' % n)
show('links', os.stat('parent').st_nlink)
for n in range(64995, 65005): call('mkdir', lambda: os.mkdir('parent/%d' % n)); show('links', os.stat('parent').st_nlink)
for n in range(65000, 65005): os.rmdir('parent/%d' % n); show('links', os.stat('parent').st_nlink)
os.mkdir('other'); os.rename('other', 'parent/other'); show('moved in', os.stat('parent').st_nlink)
os.rename('parent/other', 'other'); show('moved out', os.stat('parent').st_nlink)
call('not empty', lambda: os.rmdir('parent'))
`;

t.test('65,000 links', { skip }, (t) => assertSame(t, { recipe: { size: 64 << 20 }, program: LINKS }));
t.test('65,000 subdirectories', { skip }, (t) => assertSame(t, { recipe: { size: 512 << 20, arguments: ['-N', '70000'] }, program: SUBDIRECTORIES }));
