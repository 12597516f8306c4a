import t from 'tap';
import { inodeNumber } from '../../server/ext4/units.js';
import { Random } from '../support/random.js';
import { cannotMount, KernelImage } from './kernel-image.js';
import { Workbench } from './xattr-workbench.js';

const FILES = 12;
const MAKE_FILES = `
import os, sys
for number in range(${FILES}):
    path = os.path.join(sys.argv[1], "file%d" % number)
    with open(path, "wb") as file:
        if number % 3:
            file.write(b"k" * (number * 9))
    if number % 4 == 0:
        os.setxattr(path, "user.beside", b"v" * (number * 3))
`;

t.test('inline contents are written, grow, shrink and end', { skip: cannotMount() }, async (t) => {
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 31);
  t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
  const random = new Random(seed);
  for (const inodeSize of [256, 512, 1024]) {
    const image = new KernelImage({ features: 'inline_data', mke2fs: ['-b', '4096', '-I', String(inodeSize)] });
    t.teardown(() => image.remove());
    image.fill(MAKE_FILES);
    const survey = image.survey().filter(({ path }) => path.startsWith('file'));
    const bench = new Workbench(image.path);
    const model = new Map(survey.map(({ path, content }) => [path, Buffer.from(content ?? '', 'hex')]));
    let refused = 0;

    for (let round = 0; round < 2000; round++) {
      const { path, inode: number } = survey[random.below(FILES)] as (typeof survey)[number];
      const old = model.get(path) as Buffer;
      bench.run(() => {
        const inode = bench.filesystem.inode(inodeNumber(number));
        if (!inode.hasFlag('INLINE_DATA') && !bench.inline.start(inode)) return;
        const capacity = bench.inline.capacity(inode);
        const kind = random.below(10);
        if (kind < 6) {
          const offset = random.below(capacity + 5);
          const data = random.bytes(1 + random.below(60));
          const end = offset + data.length;
          const written = bench.inline.write(inode, offset, data, 0, data.length);
          if (written !== end <= Math.max(capacity, old.length)) t.fail(`round ${round}: ${end} bytes in ${capacity}`);
          if (!written) {
            refused++;
            return;
          }
          const grown = Buffer.concat([old, Buffer.alloc(Math.max(0, end - old.length))]);
          grown.set(data, offset);
          model.set(path, grown);
        } else if (kind < 9) {
          const size = random.below(capacity + 1);
          t.ok(bench.inline.resize(inode, size) || `seed ${seed}, round ${round}`);
          model.set(path, Buffer.concat([old, Buffer.alloc(Math.max(0, size - old.length))]).subarray(0, size));
        } else {
          bench.inline.end(inode);
          bench.inodeEditor.setSize(inode, 0);
          model.set(path, Buffer.alloc(0));
        }
      });
    }
    t.ok(refused > 20, `${refused} writes did not fit`);
    for (const { path, inode: number } of survey) {
      const inode = bench.filesystem.inode(inodeNumber(number));
      if (!inode.hasFlag('INLINE_DATA')) continue;
      const target = Buffer.alloc(2000);
      t.same(target.subarray(0, bench.filesystem.inline.read(inode, 0, 2000, target, 0)), model.get(path), path);
    }
    bench.save(image.path);
    t.equal(image.fsck(), '', `e2fsck finds nothing with inodes of ${inodeSize} bytes`);
    const after = image.survey().filter(({ path }) => path.startsWith('file'));
    for (const { path, content } of after) t.equal(content, model.get(path)?.toString('hex'), `the kernel reads ${path}`);
    for (const { path, values } of after) t.same(values, survey.find((one) => one.path === path)?.values, `${path} keeps its attributes`);
  }
});
