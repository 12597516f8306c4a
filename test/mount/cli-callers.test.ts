/** Who calls us: mount(8), and users without rights. Both in a mount namespace that can be arranged for it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { installedFile } from '../../helper/mount/server-root.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { run, Workbench } from '../support/helper-workbench.js';
import { inOwnMountNamespace } from '../support/namespace.js';

t.setTimeout(120_000);
const NOBODY = 65534;
const hasFusermount = existsSync('/usr/bin/fusermount3');
const overlays = mountsImpossible === false && spawnSync('sh', ['-c', 'grep -qw overlay /proc/filesystems || modprobe overlay']).status === 0;

function workbench(t: { teardown(act: () => void): void }): Workbench {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  return bench;
}

function ext4Image(bench: Workbench): string {
  const image = bench.image('disk.img', 16 << 20);
  const content = join(bench.directory, 'content');
  mkdirSync(content);
  writeFileSync(join(content, 'file'), 'hello');
  run('mke2fs', '-qF', '-t', 'ext4', '-d', content, image);
  return image;
}

/** Runs a script in a mount namespace of its own, and returns all that it said. */
function inNamespace(script: string, variables: Record<string, string>): { status: number | null; said: string } {
  const { status, stdout } = spawnSync(...inOwnMountNamespace('sh', '-eu', '-c', `exec 2>&1; ${script}`), {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', NODE: process.execPath, ...variables },
  });
  return { status, said: stdout };
}

t.test('mount(8)', { skip: mountsImpossible || (!overlays && 'needs overlayfs to put mount.fuse4fs into /usr/sbin') }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  const { status, said } = inNamespace(
    `
    mkdir $B/layers; mount -t tmpfs tmpfs $B/layers; mkdir $B/layers/upper $B/layers/work
    mount -t overlay -o lowerdir=/usr/sbin,upperdir=$B/layers/upper,workdir=$B/layers/work overlay /usr/sbin
    printf '#!/bin/sh\\nexec %s %s "$@"\\n' $NODE $CLI/mount.fuse4fs.cjs > /usr/sbin/mount.fuse4fs
    printf '#!/bin/sh\\nexec %s %s "$@"\\n' $NODE $CLI/umount.fuse4fs.cjs > /usr/sbin/umount.fuse4fs
    chmod 755 /usr/sbin/*mount.fuse4fs
    echo "$IMAGE $TARGET fuse4fs defaults,ro,noauto,nofail,users,suid,x-systemd.automount,comment=a,uhelper=fuse4fs 0 0" > $B/fstab
    mount --bind $B/fstab /etc/fstab

    mount -t fuse4fs -o ro,noatime,nofail,X-mount.mkdir $IMAGE $TARGET/../made
    echo "1: $(findmnt -no FSTYPE,OPTIONS $B/made)"; cat $B/made/file; echo
    umount $B/made

    mount $TARGET
    echo "2: $(findmnt -no FSTYPE,OPTIONS $TARGET)"
    mount $TARGET || echo "3: status $?"
    umount $TARGET
    mount -t fuse4fs -o bogus $IMAGE $TARGET || echo "4: status $?"
    mount -t fuse4fs -o ro $IMAGE.not $TARGET || echo "5: status $?"
    mount -f -t fuse4fs -o ro $IMAGE $TARGET; findmnt $TARGET || echo "6: not mounted"
    mount -s -t fuse4fs -o ro,bogus $IMAGE $TARGET; echo "7: $(findmnt -no FSTYPE $TARGET)"
    mount -o remount,noexec $TARGET; echo "8: $(findmnt -no OPTIONS $TARGET)"
    mount -o remount,rw $TARGET || echo "9: status $?"
    umount $TARGET
    `,
    { B: bench.directory, IMAGE: image, TARGET: bench.target, CLI: installedFile('dist/cli') },
  );
  t.equal(status, 0, said);
  t.match(said, /1: fuse\.fuse4fs ro,noatime/);
  t.match(said, /^hello$/m);
  t.match(said, /2: fuse\.fuse4fs ro,nodev,noexec,relatime/, 'users without suid');
  t.match(said, /mount\.fuse4fs: .*already mounted[^]*3: status 32/);
  t.match(said, /mount\.fuse4fs: .*unknown option 'bogus'[^]*4: status 1/);
  t.match(said, /special device .*\.not does not exist[^]*5: status 32/);
  t.match(said, /6: not mounted/);
  t.match(said, /7: fuse\.fuse4fs/);
  t.match(said, /8: ro,.*noexec/);
  t.match(said, /open for reading only[^]*9: status 32/);
});

t.test('a user, through fusermount3', { skip: mountsImpossible || (!hasFusermount && 'needs fusermount3') }, async (t) => {
  const bench = workbench(t);
  const image = ext4Image(bench);
  chmodSync(bench.directory, 0o755);
  for (const path of [image, bench.target]) chownSync(path, NOBODY, NOBODY);
  const runtime = join(bench.directory, 'runtime');
  mkdirSync(runtime);
  chownSync(runtime, NOBODY, NOBODY);
  const { status, said } = inNamespace(
    `
    mkdir $B/dev; mount -t tmpfs tmpfs $B/dev; mknod -m 666 $B/dev/fuse c 10 229; mount --bind $B/dev/fuse /dev/fuse
    user() { setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups env XDG_RUNTIME_DIR=$B/runtime "$@"; }
    f() { user $NODE $CLI/fuse4fs.cjs "$@"; }

    f $IMAGE $TARGET -o ro; echo "1: $(findmnt -no FSTYPE,SOURCE,OPTIONS $TARGET)"
    user cat $TARGET/file; echo
    cat $TARGET/file || echo "2: not even root may look"
    f status
    f $IMAGE $TARGET || echo "3: status $?"
    f umount -v $TARGET
    ls -A $B/runtime/fuse4fs/mounts | sed 's/^/left: /'
    f $IMAGE $TARGET -o allow_other || echo "4: status $?"
    f $IMAGE /root || echo "5: status $?"
    f /root/x $TARGET || echo "6: status $?"
    findmnt $TARGET || echo "7: nothing is mounted"
    `,
    { B: bench.directory, IMAGE: image, TARGET: bench.target, CLI: installedFile('dist/cli') },
  );
  t.equal(status, 0, said);
  t.match(said, new RegExp(`1: fuse\\.fuse4fs ${image} ro,nosuid,nodev,relatime,user_id=${NOBODY},group_id=${NOBODY}`));
  t.match(said, /^hello$/m);
  t.match(said, /2: not even root may look/);
  t.match(said, /server {5}process \d+, \d+ MiB/);
  t.match(said, /already mounted on[^]*3: status 32/);
  t.match(said, `${bench.target} unmounted.`);
  t.notMatch(said, /left: /);
  t.match(said, /allow_other only allowed if 'user_allow_other'[^]*4: status 1/);
  t.match(said, /5: status 1/);
  t.match(said, /6: status 32/);
  t.match(said, /7: nothing is mounted/);
});
