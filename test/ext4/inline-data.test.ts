import t from 'tap';
import { InodeFlags } from '../../server/ext4/layout/inode.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { cannotMount, KernelImage } from './kernel-image.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Files of every size around the borders; some share their inode's room with attributes. */
const FILL_FILES = `
import os, sys
top = sys.argv[1]
for size in range(0, 181):
    path = os.path.join(top, "file%d" % size)
    open(path, "w").close()
    if size % 3 == 1:
        os.setxattr(path, "user.beside", b"v" * (size % 40))
    with open(path, "wb") as file:
        file.write(bytes((size + index) % 251 + 1 for index in range(size)))
    if size % 3 == 2:
        os.setxattr(path, "user.later", b"w" * (size % 30))
path = os.path.join(top, "sparse")
with open(path, "wb") as file:
    file.write(b"start")
os.truncate(path, 100)
`;

t.test('inline contents are what the kernel reads', { skip: cannotMount() }, async (t) => {
  for (const inodeSize of [256, 512, 1024]) {
    const image = new KernelImage({ features: 'inline_data', mke2fs: ['-b', '4096', '-I', String(inodeSize)] });
    t.teardown(() => image.remove());
    image.fill(FILL_FILES);
    const files = image.survey().filter(({ content }) => content !== undefined);
    const filesystem = image.open();
    t.teardown(() => filesystem.close());
    const { inline } = filesystem;
    let compared = 0;
    for (const { path, inode: number, content } of files) {
      const inode = filesystem.inode(inodeNumber(number));
      if (!inode.hasFlag('INLINE_DATA')) continue;
      const target = new Uint8Array(300);
      const length = inline.read(inode, 0, 300, target, 0);
      t.equal(hex(target.subarray(0, length)), content, `${path} in an inode of ${inodeSize} bytes`);
      for (let offset = 0; offset <= length; offset += 13) {
        const part = new Uint8Array(9);
        const count = inline.read(inode, offset, 7, part, 1);
        t.equal(hex(part), `00${content?.slice(offset * 2, (offset + 7) * 2).padEnd(14, '0')}00`, `${path} from ${offset}: ${count} bytes`);
      }
      compared++;
    }
    t.ok(compared >= (inodeSize === 256 ? 60 : 180), `${compared} files with inline data`);
  }
});

t.test('inline data without its attribute is damage, not a crash', { skip: cannotMount() }, async (t) => {
  const image = new KernelImage({ mke2fs: ['-I', '256'] });
  t.teardown(() => image.remove());
  image.fill('import os, sys; open(os.path.join(sys.argv[1], "file"), "wb").write(b"x" * 50)');
  const number = inodeNumber(image.survey().find(({ path }) => path === 'file')?.inode ?? 0);
  image.debugfs(`sif <${number}> flags ${InodeFlags.INLINE_DATA}`);
  const filesystem = image.open();
  t.teardown(() => filesystem.close());
  const inode = filesystem.inode(number);
  t.throws(() => filesystem.inline.read(inode, 0, 50, new Uint8Array(50), 0), { code: 'CORRUPT', structure: 'inline data' });
});
