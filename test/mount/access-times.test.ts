/** Which times change by reading, and which do not: as with the kernel's ext4, for whatever the page cache does not answer. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/command.js';
import { debugfs, e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs, fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { assertSame } from '../support/side-by-side.js';

t.setTimeout(300_000);
const skip = cannotMount() || missing('python3', 'mke2fs', 'e2fsck', 'debugfs', 'chattr');

/** Reads that reach the filesystem: directly, and of what has left the page cache. */
const PRELUDE = `
import mmap
page = mmap.mmap(-1, 4096)
def direct(path, flags=0):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT | flags); os.preadv(fd, [page], 0); os.close(fd)
def cached_pages(fd):
    "by cachestat(2); 0 where the kernel does not know it"
    found = ctypes.create_string_buffer(40)
    return 0 if libc.syscall(451, fd, struct.pack('<QQ', 0, 0), found, 0) else struct.unpack_from('<Q', found)[0]
def drop(fd):
    "a page that someone is not quite done with, after it was written back, is not dropped"
    os.fsync(fd)
    while True:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        if cached_pages(fd) == 0: break
        time.sleep(0.001)
def uncached(path, flags=0):
    fd = os.open(path, os.O_RDONLY | flags); drop(fd); os.pread(fd, 10, 0); os.close(fd)
NOW, HOUR = time.time_ns(), 3600 * 10**9
def made(name):
    write(name, b'x' * 20000); os.mkdir(name + '.d'); os.symlink(name, name + '.l'); write(name + '.d/inside', b'')
    for path in (name, name + '.d', name + '.l'): times(path)
def after(label, path, act): act(path); show(label, times(path))
`;

const RULES = `${PRELUDE}
made('new')
after('direct', 'new', direct); after('again', 'new', direct); after('uncached', 'new', uncached)
after('list', 'new.d', os.listdir); after('readlink', 'new.l', os.readlink)
made('changed')
for moment in range(3):
    # Whole pages: for a part of one that has left the page cache, the client of FUSE reads the rest.
    write('changed', b'y' * 4096); times('changed'); after('after a write', 'changed', uncached)
    os.chmod('changed', 0o600 + moment); times('changed'); after('after chmod', 'changed', direct); after('again', 'changed', direct)
    write('changed.d/n%d' % moment, b''); times('changed.d'); after('after a new name', 'changed.d', os.listdir)
made('later')
os.utime('later', ns=(NOW + HOUR, NOW)); times('later'); after('with a later access time', 'later', direct); after('with a later access time', 'later', uncached)
os.utime('later', ns=(NOW + HOUR, NOW + 2 * HOUR)); times('later'); after('and a later change', 'later', direct)
os.utime('later.d', ns=(NOW + HOUR, NOW)); times('later.d'); after('a directory', 'later.d', os.listdir)
made('flags')
after('O_NOATIME', 'flags', lambda path: direct(path, os.O_NOATIME)); after('O_NOATIME', 'flags', lambda path: uncached(path, os.O_NOATIME))
fd = os.open('flags', os.O_WRONLY); os.pwrite(fd, b'z', 100); os.fsync(fd); times('flags')
drop(fd); os.pwrite(fd, b'z', 5000); os.fsync(fd); os.close(fd); after('part of a page', 'flags', lambda path: None)
made('quiet'); os.system('chattr +A quiet quiet.d'); times('quiet'); times('quiet.d')
# The client asks for the ctime that chattr changed only now.
direct('quiet'); os.listdir('quiet.d'); show('chattr +A', ['a' in times(path) for path in ('quiet', 'quiet.d')])
made('looked'); os.stat('looked.d/inside'); os.access('looked', 4); os.listxattr('looked'); after('looking', 'looked', os.lstat); after('looking', 'looked.d', os.lstat)
`;

const KEPT = `
NOW = time.time_ns()
for name in ('new', 'new.d', 'new.l', 'changed'): show(name, os.lstat(name).st_atime_ns > os.lstat(name).st_ctime_ns)
`;

for (const options of [[], ['noatime'], ['nodiratime'], ['strictatime'], ['strictatime', 'nodiratime'], ['lazytime']]) {
  t.test(options.join() || 'relatime', { skip }, (t) => assertSame(t, { options, program: RULES, afterwards: KEPT }));
}

t.test('an access time is renewed after a day', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'atime');
  const image = await makeImage(directory, { size: 16 << 20 });
  const hoursAgo = (hours: number): string => `@${Math.floor(Date.now() / 1000) - hours * 3600}`;
  await kernelMount(image, ['noatime'], (target) => {
    for (const age of ['20', '30']) {
      writeFileSync(join(target, `file${age}`), 'text');
      mkdirSync(join(target, `directory${age}`));
    }
    return Promise.resolve();
  });
  const names = ['file', 'directory'];
  const setTimes = (age: number): string[] =>
    names.flatMap((name) => [`sif ${name}${age} atime ${hoursAgo(age)}`, ...['mtime', 'ctime'].map((field) => `sif ${name}${age} ${field} ${hoursAgo(50)}`)]);
  await debugfs(image, [...setTimes(20), ...setTimes(30)], true);
  const read = (target: string): Promise<boolean[]> => {
    const began = Date.now() - 3_600_000;
    const renewed = [20, 30].flatMap((age) => {
      readFileSync(join(target, `file${age}`));
      readdirSync(join(target, `directory${age}`));
      return [statSync(join(target, `file${age}`)), statSync(join(target, `directory${age}`))].map(({ atimeMs }) => atimeMs > began);
    });
    return Promise.resolve(renewed);
  };
  t.same(await fuseMount(image, ['ro'], read), [false, false, false, false], 'a read-only mount writes nothing');
  t.same(await fuseMount(image, [], read), [false, false, true, true]);
  t.same(await kernelMount(image, ['noatime'], read), [false, false, true, true], 'on disk');
});

/** In milliseconds. */
const PATIENCE = 60_000;

/** Reads past the page cache, and says whether that changed the access time. */
async function changesByReading(path: string): Promise<boolean> {
  const before = statSync(path).atimeMs;
  await run('python3', ['-c', 'import mmap, os, sys; os.preadv(os.open(sys.argv[1], os.O_RDONLY | os.O_DIRECT), [mmap.mmap(-1, 4096)], 0)', path]);
  return statSync(path).atimeMs !== before;
}

t.test('a remount changes what is kept', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'remount'), { size: 16 << 20 });
  await fuseMount(image, ['strictatime'], async (target) => {
    const path = join(target, 'file');
    writeFileSync(path, 'text'.repeat(2000));
    const remounted = async (options: string): Promise<boolean> => {
      await run(process.execPath, [fuse4fs, image, target, '-o', `remount,${options}`]);
      // The server hears of it in a thread that passes it on: a request later it has.
      const deadline = performance.now() + PATIENCE;
      while (performance.now() < deadline && (await changesByReading(path)) !== (options === 'strictatime' || options === 'rw,strictatime')) continue;
      return changesByReading(path);
    };
    t.equal(await changesByReading(path), true, 'strictatime');
    t.equal(await remounted('noatime'), false, 'noatime');
    t.equal(await remounted('strictatime'), true, 'strictatime');
    t.equal(await remounted('relatime'), false, 'relatime');
    t.equal(await remounted('strictatime'), true, 'strictatime');
    t.equal(await remounted('ro,strictatime'), false, 'read-only');
    t.throws(() => writeFileSync(path, 'other'), { code: 'EROFS' });
    t.equal(await remounted('rw,strictatime'), true, 'writable again');
    writeFileSync(path, 'other');
  });
  t.equal(await e2fsckComplaints(image), undefined);
});
