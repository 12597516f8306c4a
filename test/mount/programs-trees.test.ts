// time limit: 1800 s
/** Programs that make large trees, on a mount of ours. FUSE4FS_TEST_SIZE=full: with more files. */
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run, type Output } from '../support/command.js';
import { makeImage, mebibyte } from '../support/image.js';
import { judged } from '../support/judge.js';
import { cannotMount, isFullSize, missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { Random } from '../support/random.js';
import { scratchDirectory } from '../support/scratch.js';

t.setTimeout(1_800_000);
const skip = cannotMount() || missing('mke2fs', 'e2fsck');

/** Neither root nor anyone else on the machine. */
const SOMEONE = { uid: 54_321, gid: 54_321 };

async function workplace(t: Test, size = 1024): Promise<{ directory: string; image: string }> {
  const directory = scratchDirectory(t, 'trees');
  chmodSync(directory, 0o755);
  return { directory, image: await makeImage(directory, { size: size * mebibyte, arguments: ['-N', '120000'] }) };
}

const ownedDirectory = (path: string, { uid, gid }: typeof SOMEONE): string => {
  mkdirSync(path);
  chownSync(path, uid, gid);
  return path;
};

t.test('git clone, fsck, checkout and gc, by someone who is not root', { skip: skip || missing('git') }, async (t) => {
  const { directory, image } = await workplace(t);
  const home = ownedDirectory(join(directory, 'home'), SOMEONE);
  writeFileSync(join(home, '.gitconfig'), '[user]\nname = Test\nemail = test@example.org\n[safe]\ndirectory = *\n[protocol "file"]\nallow = always\n');
  const git = (...args: string[]): Promise<Buffer> => run('git', args, { ...SOMEONE, env: { HOME: home } });
  const origin = join(home, 'origin');
  const commit = async (message: string): Promise<void> => {
    await git('-C', origin, 'add', '--all', '--force');
    await git('-C', origin, 'commit', '-q', '-m', message);
  };
  await git('init', '-q', '-b', 'main', origin);
  const packages = ['@types', 'zod', 'eslint', '@typescript-eslint', 'protobufjs'];
  for (const name of packages.slice(0, 2)) cpSync(join(projectRoot, 'node_modules', name), join(origin, name), { recursive: true });
  await commit('first');
  for (const name of packages.slice(2)) cpSync(join(projectRoot, 'node_modules', name), join(origin, name), { recursive: true });
  await git('-C', origin, 'mv', 'zod', 'moved');
  await commit('second');

  await judged(t, image, async (target) => {
    const work = ownedDirectory(join(target, 'someone'), SOMEONE);
    const clone = join(work, 'clone');
    await git('clone', '-q', '--no-local', origin, clone);
    t.comment(`${(await git('-C', clone, 'ls-files')).toString().split('\n').length} files`);
    await git('-C', clone, 'fsck', '--full', '--strict');
    await git('-C', clone, 'checkout', '-q', 'HEAD~1');
    await git('-C', clone, 'checkout', '-q', 'main');
    await git('-C', clone, 'gc', '-q', '--prune=now');
    await git('-C', clone, 'fsck', '--full', '--strict');
    t.equal((await git('-C', clone, 'status', '--porcelain')).toString(), '', 'nothing is modified');
    await git('clone', '-q', clone, join(work, 'with-hard-links'));
    await run('diff', ['-r', '--no-dereference', '--exclude=.git', origin, join(work, 'with-hard-links')]);
    t.pass('a clone of the clone is the origin');
  });
});

t.test('npm ci of this project', { skip }, async (t) => {
  const { directory, image } = await workplace(t);
  const install = async (where: string, network: '--offline' | '--prefer-offline'): Promise<Output> => {
    mkdirSync(where, { recursive: true });
    for (const name of ['package.json', 'package-lock.json']) cpSync(join(projectRoot, name), join(where, name));
    return attempt('npm', ['ci', network, '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: where });
  };
  await judged(t, image, async (target) => {
    const where = join(target, 'project');
    let { status, stderr } = await install(where, '--offline');
    // The registry is asked only for what npm's cache lacks, and outside of the mount: what the network does is not what is tested.
    if (status !== 0 && stderr.includes('ENOTCACHED')) {
      if ((await install(join(directory, 'project'), '--prefer-offline')).status !== 0) {
        t.pass('npm ci', { skip: 'npm ci fails outside the mount, too' });
        return;
      }
      ({ status, stderr } = await install(where, '--offline'));
    }
    t.equal(status, 0, stderr);
    t.match((await run(process.execPath, [join(where, 'node_modules', 'typescript', 'bin', 'tsc'), '--version'])).toString(), /^Version /);
    const { dependencies } = JSON.parse(readFileSync(join(where, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
    for (const name of Object.keys(dependencies)) t.ok(existsSync(join(where, 'node_modules', name, 'package.json')), name);
    await run('npm', ['ls', '--all'], { cwd: where });
  });
});

const SMALL_FILES = isFullSize ? 50_000 : 10_000;

t.test(`tar of ${SMALL_FILES} small files`, { skip: skip || missing('tar') }, async (t) => {
  const { directory, image } = await workplace(t);
  const random = new Random(1);
  const origin = join(directory, 'origin');
  for (let file = 0; file < SMALL_FILES; file++) {
    const inDirectory = join(origin, `directory-${Math.floor(file / 500)}`);
    if (file % 500 === 0) mkdirSync(inDirectory, { recursive: true });
    writeFileSync(join(inDirectory, `file-${file}`), `${file}\n`.repeat(random.below(800)));
  }
  const archive = join(directory, 'archive.tar');
  await run('tar', ['-C', origin, '-cf', archive, '.']);
  await judged(t, image, async (target) => {
    await run('tar', ['-C', target, '-xf', archive]);
    await run('tar', ['-C', target, '--compare', '-f', archive]);
    t.pass('tar finds no difference');
  });
});

t.test('rsync, and a second time', { skip: skip || missing('rsync') }, async (t) => {
  const { image } = await workplace(t);
  const packages = join(projectRoot, 'node_modules');
  const sources = isFullSize ? [`${packages}/`] : ['typescript', '@types', 'zod', '@typescript-eslint', '.bin'].map((name) => join(packages, name));
  const transferred = async (...args: string[]): Promise<number> => {
    const statistics = (await run('rsync', ['-aHAX', '--stats', ...args])).toString();
    return Number(/^Number of regular files transferred: ([\d,]+)$/m.exec(statistics)?.[1]?.replaceAll(',', ''));
  };
  await judged(t, image, async (target) => {
    const there = join(target, 'copy');
    const files = await transferred(...sources, there);
    t.ok(files > 1000, `${files} files`);
    t.equal(await transferred(...sources, there), 0, 'the second time none');
    t.equal((await run('rsync', ['-aHAXc', '--dry-run', '--itemize-changes', ...sources, there])).toString(), '', 'nor is there any difference in contents');
  });
});

t.test('cp -a, diff -r and rm -r', { skip: skip || missing('cp', 'diff') }, async (t) => {
  const { image } = await workplace(t, 2048);
  const sources = ['/usr/include', ...(isFullSize ? ['/usr/share/doc', '/usr/share/man', '/usr/share/locale', '/usr/share/perl'] : [])].filter((path) => existsSync(path));
  await judged(t, image, async (target) => {
    for (const [index, source] of sources.entries()) {
      const [first, second] = [join(target, `first-${index}`), join(target, `second-${index}`)];
      await run('cp', ['-a', source, first]);
      await run('cp', ['-a', first, second]);
      await run('rm', ['-r', first]);
      await run('diff', ['-r', '--no-dereference', source, second]);
      t.pass(`${source} and the copy of its copy are the same`);
    }
  });
});
