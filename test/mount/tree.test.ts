// time limit: 600 s
/** A tree of 50,000 files through real programs, beside the kernel's mount of the same image. */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../support/command.js';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { requestsOf } from '../support/server.js';

t.setTimeout(600_000);
const skip = cannotMount() || missing('mke2fs', 'git', 'tar', 'diff');
const FILES = 50_000;
const FILES_IN_DIRECTORY = 250;

/** A history of two commits for git fast-import: one with everything, one that changes a little. */
function* history(): Generator<string> {
  const author = 'Test <test@example.org> 1700000000 +0000';
  yield `commit refs/heads/main\nauthor ${author}\ncommitter ${author}\ndata 5\nfirst\n`;
  for (let file = 0; file < FILES; file++) {
    const text = `file ${file}\n`.repeat(1 + (file % 40));
    yield `M 100${file % 10 === 0 ? 755 : 644} inline directory-${Math.floor(file / FILES_IN_DIRECTORY)}/file-${file}\ndata ${text.length}\n${text}\n`;
  }
  yield `M 120000 inline link\ndata 18\ndirectory-0/file-0\n`;
  yield `commit refs/heads/main\nauthor ${author}\ncommitter ${author}\ndata 6\nsecond\nM 100644 inline directory-0/file-1\ndata 8\nchanged\n\n`;
}

async function makeRepository(directory: string): Promise<void> {
  await run('git', ['init', '-q', '-b', 'main', directory]);
  await run('git', ['-C', directory, 'fast-import', '--quiet'], { input: [...history()].join('') });
  await run('git', ['-C', directory, 'reset', '-q', '--hard']);
}

/** SHA-256 of an archive of the tree, in the order that the directory lists it. */
function archiveDigest(directory: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const tar = spawn('tar', ['-C', directory, '--sort=name', '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const hash = createHash('sha256');
    tar.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
    tar.on('error', reject);
    tar.on('close', (status) => (status === 0 ? resolve(hash.digest('hex')) : reject(new Error(`tar: status ${String(status)}`))));
  });
}

/**
 * How many requests the server has answered. STATFS does not count: find and du ask what kind of
 * filesystem it is, and the kernel's FUSE keeps no answer (fuse_statfs()).
 */
const requests = async (target: string): Promise<number> =>
  Object.entries(await requestsOf(target)).reduce((sum, [opcode, count]) => sum + (opcode === 'STATFS' ? 0 : count), 0);

/** A part of the tree, so that a round is over before anyone else drops the machine's caches. */
async function readAll(directories: readonly string[]): Promise<void> {
  await run('find', [...directories, '-ls'], { stdio: ['ignore', 'ignore', 'pipe'] });
  await run('du', ['-s', ...directories]);
  await run('find', [...directories, '-type', 'f', '-exec', 'cat', '{}', '+'], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** One undisturbed round is enough. */
const ROUNDS = 10;

async function isReadWithoutRequests(t: Test, target: string): Promise<boolean> {
  const directories = Array.from({ length: 10 }, (_, index) => join(target, 'repository', `directory-1${index}`));
  await readAll(directories);
  let before = await requests(target);
  for (let round = 0; round < ROUNDS; round++) {
    await readAll(directories);
    const after = await requests(target);
    t.comment(`requests of a warm round: ${after - before}`);
    if (after === before) return true;
    before = after;
  }
  return false;
}

t.test('50,000 files, cloned, compared, archived, and read again without a request', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'tree');
  const image = await makeImage(directory, { size: 1024 * mebibyte, arguments: ['-N', '120000'] });
  await kernelMount(image, [], (target) => makeRepository(join(target, 'repository')));

  await kernelMount(image, ['ro'], (kernel) =>
    fuseMount(image, ['ro'], async (ours) => {
      const clone = join(directory, 'clone');
      await run('git', ['-c', 'safe.directory=*', 'clone', '-q', join(ours, 'repository'), clone]);
      await run('diff', ['-r', '--no-dereference', '--exclude=.git', clone, join(kernel, 'repository')]);
      t.pass('a clone from our mount has what the kernel shows');

      await run('diff', ['-r', '--no-dereference', kernel, ours]);
      t.pass('diff -r finds no difference');
      t.equal(await archiveDigest(ours), await archiveDigest(kernel), 'tar makes the same archive');

      t.ok(await isReadWithoutRequests(t, ours), 'what was read before is read again without asking the server');
    }),
  );
});
