// time limit: 300 s
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { mountByLoop, unmountLoop } from '../support/loop-mount.js';
import { debugfs, NOT_UTF8, TreeAndImage } from './library-image.js';

const sample = new TreeAndImage();
t.teardown(() => sample.remove());

const cli = fileURLToPath(new URL('../../cli/fuse4fs.cjs', import.meta.url));
const isRoot = process.getuid?.() === 0;

interface Outcome {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function inspect(...args: string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'inspect', ...args], { maxBuffer: 1 << 26 });
  return { status, stdout, stderr: stderr.toString() };
}

const inspectJson = (...args: string[]): { result: unknown; error: unknown; warnings: string[] } => {
  const { stdout } = inspect(...args, '--json');
  return JSON.parse(stdout.toString()) as { result: unknown; error: unknown; warnings: string[] };
};

t.test('cat gives the bytes of the file', async (t) => {
  const { status, stdout, stderr } = inspect(sample.image, 'cat', '/deep/er/est/data');
  t.equal(status, 0);
  t.equal(stderr, '');
  t.ok(stdout.equals(readFileSync(sample.outside('deep/er/est/data'))));
  t.match(inspectJson(sample.image, 'cat', '/etc/hostname').result, { encoding: 'utf8', data: 'box\n', size: 4 });
});

t.test('ls lists as ls -lA does', async (t) => {
  const mine = inspect(sample.image, 'ls', '/deep').stdout.toString().trim().split('\n');
  const reference = execFileSync('ls', ['-lAn', '--time-style=+%F %T', sample.outside('deep')], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
  // The first line is the total; sizes of directories are the filesystem's own affair.
  const withoutSizes = (line: string): string => line.replace(/^(\S+)\s+(\d+)\s+(\d+)\s+(\d+)\s+\d+/, '$1 $2 $3 $4');
  t.same(mine.map(withoutSizes), reference.trim().split('\n').slice(1).map(withoutSizes));
  t.match(inspectJson(sample.image, 'ls', '/deep').result, [{ name: 'absolute', type: 'symbolic link', target: '/etc' }, {}, {}, {}]);
});

t.test('names cannot drive a terminal', async (t) => {
  const { stdout } = inspect(sample.image, 'ls', '/');
  t.match(stdout.toString(), /f\\377\\376\n/, 'bytes that are not UTF-8');
  const { result } = inspectJson(sample.image, 'ls', '/') as { result: { nameBase64?: string }[] };
  t.ok(result.some(({ nameBase64 }) => nameBase64 === NOT_UTF8.toString('base64')), 'exact in JSON');

  const image = join(sample.directory, 'escapes');
  sample.makeImage(image);
  debugfs(image, 'ln etc/hostname \u001b[31mred');
  for (const what of ['ls', 'tree']) {
    const output = inspect(image, what, '/').stdout.toString();
    t.notOk(output.includes('\u001b'), what);
    t.ok(output.includes('\\033[31mred'));
  }
});

t.test('super agrees with dumpe2fs', async (t) => {
  const fields = (text: string): Map<string, string> => new Map(Array.from(text.matchAll(/^([^:\n]+):[ \t]*(.*)$/gm), ([, name = '', value = '']) => [name, value.trim()]));
  const mine = fields(inspect(sample.image, 'super').stdout.toString());
  const reference = fields(execFileSync('dumpe2fs', ['-h', sample.image], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  const exact = [
    ...['Filesystem volume name', 'Filesystem UUID', 'Filesystem state', 'Filesystem OS type', 'Inode count', 'Block count', 'Reserved block count'],
    ...['Free blocks', 'Free inodes', 'First block', 'Block size', 'Group descriptor size', 'Reserved GDT blocks', 'Blocks per group', 'Inodes per group'],
    ...['Flex block group size', 'First inode', 'Inode size', 'Journal inode', 'Default directory hash', 'Directory Hash Seed', 'Mount count', 'Maximum mount count'],
  ];
  for (const name of exact) t.equal(mine.get(name), reference.get(name)?.replace(/^(half_md4|Linux).*/, '$1'), name);
});

t.test('stat tells attributes and times', async (t) => {
  const image = join(sample.directory, 'attributes');
  sample.makeImage(image);
  debugfs(image, 'ea_set etc/hostname user.comment hello');
  debugfs(image, 'set_inode_field etc/hostname mtime 20010203040506');
  const { stdout } = inspect(image, 'stat', '/etc/hostname');
  t.match(stdout.toString(), /Attr: user\.comment = "hello"/);
  t.match(stdout.toString(), /Modify: 2001-02-03 04:05:06\.000000000 UTC/);
  t.match(inspectJson(image, 'stat', '/etc/hostname').result, { modified: '2001-02-03T04:05:06.000000000Z', xattrsBase64: { 'user.comment': 'aGVsbG8=' } });
});

t.test('extents are where the kernel says', { skip: isRoot ? false : 'mounting needs root' }, async (t) => {
  for (const kind of ['ext4', 'ext2']) {
    const image = join(sample.directory, `extents-${kind}`);
    const mountPoint = join(sample.directory, `mount-${kind}`);
    mkdirSync(mountPoint);
    sample.makeImage(image, '-b', '4096', '-O', kind === 'ext4' ? 'extents' : '^extents,^has_journal,^64bit');
    mountByLoop(image, mountPoint, []);
    let reference: string;
    try {
      writeFileSync(join(mountPoint, 'sparse'), '');
      for (const [offset, length] of [[0, 5000], [40_000, 9000], [300_000, 20_000], [6_000_000, 10]] as const) {
        const fd = openSync(join(mountPoint, 'sparse'), 'r+');
        execFileSync('dd', ['status=none', 'if=/dev/urandom', `of=${join(mountPoint, 'sparse')}`, 'bs=1', 'conv=notrunc,fsync', `seek=${offset}`, `count=${length}`]);
        closeSync(fd);
      }
      if (kind === 'ext4') execFileSync('fallocate', ['-o', '8000000', '-l', '100000', '--keep-size', join(mountPoint, 'sparse')]);
      execFileSync('sync', ['-f', mountPoint]);
      reference = execFileSync('filefrag', ['-v', join(mountPoint, 'sparse')], { encoding: 'utf8' });
    } finally {
      unmountLoop(image, mountPoint);
    }
    const rows = Array.from(reference.matchAll(/^ +\d+: +(\d+)\.\. *(\d+): +(\d+)\.\. *(\d+): +(\d+):(?: +\d+:)? *(\S*)$/gm), ([, logical, , physical, , length, flags = '']) => ({
      logical: Number(logical) * 4096,
      physical: Number(physical) * 4096,
      length: Number(length) * 4096,
      flags: flags.split(',').filter((flag) => flag !== '' && flag !== 'eof').sort(),
    }));
    const { result } = inspectJson(image, 'extents', '/sparse') as { result: { extents: { flags: string[] }[] } };
    t.ok(rows.length >= 4, reference);
    t.same(result.extents.map((extent) => ({ ...extent, flags: extent.flags.toSorted() })), rows, kind);
  }
});

t.test('tree goes on where a directory is damaged', async (t) => {
  const image = join(sample.directory, 'damaged');
  sample.makeImage(image, '-O', '^metadata_csum');
  debugfs(image, 'clri deep/er/est/data');
  const { status, stdout, stderr } = inspect(image, 'tree', '/');
  t.equal(status, 32);
  t.match(stdout.toString(), /hostname/);
  t.match(stderr, /^fuse4fs: warning: \/deep\/er\/est\/data: /m);
  const { warnings, result } = inspectJson(image, 'tree', '/');
  t.equal(warnings.length, 1);
  t.ok(Array.isArray(result) && result.length > 2000);
});

t.test('errors name what was wrong', async (t) => {
  const text = join(sample.directory, 'text');
  writeFileSync(text, 'x'.repeat(5000));
  const cases: [string[], number, RegExp][] = [
    [[sample.image, 'cat', '/etc/nowhere'], 32, /^fuse4fs: \/etc\/nowhere: no such file or directory/],
    [[text, 'ls'], 32, /no ext2, ext3 or ext4 superblock/],
    [[join(sample.directory, 'missing'), 'ls'], 32, /no such file or directory/],
    [[sample.image, 'dance'], 1, /Allowed choices are ls, cat/],
    [[sample.image, 'ls', '/', '-o', 'compress'], 1, /option 'compress' is not known here/],
    [[sample.image, 'ls', '/', '-o', 'offset=far'], 1, /offset=BYTES.*expected a number of bytes/],
  ];
  for (const [args, status, message] of cases) {
    const outcome = inspect(...args);
    t.equal(outcome.status, status, args.slice(1).join(' '));
    t.match(outcome.stderr, message);
    t.notMatch(outcome.stderr, / at .*\.js/, 'no stack');
  }
  t.match(inspectJson(sample.image, 'cat', '/etc/nowhere').error, { code: 'ENOENT', exitStatus: 32 });
});

t.test('sources: a descriptor, a part of a file', async (t) => {
  const fd = openSync(sample.image, 'r');
  const { stdout } = spawnSync(process.execPath, [cli, 'inspect', 'fd:3', 'cat', '/etc/hostname'], { stdio: ['ignore', 'pipe', 'inherit', fd] });
  closeSync(fd);
  t.equal(stdout.toString(), 'box\n');

  const larger = join(sample.directory, 'larger');
  writeFileSync(larger, Buffer.concat([Buffer.alloc(1 << 20, 0xee), readFileSync(sample.image)]));
  t.equal(inspect(larger, 'cat', '/etc/hostname', '-o', 'offset=1M,sizelimit=16M').stdout.toString(), 'box\n');
});

t.test('needs no root', { skip: isRoot ? false : 'is no root' }, async (t) => {
  for (const path of [sample.directory, sample.image]) chmodSync(path, 0o755);
  const args = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', process.execPath, cli, 'inspect', sample.image, 'cat', '/etc/hostname'];
  const { stdout, stderr } = spawnSync('setpriv', args);
  t.equal(stdout.toString(), 'box\n', stderr.toString());
});

t.test('a reader that leaves early is no failure', async (t) => {
  const script = `${process.execPath} ${cli} inspect ${sample.image} tree / | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script]);
  t.equal(stdout.toString(), '/\n0\n');
  t.equal(stderr.toString(), '');
});
