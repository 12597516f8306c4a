import t from 'tap';
import { errno } from '../../server/ext4/errors.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber } from '../../server/ext4/units.js';
import type { ExtendedAttributes } from '../../server/ext4/xattr/attributes.js';
import { cannotMount, KernelImage, type ImageOptions, type Surveyed } from './kernel-image.js';

const ROOM = 65536;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function get(attributes: ExtendedAttributes, inode: Inode, name: string, room = ROOM): string | number {
  const bytes = bytesOf(name);
  const target = new Uint8Array(ROOM);
  const length = attributes.get(inode, bytes, 0, bytes.length, target, 0, room);
  return length < 0 ? length : Buffer.from(target.subarray(0, length)).toString('hex');
}

function list(attributes: ExtendedAttributes, inode: Inode, withTrusted = true): string[] {
  const target = new Uint8Array(ROOM);
  const length = attributes.list(inode, target, 0, ROOM, withTrusted);
  return Buffer.from(target.subarray(0, length)).toString().split('\0').slice(0, -1);
}

function seen(filesystem: Filesystem, attributes: ExtendedAttributes, { path, inode: number }: Surveyed) {
  const inode = filesystem.inode(inodeNumber(number));
  const names = list(attributes, inode);
  return { path, names, values: Object.fromEntries(names.map((name) => [name, get(attributes, inode, name)])) };
}

/** Many names, every namespace, values of every size that matters, values shared between files. */
const FILL = `
import os, sys, random
top = sys.argv[1]
random.seed(7)
def put(path, name, value):
    try:
        os.setxattr(path, name, value, follow_symlinks=False)
    except OSError:
        pass  # no room: what matters is what did fit
for number in range(40):
    path = os.path.join(top, "file%d" % number)
    open(path, "w").close()
    for count in range(number % 12):
        name = random.choice(["user.", "trusted.", "security."]) + "n" * random.randrange(1, 60) + str(count)
        put(path, name, random.randbytes(random.choice([0, 1, 3, 4, 5, 16, 60, 100, 300])))
for size in [0, 1, 900, 1000, 3000, 4000, 4096, 5000, 20000, 65535, 65536]:
    path = os.path.join(top, "large%d" % size)
    open(path, "w").close()
    put(path, "user.before", b"x")
    put(path, "user.large", bytes(index % 251 for index in range(size)))
    put(path, "user.after", b"y" * 7)
for number in range(5):
    path = os.path.join(top, "shared%d" % number)
    open(path, "w").close()
    put(path, "user.a", b"same" * 40)
    put(path, "trusted.b", b"same" * 40)
path = os.path.join(top, "n\\u00e4me")
open(path, "w").close()
put(path, "user.\\u00fcnsigned", b"v" * 3000)
directory = os.path.join(top, "directory")
os.mkdir(directory)
link = os.path.join(top, "link")
os.symlink("target", link)
put(link, "trusted.onlink", b"linked")
put(link, "security.onlink", b"l" * 200)
os.system("setfacl -m u:1000:rw,u:70000:r,g:12:rwx,m::rx '%s'" % path)
os.system("setfacl -m u:5:rwx '%s'; setfacl -d -m u:1:rw,g:4000000000:x '%s'" % (directory, directory))
os.system("setfacl -d -m o::- '%s'" % top)
`;

const IMAGES: Record<string, ImageOptions> = {
  'inodes of 256 bytes, 1 KiB blocks': { mke2fs: ['-b', '1024', '-I', '256'] },
  'inodes of 128 bytes: all in blocks': { mke2fs: ['-b', '1024', '-I', '128'] },
  'inodes of 1024 bytes, 4 KiB blocks': { mke2fs: ['-b', '4096', '-I', '1024'], size: '32M' },
  'without checksums': { features: '^metadata_csum', mke2fs: ['-b', '2048', '-I', '512'] },
  'values in inodes': { features: 'ea_inode', mke2fs: ['-b', '1024', '-I', '256'] },
  'values in inodes, 4 KiB blocks, csum_seed': { features: 'ea_inode,metadata_csum_seed', mke2fs: ['-b', '4096'], size: '32M' },
  'beside inline data': { features: 'inline_data,ea_inode', mke2fs: ['-b', '1024', '-I', '512'] },
};

t.test('every attribute is what the kernel shows', { skip: cannotMount() }, async (t) => {
  for (const [what, options] of Object.entries(IMAGES)) {
    await t.test(what, async (t) => {
      const image = new KernelImage(options);
      t.teardown(() => image.remove());
      image.fill(FILL);
      const kernel = image.survey();
      const filesystem = image.open();
      t.teardown(() => filesystem.close());
      const { attributes } = filesystem;
      let compared = 0;
      for (const entry of kernel) {
        const { path, names, values } = entry;
        t.same(seen(filesystem, attributes, entry), { path, names, values }, path);
        compared += names.length;
      }
      t.ok(compared > 100, `${compared} attributes compared`);
    });
  }
});

/** An image in which one file has attributes of each kind. */
function oneFile(t: { teardown: (undo: () => void) => void }) {
  const image = new KernelImage({ features: 'ea_inode', mke2fs: ['-b', '1024'] });
  t.teardown(() => image.remove());
  image.fill(`
import os, sys
path = os.path.join(sys.argv[1], "file")
open(path, "w").close()
os.setxattr(path, "user.small", b"12345678")
os.setxattr(path, "user.empty", b"")
os.setxattr(path, "user.huge", b"h" * 30000)
os.setxattr(path, "trusted.secret", b"s")
os.system("setfacl -m u:7:r '%s'" % path)
`);
  const number = inodeNumber(image.survey().find(({ path }) => path === 'file')?.inode ?? 0);
  const open = () => {
    const filesystem = image.open();
    t.teardown(() => filesystem.close());
    return { filesystem, attributes: filesystem.attributes, inode: filesystem.inode(number) };
  };
  return { image, open };
}

t.test('the answers of getxattr and listxattr', { skip: cannotMount() }, async (t) => {
  const { filesystem, attributes, inode } = oneFile(t).open();
  const nothing = new Uint8Array(0);
  const size = (name: string) => attributes.get(inode, bytesOf(name), 0, name.length, nothing, 0, 0);

  t.equal(size('user.small'), 8, 'a size is told without room');
  t.equal(size('user.huge'), 30000);
  t.equal(size('user.empty'), 0);
  t.equal(size('system.posix_acl_access'), 4 + 5 * 8);
  t.equal(get(attributes, inode, 'user.empty'), '');
  t.equal(get(attributes, inode, 'user.small', 8), '3132333435363738');
  t.equal(get(attributes, inode, 'user.small', 7), -errno.ERANGE);
  t.equal(get(attributes, inode, 'user.huge', 29999), -errno.ERANGE);
  t.equal(get(attributes, inode, 'system.posix_acl_access', 43), -errno.ERANGE);
  t.equal(get(attributes, inode, 'user.absent'), -errno.ENODATA);
  t.equal(get(attributes, inode, 'system.posix_acl_default'), -errno.ENODATA);
  t.equal(get(attributes, inode, 'user.'), -errno.EINVAL);
  t.equal(get(attributes, inode, `user.${'x'.repeat(256)}`), -errno.ERANGE);
  for (const name of ['system.data', 'system.richacl', 'nothing', 'users.small', 'small', 'system.posix_acl_accessory']) {
    t.equal(get(attributes, inode, name), -errno.EOPNOTSUPP, name);
  }

  const all = list(attributes, inode);
  const length = all.join('\0').length + 1;
  t.equal(attributes.list(inode, nothing, 0, 0, true), length);
  t.equal(attributes.list(inode, new Uint8Array(length), 0, length, true), length);
  t.equal(attributes.list(inode, new Uint8Array(length), 0, length - 1, true), -errno.ERANGE);
  t.same(list(attributes, inode, false), all.filter((name) => name !== 'trusted.secret'), 'trusted names can be left out');
  t.equal(attributes.list(filesystem.root, nothing, 0, 0, true), 0);

  const target = new Uint8Array(20).fill(0xee);
  t.equal(attributes.get(inode, bytesOf('??user.small!'), 2, 10, target, 5, 9), 8);
  t.equal(Buffer.from(target).toString('latin1'), `${'\xee'.repeat(5)}12345678${'\xee'.repeat(7)}`, 'only its place in the buffer is written');
});

t.test('a value in an inode is refused when it is not the one that was set', { skip: cannotMount() }, async (t) => {
  const corrupt = { code: 'CORRUPT' };
  const damages: Record<string, (holder: number) => string> = {
    'another checksum': (holder) => `sif <${holder}> atime @0x1234`,
    'another size': (holder) => `sif <${holder}> size 29999`,
    'no longer a value': (holder) => `sif <${holder}> flags 0x80000`,
    'a value with attributes': (holder) => `sif <${holder}> file_acl 1000`,
    'a value that is gone': (holder) => `clri <${holder}>`,
    'other contents': (holder) => `sif <${holder}> block[5] 20`,
  };
  for (const [what, damage] of Object.entries(damages)) {
    const { image, open } = oneFile(t);
    const before = open();
    const holder = before.filesystem.inode(inodeNumber(before.inode.number + 1));
    t.ok(holder.hasFlag('EA_INODE'), 'the kernel put the value into the next inode');
    image.debugfs(damage(holder.number));
    const { attributes, inode } = open();
    t.throws(() => get(attributes, inode, 'user.huge'), corrupt, what);
    t.equal(get(attributes, inode, 'user.small'), '3132333435363738', 'the others are still there');
  }
});
