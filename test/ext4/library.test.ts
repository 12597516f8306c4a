import { execFileSync } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Dirent } from 'node:fs';
import * as nodeFs from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import t from 'tap';
import { openFilesystem, type ImageFilesystem } from '../../library/index.js';
import { NOT_UTF8, TreeAndImage } from './library-image.js';

const sample = new TreeAndImage();
t.teardown(() => sample.remove());

const withImage = async (use: (image: ImageFilesystem) => Promise<void>): Promise<void> => {
  const image = await openFilesystem(sample.image);
  try {
    await use(image);
  } finally {
    await image.close();
  }
};

const kindOf = (entry: Pick<Dirent, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): string =>
  entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'other';

t.test('every path is as node:fs has it', (t) =>
  withImage(async (image) => {
    let compared = 0;
    for await (const { path, pathBytes, stats } of image.walk()) {
      if (path === '/lost+found') continue;
      const outside = Buffer.concat([Buffer.from(sample.tree), pathBytes]);
      const expected = lstatSync(outside);
      t.match(stats, { mode: expected.mode, uid: expected.uid, gid: expected.gid, mtimeMs: Math.floor(expected.mtimeMs / 1000) * 1000 }, path);
      t.equal(kindOf(stats), kindOf(expected));
      if (stats.isFile()) {
        t.equal(stats.size, expected.size);
        t.ok((await image.readFile(pathBytes)).equals(readFileSync(outside)), `contents of ${path}`);
      }
      if (stats.isSymbolicLink()) t.equal(await image.readlink(pathBytes), readlinkSync(outside));
      if (stats.isDirectory()) t.equal(stats.nlink, readdirSync(outside, { withFileTypes: true }).filter((entry) => entry.isDirectory()).length + 2);
      compared++;
    }
    t.equal(compared, execFileSync('find', [sample.tree, '-mindepth', '1', '-printf', '.']).length);
  }),
);

t.test('readdir in all its forms', (t) =>
  withImage(async (image) => {
    const sorted = (names: readonly (string | Buffer)[]): string[] => names.map((name) => Buffer.from(name as string).toString('hex')).sort();
    const outside = (path: string): string => sample.outside(path);
    t.same(sorted(await image.readdir('/many')), sorted(readdirSync(outside('many'))));
    t.same(sorted(await image.readdir('/', 'buffer')), sorted([...readdirSync(sample.tree, 'buffer'), 'lost+found']));
    const below = ['absolute', 'climbing', 'er', 'er/est', 'er/est/data', 'relative'];
    t.same((await image.readdir('deep', { recursive: true })).sort(), below, 'recursive, and through no link');
    t.same((await image.readdir('/deep/', { recursive: true })).sort(), below);
    t.same(await image.readdir('/empty'), []);

    const typed = await image.readdir('/deep', { withFileTypes: true });
    const expected = readdirSync(outside('deep'), { withFileTypes: true });
    t.same(typed.map((entry) => [entry.name, kindOf(entry)]).sort(), expected.map((entry) => [entry.name, kindOf(entry)]).sort());
    t.ok(typed.every(({ parentPath, path, ino }) => parentPath === '/deep' && path === '/deep' && ino > 10));

    const names: string[] = [];
    for await (const { name } of await image.opendir('/many')) names.push(name);
    t.same(sorted(names), sorted(readdirSync(outside('many'))));
  }),
);

t.test('names that are not UTF-8', (t) =>
  withImage(async (image) => {
    const path = Buffer.concat([Buffer.from('/'), NOT_UTF8]);
    t.equal(await image.readFile(path, 'utf8'), 'no text');
    t.ok((await image.readdir('/', 'buffer')).some((name) => name.equals(NOT_UTF8)));
    await t.rejects(image.readFile(path.toString()), { code: 'ENOENT' }, 'the replacement characters are another name');
  }),
);

t.test('symbolic links stay inside the image', (t) =>
  withImage(async (image) => {
    for (const path of ['/deep/relative', '/deep/absolute/hostname', '/deep/climbing', '/long', '/slashed/hostname', '/deep/absolute/../../../etc/hostname']) {
      t.equal(await image.readFile(path, 'utf8'), 'box\n', path);
      t.equal(await image.realpath(path), '/etc/hostname');
    }
    t.ok((await image.lstat('/deep/absolute')).isSymbolicLink());
    t.ok((await image.stat('/deep/absolute')).isDirectory());
    t.ok((await image.lstat('/deep/absolute/')).isDirectory(), 'a slash behind a link follows it');
    t.equal(await image.realpath('/..'), '/');
  }),
);

/** What both have. */
interface Callable {
  readFile(path: string): Promise<unknown>;
  stat(path: string): Promise<unknown>;
  lstat(path: string): Promise<unknown>;
  readlink(path: string): Promise<unknown>;
  readdir(path: string): Promise<unknown>;
  opendir(path: string): Promise<unknown>;
  access(path: string, mode: number): Promise<unknown>;
}

t.test('errors are those of node:fs', (t) =>
  withImage(async (image) => {
    type Call = (fs: Callable, path: string) => Promise<unknown>;
    const cases: [string, string, Call][] = [
      ['a name that is not there', '/etc/nowhere', (fs, path) => fs.readFile(path)],
      ['below a file', '/etc/hostname/x', (fs, path) => fs.stat(path)],
      ['a slash behind a file', '/etc/hostname/', (fs, path) => fs.stat(path)],
      ['a name too long', `/etc/${'x'.repeat(256)}`, (fs, path) => fs.lstat(path)],
      ['a loop of links', '/loop-a', (fs, path) => fs.stat(path)],
      ['a link to nothing', '/dangling', (fs, path) => fs.readFile(path)],
      ['no link', '/etc', (fs, path) => fs.readlink(path)],
      ['no directory', '/etc/hostname', (fs, path) => fs.readdir(path)],
      ['no directory to open', '/etc/hostname', (fs, path) => fs.opendir(path)],
      ['not executable', '/etc/hostname', (fs, path) => fs.access(path, nodeFs.constants.X_OK)],
    ];
    for (const [name, path, call] of cases) {
      const outside = sample.outside(path) + (path.endsWith('/') ? '/' : '');
      const expected = await call(nodeFs, outside.replace('//', '/')).catch((error: unknown) => error);
      const { message, code, errno, syscall } = expected as NodeJS.ErrnoException;
      const error = await call(image, path).catch((error: unknown) => error);
      t.match(error, { code, errno, syscall, path, message: message.replace(sample.tree, '') }, name);
    }
    await t.rejects(image.readFile('/etc'), { code: 'EISDIR' });
    await t.rejects(image.open('/etc/hostname', 'r+'), { code: 'EROFS' });
    await t.rejects(image.access('/etc/hostname', nodeFs.constants.W_OK), { code: 'EROFS' });
    await t.rejects(image.readFile('/etc\0'), { name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' });
    await t.rejects(image.readFile(''), { code: 'ENOENT' });
  }),
);

t.test('reading pieces of a file', (t) =>
  withImage(async (image) => {
    const whole = readFileSync(sample.outside('deep/er/est/data'));
    const file = await image.open('/deep/er/est/data');
    const target = Buffer.alloc(5000);
    t.equal((await file.read(target, 10, 3000, 77_777)).bytesRead, 3000);
    t.ok(target.subarray(10, 3010).equals(whole.subarray(77_777, 80_777)));
    t.equal((await file.read({ buffer: target, position: 99_000 })).bytesRead, 1000, 'ends with the file');
    t.equal((await file.read({ buffer: target, position: 200_000 })).bytesRead, 0);

    t.equal((await file.read(target)).bytesRead, 5000, 'without a position from where the last one ended');
    t.equal((await file.read(target)).bytesRead, 5000);
    t.ok(target.equals(whole.subarray(5000, 10_000)));
    await t.rejects(file.read(target, 4000, 2000), RangeError);

    t.ok((await buffer(image.createReadStream('/deep/er/est/data', { highWaterMark: 4097 }))).equals(whole));
    t.ok((await buffer(file.createReadStream({ start: 1000, end: 90_000 }))).equals(whole.subarray(1000, 90_001)));
    await file.close();
    await t.rejects(file.stat(), { code: 'EBADF' });
  }),
);
