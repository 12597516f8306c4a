import t from 'tap';
import { compare, DirectoryReader, kernelListing } from './directory-harness.js';
import { cannotMount, KernelImage } from './kernel-image.js';

t.setTimeout(300_000);
const skip = cannotMount();

/** Directories with from none to too many names for an inode, with names of all lengths, and with gaps. */
const FILL = `
import os, sys
os.chdir(sys.argv[1])
for count in range(0, 40):
    os.mkdir("d%d" % count)
    for i in range(count): open("d%d/%d" % (count, i), "w").close()
for length in list(range(1, 60)) + [100, 150, 200]:
    os.mkdir("l%d" % length)
    open("l%d/" % length + "x" * length, "w").close()
    open("l%d/y" % length, "w").close()
os.mkdir("gaps")
for i in range(12): open("gaps/%d" % i, "w").close()
for i in range(0, 12, 2): os.unlink("gaps/%d" % i)
open("gaps/more", "w").close()
os.mkdir("d3/below")
os.mkdir("d3/below/further")
`;

for (const inodeSize of [256, 512, 1024]) {
  for (const features of ['inline_data', 'inline_data,^dir_index', 'inline_data,^metadata_csum']) {
    t.test(`inodes of ${inodeSize} bytes, ${features}`, { skip }, async (t) => {
      const image = new KernelImage({ features, mke2fs: ['-I', String(inodeSize), '-b', '1024'] });
      t.teardown(() => image.remove());
      image.fill(FILL);
      const expected = kernelListing(image);
      const reader = new DirectoryReader(image.open());
      t.teardown(() => reader.filesystem.close());
      t.equal(reader.resolve('d3/below').hasFlag('INLINE_DATA'), true);
      t.equal(reader.resolve('d39').hasFlag('INLINE_DATA'), inodeSize > 512);
      t.same(compare(reader, expected), []);
      t.same(compare(reader, expected, 1), [], 'resumed after each');
      t.same(reader.reports, []);
    });
  }
}
