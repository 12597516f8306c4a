import t, { type Test } from 'tap';
import { DirectoryReader } from './directory-harness.js';
import { cannotMount, KernelImage, type ImageOptions } from './kernel-image.js';

t.setTimeout(300_000);
const skip = cannotMount();

const SHAPES: Record<string, ImageOptions & { readonly count: number }> = {
  indexed: { mke2fs: ['-b', '1024'], count: 400 },
  'not indexed': { features: '^dir_index', mke2fs: ['-b', '1024'], count: 400 },
  'in one block': { mke2fs: ['-b', '4096'], count: 100 },
  'in its inode': { features: 'inline_data', mke2fs: ['-b', '1024'], count: 4 },
  'in its inode, never to be indexed': { features: 'inline_data,^dir_index', mke2fs: ['-b', '1024'], count: 4 },
};

const make = (directory: string, from: number, to: number): string =>
  `import os, sys\nos.chdir(sys.argv[1])\nos.makedirs("${directory}", exist_ok=True)\nfor i in range(${from}, ${to}): open("${directory}/%d" % i, "w").close()\n`;
const unlink = (directory: string, condition: string): string => `import os, sys\nos.chdir(sys.argv[1] + "/${directory}")\nfor name in os.listdir("."):\n    if ${condition}: os.unlink(name)\n`;

function fresh(t: Test, options: ImageOptions): KernelImage {
  const image = new KernelImage(options);
  t.teardown(() => image.remove());
  return image;
}

interface Listed {
  readonly name: string;
  readonly position: number;
}

/** From a position on, at most `count`, in the order in which they come. */
function listFrom(image: KernelImage, position: number, count = Infinity): Listed[] {
  const reader = new DirectoryReader(image.open());
  const listed: Listed[] = [];
  reader.directory.iterate(reader.resolve('d'), position, (entry) => {
    if (listed.length === count) return false;
    const name = Buffer.from(entry.bytes.subarray(entry.nameOffset, entry.nameOffset + entry.nameLength)).toString();
    listed.push({ name, position: entry.position });
    return true;
  });
  if (reader.reports.length > 0) throw reader.reports[0] as Error;
  reader.filesystem.close();
  return listed;
}

const names = (listed: readonly Listed[]): string[] => listed.map(({ name }) => name);
const existing = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => String(from + index));

for (const [shape, { count, ...options }] of Object.entries(SHAPES)) {
  t.test(`a directory ${shape} is listed from each of its positions`, { skip }, async (t) => {
    const image = fresh(t, options);
    image.fill(make('d', 0, count));
    const all = listFrom(image, 0);
    t.same(names(all).sort(), ['.', '..', ...existing(0, count)].sort());
    const reader = new DirectoryReader(image.open());
    t.teardown(() => reader.filesystem.close());
    const dir = reader.resolve('d');
    for (const [index, { position }] of all.entries()) {
      if (!(position > (all[index - 1]?.position ?? 0) && Number.isSafeInteger(position))) t.fail(`position ${position}`);
      let next = index + 1;
      reader.directory.iterate(dir, position, (entry) => {
        if (entry.position !== all[next]?.position) t.fail(`after entry ${index} came position ${entry.position} instead of ${all[next]?.position}`);
        next++;
        return true;
      });
      if (next !== all.length) t.fail(`from entry ${index} on there were ${next - index - 1} entries`);
    }
    t.same(listFrom(image, Number.MAX_SAFE_INTEGER), [], 'past the end is nothing');
  });

  t.test(`what exists throughout a listing is listed once, in a directory ${shape} that grows`, { skip }, async (t) => {
    for (const taken of [2, Math.floor(count / 2)]) {
      const image = fresh(t, { ...options, size: '32M' });
      image.fill(make('d', 0, count));
      const before = listFrom(image, 0, taken);
      image.fill(make('d', count, count + 600));
      const after = listFrom(image, before.at(-1)?.position ?? 0);
      const old = new Set(['.', '..', ...existing(0, count)]);
      t.same(names([...before, ...after]).filter((name) => old.has(name)).sort(), [...old].sort(), `grown after ${taken}`);
      const all = names([...before, ...after]);
      t.equal(new Set(all).size, all.length, 'nothing twice');
    }
  });

  t.test(`what exists throughout a listing is listed once, in a directory ${shape} that shrinks`, { skip }, async (t) => {
    const image = fresh(t, options);
    image.fill(make('d', 0, count));
    const before = listFrom(image, 0, Math.floor(count / 2));
    image.fill(unlink('d', 'int(name) % 3 == 0'));
    const after = listFrom(image, before.at(-1)?.position ?? 0);
    const kept = new Set(['.', '..', ...existing(0, count).filter((name) => Number(name) % 3 !== 0)]);
    t.same(names([...before, ...after]).filter((name) => kept.has(name)).sort(), [...kept].sort());
  });
}
