/** What a mount leaves in the superblock and its copies, and whom the reserved blocks are for: as with the kernel's ext4. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import t from 'tap';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck');

const BLOCK = 1024;
/** Superblocks of an image with groups of 8192 blocks of 1 KiB: the primary one, and the copies that sparse_super leaves. */
const SUPERBLOCKS = [0, 1, 3, 5, 7].map((group) => (1 + group * 8192) * BLOCK);
const LABEL = 0x78;
const CHECKSUM = 0x3fc;
const KILOBYTES_WRITTEN = 0x178;

const labels = (image: string): string[] => {
  const bytes = readFileSync(image);
  return SUPERBLOCKS.map((at) => bytes.toString('latin1', at + LABEL, at + LABEL + 16).replace(/\0+$/u, ''));
};

const SET_LABEL = `
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
label = sys.argv[2].encode()
fcntl.ioctl(fd, 0x41009432, label + bytes(256 - len(label)))
os.fsync(fd)
`;

for (const features of [[], ['^metadata_csum']]) {
  t.test(`the label goes into the copies, ${features.join() || 'with checksums'}`, { skip }, async (t) => {
    const directory = scratchDirectory(t, 'label');
    const results: string[][] = [];
    for (const [side, mount] of [['kernel', kernelMount], ['ours', fuseMount]] as const) {
      const image = await makeImage(directory, { size: 64 * mebibyte, blockSize: BLOCK, features, arguments: ['-L', 'before'] }, side);
      // The copy in group 5 is damaged: with checksums that is seen, and it stays as it is.
      const descriptor = openSync(image, 'r+');
      writeSync(descriptor, Uint8Array.of(0xaa), 0, 1, (SUPERBLOCKS[3] ?? 0) + CHECKSUM);
      closeSync(descriptor);
      await mount(image, [], async (target) => {
        await run('python3', ['-c', SET_LABEL, target, 'a longer label']);
        // The kernel's is in the loop device's cache.
        if (side === 'ours') t.equal(labels(image)[0], 'a longer label', 'it is where blkid(8) looks while it is mounted');
      });
      results.push(labels(image));
      t.match((await e2fsckComplaints(image)) ?? '', features.length === 0 ? /^$/u : /^$/u, `${side}: e2fsck`);
    }
    const [kernel, ours] = results;
    t.same(ours, kernel);
    t.ok(ours?.includes('a longer label'));
  });
}

t.test('lifetime writes', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'written');
  for (const [side, mount] of [['kernel', kernelMount], ['ours', fuseMount]] as const) {
    const image = await makeImage(directory, { size: 64 * mebibyte }, side);
    const written = (): number => Number(readFileSync(image).readBigUInt64LE(1024 + KILOBYTES_WRITTEN));
    const before = written();
    await mount(image, [], (target) => run('dd', ['if=/dev/zero', `of=${target}/file`, 'bs=1M', 'count=20', 'conv=fsync']));
    t.ok(written() - before >= 20 * 1024 && written() - before < 60 * 1024, `${side}: ${written() - before} KiB for 20 MiB`);
    const between = written();
    await mount(image, [], (target) => run('dd', ['if=/dev/zero', `of=${target}/file`, 'bs=1M', 'count=10', 'conv=fsync']));
    t.ok(written() - between >= 10 * 1024 && written() - between < 40 * 1024, `${side}: ${written() - between} KiB for 10 MiB more`);
  }
});

/** What statvfs(3) shows of changes, in blocks; what the kernel keeps in mind for delayed allocation is written first. */
const SPACE = `
state, free = os.statvfs('.'), os.statvfs('.').f_ffree
def changed():
    global state
    now, before, state = os.statvfs('.'), state, os.statvfs('.')
    return (before.f_bfree - now.f_bfree, before.f_bavail - now.f_bavail, before.f_ffree - now.f_ffree, now.f_blocks - before.f_blocks)
write('file', b'x' * 1000000); show('a file', changed())
os.mkdir('directory'); show('a directory', changed())
fd = os.open('file', os.O_RDWR); os.posix_fallocate(fd, 0, 5000000); show('allocated', changed())
os.ftruncate(fd, 4096); os.fsync(fd); os.close(fd); show('cut', changed())
for n in range(100): write('n%d' % n, b'')
show('files', changed())
for n in range(100): os.unlink('n%d' % n)
os.rmdir('directory'); os.unlink('file')
# A file is gone when the kernel forgets it, which nobody waits for.
for attempt in range(6000):
    if os.statvfs('.').f_ffree == free: break
    time.sleep(0.01)
show('removed', changed())
show('all', os.statvfs('.')[:8])
`;

t.test('free space as it changes', { skip }, (t) => assertSame(t, { program: SPACE }));

/** Fills the filesystem by fallocate(2), of which the server knows whose it is. */
const FILL = `
os.chmod('.', 0o777)
def left(): state = os.statvfs('.'); return state.f_bfree * state.f_bsize >> 20
def fill(name):
    fd, at = os.open(name, os.O_CREAT | os.O_RDWR, 0o644), 0
    try:
        while True:
            os.posix_fallocate(fd, at, 65536); at += 65536
    finally: os.close(fd)
def taken_by(uid, gid):
    def act():
        os.setegid(gid); os.seteuid(uid)
        try: fill('of %d %d' % (uid, gid))
        finally: os.seteuid(0); os.setegid(0)
    return act
for uid, gid in ((1003, 1003), (1001, 1003), (1003, 1002), (0, 0)):
    call(('fill', uid, gid), taken_by(uid, gid))
    show('the reserve is there', left() >= 8)
`;

for (const options of [[], ['resuid=1001'], ['resgid=1002'], ['resgid=0'], ['resuid=1001', 'resgid=1002']]) {
  t.test(`reserved blocks: ${options.join() || 'root\'s'}`, { skip }, (t) => assertSame(t, { options, recipe: { arguments: ['-m', '20'] }, program: FILL }));
}
