/** A directory that a user without rights mounts: the server is that user, and the kernel shows it to nobody else. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, type Output } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { until } from '../support/until.js';

/** fusermount3 wants somebody with a name. */
const DAEMON = 1;
const NOBODY = 65_534;
const skip = cannotMount() || missing('fusermount3') || missing('setpriv');

interface Home {
  readonly tree: string;
  readonly target: string;
  readonly as: (uid: number, ...words: readonly string[]) => Promise<Output>;
  readonly fuse4fs: (...words: readonly string[]) => Promise<Output>;
}

function home(t: Test): Home {
  const directory = scratchDirectory(t, 'tree-user');
  chmodSync(directory, 0o755);
  const [tree, target, runtime] = ['tree', 'mnt', 'run'].map((name) => join(directory, name)) as [string, string, string];
  for (const path of [tree, target, runtime]) {
    mkdirSync(path);
    chownSync(path, DAEMON, DAEMON);
  }
  const as: Home['as'] = (uid, ...words) =>
    attempt('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', 'FUSE4FS_HELPER=', `XDG_RUNTIME_DIR=${runtime}`, ...words]);
  t.teardown(() => spawnSync('umount', ['-l', target]));
  return { tree, target, as, fuse4fs: (...words) => as(DAEMON, process.execPath, fuse4fs, ...words) };
}

t.test('a user mounts a directory', { skip }, async (t) => {
  const { tree, target, as, fuse4fs } = home(t);
  writeFileSync(join(tree, 'roots'), 'secret', { mode: 0o600 });
  writeFileSync(join(tree, 'shared'), 'of root', { mode: 0o644 });
  const mounted = await fuse4fs('-t', 'passthrough', tree, target, '--json');
  t.equal(mounted.status, 0, mounted.stderr + mounted.stdout.toString());
  const line = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').find((each) => each.includes(` ${target} `)) ?? '';
  for (const option of ['nosuid', 'nodev', `user_id=${DAEMON}`, 'default_permissions']) t.match(line, option);
  t.notMatch(line, 'allow_other');

  const script = [
    'echo one >file && cat file', 'mkdir -p made/deep && mv file made/', 'ln made/file linked && rm made/file', 'ln -s linked link && cat link',
    'mkfifo pipe', 'chmod 640 linked && stat -c %a linked', 'truncate -s 10 linked && stat -c %s linked', 'cat shared',
  ].join(' && ');
  const used = await as(DAEMON, 'sh', '-ec', `cd "$0" && ${script}`, target);
  t.equal(used.status, 0, used.stderr);
  t.equal(used.stdout.toString(), 'one\none\n640\n10\nof root');
  t.equal(statSync(join(tree, 'linked')).uid, DAEMON, 'it is the user’s');
  t.equal((await as(DAEMON, 'stat', '-c', '%u', join(target, 'shared'))).stdout.toString().trim(), String(NOBODY), 'whoever else has a file is nobody');
  for (const [what, ...words] of [
    ['what is somebody else’s', 'cat', join(target, 'roots')],
    ['to give something away', 'chown', '0', join(target, 'linked')],
    ['to make a device', 'mknod', join(target, 'null'), 'c', '1', '3'],
    ['to change what is somebody else’s', 'chmod', '777', join(target, 'shared')],
  ] as const) t.not((await as(DAEMON, ...words)).status, 0, `no way ${what}`);
  t.not((await as(NOBODY, 'ls', target)).status, 0, 'nobody else may look in');
  t.not(spawnSync('ls', [target]).status, 0, 'root neither');

  const pid = await until('the server says which process it is', async () => {
    const { mounts } = JSON.parse((await fuse4fs('status', '--json')).stdout.toString()) as { mounts: { target: string; pid?: number | null }[] };
    return mounts.find((mount) => mount.target === target)?.pid ?? undefined;
  });
  const facts = new Map(readFileSync(`/proc/${pid}/status`, 'utf8').split('\n').map((each) => each.split(':\t') as [string, string]));
  t.match(facts.get('Uid'), /^1\t1\t1\t1$/u, 'the server is the user');
  t.match(facts.get('CapEff'), /^0+$/u);
  t.match(facts.get('CapBnd'), /^0+$/u);
  t.equal(facts.get('Seccomp'), '2');
  t.equal(facts.get('NoNewPrivs'), '1');
  const seen = readdirSync(`/proc/${pid}/root`);
  t.strictSame(['etc', 'home', 'root', 'tmp', 'var', '.outside'].filter((name) => seen.includes(name)), [], 'it sees nothing of the machine');

  const unmounted = await fuse4fs('umount', '--json', target);
  t.equal(unmounted.status, 0, unmounted.stderr);
  t.match(JSON.parse(unmounted.stdout.toString()), { result: { serverEnded: true } });
});

t.test('under a policy of the user’s own, and read-only', { skip }, async (t) => {
  const { tree, target, as, fuse4fs } = home(t);
  for (const name of ['key', 'file']) writeFileSync(join(tree, name), name, { mode: 0o644 });
  const policy = join(tree, 'policy.json');
  writeFileSync(policy, '{ "rules": [{ "path": "/key", "hide": true }] }', { mode: 0o644 });
  const mounted = await fuse4fs('-t', 'passthrough', tree, target, '-o', `ro,policy=${policy}`);
  t.equal(mounted.status, 0, mounted.stderr);
  t.equal((await as(DAEMON, 'ls', target)).stdout.toString(), 'file\npolicy.json\n');
  t.match((await as(DAEMON, 'touch', join(target, 'new'))).stderr, /Read-only/u);
  t.equal((await fuse4fs('umount', target)).status, 0);
});

t.test('what a user cannot have', { skip }, async (t) => {
  const { tree, target, fuse4fs } = home(t);
  const others = await fuse4fs('-t', 'passthrough', tree, target, '-o', 'allow_other');
  t.equal(others.status, 1);
  t.match(others.stderr, /allow_other/u);
  const secret = join(tree, 'secret');
  mkdirSync(join(secret, 'inside'), { recursive: true });
  chmodSync(secret, 0o700);
  t.not((await fuse4fs('-t', 'passthrough', join(secret, 'inside'), target)).status, 0, 'what he cannot reach');
  t.notMatch(readFileSync('/proc/self/mountinfo', 'utf8'), ` ${target} `);
});
