import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ImageError, NotExt4Error, openFilesystem, type ImageFilesystem, type WalkEntry } from '../../library/index.js';
import { MemoryDevice } from '../support/memory-device.js';
import { debugfs, TreeAndImage } from './library-image.js';

const sample = new TreeAndImage();
t.teardown(() => sample.remove());

const hostname = (image: ImageFilesystem): Promise<string> => image.readFile('/etc/hostname', 'utf8');
const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

t.test('sources', async (t) => {
  const before = openDescriptors();
  const byPath = await openFilesystem(sample.image);
  t.equal(await hostname(byPath), 'box\n');
  await byPath.close();
  t.equal(openDescriptors(), before, 'what the library opened is closed');
  await t.rejects(hostname(byPath), { code: 'EBADF' });

  const fd = openSync(sample.image, 'r');
  const byDescriptor = await openFilesystem(fd);
  t.equal(await hostname(byDescriptor), 'box\n');
  await byDescriptor.close();
  t.ok(fstatSync(fd).isFile(), 'what the caller opened stays open');
  closeSync(fd);

  const byDevice = await openFilesystem(new MemoryDevice(readFileSync(sample.image)));
  t.equal(await hostname(byDevice), 'box\n');

  const larger = join(sample.directory, 'larger');
  writeFileSync(larger, Buffer.concat([Buffer.alloc(1 << 20, 0xee), readFileSync(sample.image), Buffer.alloc(5000, 0xee)]));
  const inside = await openFilesystem(larger, { offset: 1 << 20, sizeLimit: 16 << 20 });
  t.equal(await hostname(inside), 'box\n');
  await inside.close();
});

t.test('backup superblock', async (t) => {
  const damaged = join(sample.directory, 'damaged');
  const bytes = readFileSync(sample.image);
  bytes.fill(0, 1024, 2048);
  writeFileSync(damaged, bytes);
  await t.rejects(openFilesystem(damaged), { code: 'EINVAL', path: damaged, cause: NotExt4Error });
  const image = await openFilesystem(damaged, { superblock: 8193 });
  t.equal(await hostname(image), 'box\n');
  await image.close();
});

t.test('what cannot be opened', async (t) => {
  const before = openDescriptors();
  const empty = join(sample.directory, 'empty');
  writeFileSync(empty, '');
  const cut = join(sample.directory, 'cut');
  writeFileSync(cut, readFileSync(sample.image).subarray(0, 1 << 20));
  await t.rejects(openFilesystem(join(sample.directory, 'missing')), { code: 'ENOENT' });
  await t.rejects(openFilesystem(sample.directory), { code: 'EISDIR' });
  await t.rejects(openFilesystem('/dev/null'), { code: 'EINVAL' });
  await t.rejects(openFilesystem(empty), { code: 'EINVAL', cause: NotExt4Error });
  await t.rejects(openFilesystem(cut), { code: 'EUCLEAN', cause: { name: 'CorruptionError', structure: 'superblock' } });
  await t.rejects(openFilesystem(sample.image, { offset: 2 ** 40 }), { code: 'EIO' });
  await t.rejects(openFilesystem(sample.image, { offset: -1 }), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE', message: /options\.offset/ });
  await t.rejects(openFilesystem(sample.image, { ofset: 0 } as object), { name: 'TypeError', message: /ofset/ });
  t.equal(openDescriptors(), before);
});

t.test('a walk ends where directories lead in circles', async (t) => {
  const image = join(sample.directory, 'circles');
  sample.makeImage(image);
  debugfs(image, 'ln deep deep/er/est/again');
  debugfs(image, 'ln deep/er etc/second');
  const filesystem = await openFilesystem(image);
  const errors: ImageError[] = [];
  const seen: string[] = [];
  for await (const { path } of filesystem.walk('/', { onError: (error) => errors.push(error) })) seen.push(path);
  t.ok(seen.includes('/deep/er/est/data') || seen.includes('/etc/second/est/data'));
  t.equal(errors.length, 2);
  t.ok(errors.every((error) => error instanceof ImageError && error.code === 'EUCLEAN'));
  const collect = async (): Promise<WalkEntry[]> => {
    const entries: WalkEntry[] = [];
    for await (const entry of filesystem.walk()) entries.push(entry);
    return entries;
  };
  await t.rejects(collect(), { code: 'EUCLEAN' }, 'without onError the walk throws');
  await filesystem.close();
});

t.test('a walk enters only what it is told to', async (t) => {
  const filesystem = await openFilesystem(sample.image);
  const seen: string[] = [];
  for await (const { path } of filesystem.walk('/', { enter: ({ depth }) => depth < 2 })) seen.push(path);
  t.ok(seen.includes('/deep/er'));
  t.notOk(seen.includes('/deep/er/est'));
  await filesystem.close();
});

t.test('extended attributes and extents', async (t) => {
  const image = join(sample.directory, 'attributes');
  sample.makeImage(image);
  debugfs(image, 'ea_set etc/hostname user.comment hello');
  debugfs(image, 'ea_set etc/hostname trusted.empty ""');
  debugfs(image, 'fallocate nothing 4 7');
  const filesystem = await openFilesystem(image);
  const attributes = await filesystem.xattrs('/deep/relative');
  t.equal(attributes.get('user.comment')?.toString(), 'hello', 'of what the link leads to');
  t.equal((await filesystem.lxattrs('/deep/relative')).size, 0, 'of the link itself');

  const extents = [];
  for await (const extent of filesystem.extents('/nothing')) extents.push(extent);
  t.match(extents, [{ logical: 4096, length: 4096, flags: ['last', 'unwritten'] }]);
  const data = [];
  for await (const extent of filesystem.extents('/deep/er/est/data')) data.push(extent);
  const raw = readFileSync(image);
  const pieces = data.map(({ physical, length }) => raw.subarray(physical, physical + length));
  t.ok(Buffer.concat(pieces).subarray(0, 100_000).equals(readFileSync(sample.outside('deep/er/est/data'))), 'extents lead to the data');
  await filesystem.close();
});

t.test('the example runs', async (t) => {
  const example = fileURLToPath(new URL('../../library/examples/look-around.js', import.meta.url));
  const output = execFileSync(process.execPath, [example, sample.image, '/deep/relative'], { encoding: 'utf8' });
  t.match(output, /no label: 16384 blocks of 1024 bytes/);
  t.match(output, /100000 {2}\/deep\/er\/est\/data/);
  t.match(output, /box\n/);
});
