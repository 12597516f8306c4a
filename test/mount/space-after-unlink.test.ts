/** What was unlinked is free for whoever asks next, as with the kernel's ext4: no sleeping, no asking twice. */
import { openSync, statSync } from 'node:fs';
import t from 'tap';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { ALL_QUOTAS } from '../ext4/quota-workload.js';
import { e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame, output } from '../support/side-by-side.js';

const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const COUNTING = `
ROUNDS = 300
def tally(label, act):
    "how often each outcome came"
    outcomes = {}
    for n in range(ROUNDS):
        try: act(n); outcome = 'ok'
        except OSError as error: outcome = errno.errorcode[error.errno]
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    show(label, sorted(outcomes.items()))
def until_full(act):
    n = 0
    while True:
        try: act(n)
        except OSError as error: return show('full', errno.errorcode[error.errno])
        n += 1
`;

const INODES = `
create = lambda name: os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
until_full(lambda n: create('file%d' % n))
tally('mkdir', lambda n: (os.unlink('file0'), os.mkdir('made'), os.rmdir('made'), create('file0')))
tally('symlink', lambda n: (os.unlink('file0'), os.symlink('target', 'made'), os.unlink('made'), create('file0')))
tally('rename over', lambda n: (os.rename('file1', 'file0'), create('file1')))
held = os.open('file2', os.O_RDWR); os.unlink('file2')
call('still open', lambda: create('file2'))
tally('beside one that is open', lambda n: (os.unlink('file0'), create('file0')))
call('still open', lambda: create('file2'))
os.close(held)
call('closed', lambda: create('file2'))
call('full', lambda: create('more'))
`;

const BLOCKS = `
BLOCK = os.statvfs('.').f_bsize
data = os.urandom(BLOCK) * 256
def fill(name, size):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY, 0o644)
    try:
        for at in range(0, size, len(data)): os.write(fd, data[:size - at])
        os.fsync(fd)
    finally: os.close(fd)
for n in range(8): fill('large%d' % n, 16 * BLOCK)
fill('one', BLOCK)
os.mkdir('grow')
fd = os.open('rest', os.O_CREAT | os.O_WRONLY)
size = len(data)
while size >= BLOCK:
    try: os.write(fd, data[:size]); os.fsync(fd)
    except OSError: os.ftruncate(fd, os.fstat(fd).st_size // BLOCK * BLOCK); size //= 2
os.close(fd)
call('full', lambda: fill('more', BLOCK)); os.unlink('more')
tally('written', lambda n: (os.unlink('large%d' % (n % 8)), fill('large%d' % (n % 8), 16 * BLOCK)))
tally('in place of a directory', lambda n: (os.unlink('one'), os.mkdir('one'), os.rmdir('one'), fill('one', BLOCK)))
def reserve(name):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY)
    try: os.posix_fallocate(fd, 0, 16 * BLOCK)
    finally: os.close(fd)
tally('fallocate', lambda n: (os.unlink('large%d' % (n % 8)), reserve('large%d' % (n % 8))))
tally('direct', lambda n: (os.unlink('one'), write('one', data[:BLOCK], flags=os.O_CREAT | os.O_RDWR | os.O_SYNC)))
call('full', lambda: fill('more', BLOCK))
`;

const QUOTA = `
os.mkdir('home'); os.chmod('home', 0o777)
os.setegid(1000); os.seteuid(1000)
until_full(lambda n: write('home/%d' % n, b'x' * 16384))
tally('inodes', lambda n: (os.unlink('home/0'), write('home/0', b'x')))
tally('blocks', lambda n: (os.unlink('home/1'), write('home/1', b'x' * 16384)))
call('full', lambda: os.mkdir('home/more'))
`;

const recipe = { size: 16 << 20, arguments: ['-N', '64', '-m', '0', '-b', '4096'] };

t.test('inodes', { skip }, (t) => assertSame(t, { recipe, program: COUNTING + INODES }));

/** The kernel's fallocate(2) itself does not always find at once what was unlinked: ours is not compared with it. */
t.test('blocks', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), recipe);
  const said = await fuseMount(image, [], (target) => output(COUNTING + BLOCKS, target));
  t.strictSame(said, [
    'full ENOSPC',
    "written [('ok', 300)]",
    "in place of a directory [('ok', 300)]",
    "fallocate [('ok', 300)]",
    "direct [('ok', 300)]",
    'full ENOSPC',
    '',
  ]);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
});

t.test('quota', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), { ...ALL_QUOTAS, size: 48 << 20 });
  const device = new DescriptorDevice({ fd: openSync(image, 'r+'), size: statSync(image).size, readOnly: false, name: image });
  const writable = WritableFilesystem.open(device, { barriers: true, mountPoint: '/', discard: false });
  writable.change(() => writable.quotas?.user?.setLimits(1000, { spaceSoft: 0, spaceHard: 64 << 10, inodesSoft: 0, inodesHard: 4 }));
  writable.close();
  const said = await fuseMount(image, ['usrquota'], (target) => output(COUNTING + QUOTA, target));
  t.strictSame(said, ['full EDQUOT', "inodes [('ok', 300)]", "blocks [('ok', 300)]", 'full EDQUOT', '']);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
});
