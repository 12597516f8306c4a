import t from 'tap';
import { compare, DirectoryReader, kernelListing } from './directory-harness.js';
import { cannotMount, KernelImage, type ImageOptions } from './kernel-image.js';

t.setTimeout(300_000);
const skip = cannotMount();

/** Directories of every kind: empty, one block, with all types of files, with gaps, indexed, and with hard names. */
const FILL = `
import os, socket, sys
os.chdir(sys.argv[1])
counts = [int(count) for count in sys.argv[2].split(",")]
os.mkdir("empty")
os.mkdir("types")
os.mkdir("types/directory")
open("types/regular", "w").close()
os.symlink("regular", "types/symlink")
os.mkfifo("types/fifo")
os.mknod("types/character", 0o20600, os.makedev(1, 3))
os.mknod("types/block", 0o60600, os.makedev(7, 0))
socket.socket(socket.AF_UNIX).bind("types/socket")
os.mkdir("gaps")
for i in range(400): open("gaps/%d-%s" % (i, "x" * (i % 50)), "w").close()
for i in range(0, 400, 3): os.unlink("gaps/%d-%s" % (i, "x" * (i % 50)))
os.mkdir("emptied")
for i in range(400): open("emptied/%d" % i, "w").close()
for i in range(400): os.unlink("emptied/%d" % i)
os.mkdir("bytes")
for i in range(1, 256):
    if i not in (0x2f, 0x2e): open(b"bytes/" + bytes([i]), "w").close()
    open(b"bytes/" + bytes([i if i != 0x2f else 1]) * 255, "w").close()
    open(b"bytes/name-\\xc3\\xa9-" + bytes([i if i != 0x2f else 1, 255 - i if i != 208 and i != 255 else 1]) * 20, "w").close()
os.link("types/regular", "linked")
for count in counts:
    os.mkdir("many-%d" % count)
    for i in range(count):
        os.link("types/regular" if i % 60000 else "linked", "many-%d/%d-%s" % (count, i, "n" * (i * 7 % 90))) if i < 60000 else os.mkdir("many-%d/%d" % (count, i))
`;

interface Case extends ImageOptions {
  readonly name: string;
  readonly counts?: readonly number[];
}

const CASES: readonly Case[] = [
  { name: 'blocks of 4 KiB', mke2fs: ['-b', '4096'], counts: [10, 300, 5000] },
  { name: 'blocks of 1 KiB: two levels of nodes', mke2fs: ['-b', '1024'], size: '64M', counts: [10, 300, 20000] },
  { name: 'without checksums', features: '^metadata_csum', mke2fs: ['-b', '1024'], size: '64M', counts: [20000] },
  { name: 'without indexes', features: '^dir_index', mke2fs: ['-b', '1024'], counts: [10, 300, 2000] },
  { name: 'without types', features: '^filetype', mke2fs: ['-b', '2048'], counts: [2000] },
  { name: 'block maps', features: '^extents,^64bit', mke2fs: ['-b', '1024'], counts: [5000] },
];

for (const { name, counts = [], ...options } of CASES) {
  t.test(name, { skip }, async (t) => {
    const image = new KernelImage(options);
    t.teardown(() => image.remove());
    image.fill(FILL.replace('sys.argv[2]', JSON.stringify(counts.join(','))));
    const expected = kernelListing(image);
    const reader = new DirectoryReader(image.open());
    t.teardown(() => reader.filesystem.close());
    t.same(compare(reader, expected), []);
    t.same(compare(reader, expected, 7), [], 'resumed after every seventh');
    t.same(reader.reports, []);
  });
}
