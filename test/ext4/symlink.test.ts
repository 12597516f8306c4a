import t from 'tap';
import { FileType } from '../../server/ext4/layout/inode.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { cannotMount, KernelImage } from './kernel-image.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const FILL_LINKS = `
import os, sys
top = sys.argv[1]
for length in list(range(1, 70)) + [100, 155, 160, 161, 200, 255, 500, 900, 1000, 1022, 1023, 1024, 2000, 4000, 4095]:
    path = os.path.join(top, "link%d" % length)
    try:
        os.symlink("t" * (length - 1) + "!", path)
    except OSError:
        continue
    if length % 2:
        os.setxattr(path, "trusted.on-a-link", b"v" * (length % 200), follow_symlinks=False)
`;

t.test('symbolic links lead where the kernel says', { skip: cannotMount() }, async (t) => {
  const images = {
    'in blocks of 1 KiB': { mke2fs: ['-b', '1024', '-I', '128'] },
    'in blocks of 4 KiB': { mke2fs: ['-b', '4096'] },
    'with block maps': { features: '^extents,^64bit,^metadata_csum', mke2fs: ['-b', '1024'] },
    'with inline data': { features: 'inline_data', mke2fs: ['-b', '4096', '-I', '256'] },
    'with values in inodes': { features: 'ea_inode,inline_data', mke2fs: ['-b', '1024', '-I', '256'] },
    'in clusters': { features: 'bigalloc', mke2fs: ['-b', '1024', '-C', '8192', '-I', '128'] },
  };
  for (const [what, options] of Object.entries(images)) {
    const image = new KernelImage(options);
    t.teardown(() => image.remove());
    image.fill(FILL_LINKS);
    const links = image.survey().filter(({ target }) => target !== undefined);
    t.ok(links.length > 70, `${links.length} links ${what}`);
    const filesystem = image.open();
    t.teardown(() => filesystem.close());
    const { links: symlinks } = filesystem;
    for (const { path, inode, target } of links) {
      const room = new Uint8Array(symlinks.longest);
      const length = symlinks.read(filesystem.inode(inodeNumber(inode)), room, 0);
      t.equal(hex(room.subarray(0, length)), target, `${path} ${what}`);
    }
  }
});

t.test('damaged symbolic links', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ mke2fs: ['-b', '1024'] });
  t.teardown(() => image.remove());
  image.fill(`
import os, sys
for name, target in [("fast", "abc"), ("short", "abc"), ("slow", "s" * 100), ("hole", "h" * 100)]:
    os.symlink(target, os.path.join(sys.argv[1], name))
`);
  const numbers = Object.fromEntries(image.survey().map(({ path, inode }) => [path, inode]));
  image.debugfs(`sif <${numbers['fast']}> size 60`, `sif <${numbers['short']}> size 5`, `sif <${numbers['slow']}> size 5000`, `punch <${numbers['hole']}> 0 10`, `sif <${numbers['hole']}> blocks 2`);
  const filesystem = image.open();
  t.teardown(() => filesystem.close());
  const { links: symlinks } = filesystem;
  const target = new Uint8Array(symlinks.longest);
  const read = (name: string) => {
    const inode = filesystem.inode(inodeNumber(numbers[name] ?? 0));
    t.equal(inode.fileType, FileType.SYMLINK);
    return symlinks.read(inode, target, 0);
  };
  t.throws(() => read('fast'), { code: 'CORRUPT', structure: 'symbolic link' }, 'longer than its place');
  t.throws(() => read('short'), { code: 'CORRUPT', structure: 'symbolic link' }, 'shorter than its size');
  t.throws(() => read('hole'), { code: 'CORRUPT', structure: 'symbolic link' }, 'a block that is not there');
  t.equal(read('slow'), 100, 'ends at its NUL, as for the kernel');
});

/** Exit status where the kernel cannot encrypt. */
const UNSUPPORTED = 77;

/** Links in a directory with a key that goes with the mount (linux/fscrypt.h, policy version 2). */
const FILL_ENCRYPTED = `
import errno, fcntl, os, struct, sys
os.chdir(sys.argv[1])
key = bytearray(struct.pack("<II32sIII28s", 2, 0, b"", 64, 0, 0, b"") + bytes(range(64)))
top = os.open(".", os.O_RDONLY)
try:
    fcntl.ioctl(top, 0xc0506617, key, True)
except OSError as error:
    if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP): sys.exit(${UNSUPPORTED})
    raise
os.mkdir("secret")
directory = os.open("secret", os.O_RDONLY)
fcntl.ioctl(directory, 0x800c6613, struct.pack("<BBBBB3s16s", 2, 1, 4, 0, 0, b"", bytes(key[8:24])))
for length in (1, 15, 16, 17, 31, 32, 33, 50, 57, 58, 59, 60, 100, 148, 149, 150, 160, 200, 500, 1000): os.symlink("t" * length, "secret/%d" % length)
`;

t.test('encrypted targets show as the kernel shows them without the key', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ features: 'encrypt' });
  t.teardown(() => image.remove());
  try {
    image.fill(FILL_ENCRYPTED);
  } catch (error) {
    if ((error as { status?: number }).status !== UNSUPPORTED) throw error;
    t.pass('the kernel has no fscrypt', { skip: 'the kernel has no fscrypt' });
    return;
  }
  const links = image.survey().filter(({ target }) => target !== undefined);
  t.equal(links.length, 20);
  const filesystem = image.open();
  t.teardown(() => filesystem.close());
  const { links: symlinks } = filesystem;
  for (const { inode, target } of links) {
    const room = new Uint8Array(symlinks.longest);
    const length = symlinks.read(filesystem.inode(inodeNumber(inode)), room, 0);
    t.equal(hex(room.subarray(0, length)), target);
  }
});
