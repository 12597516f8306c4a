/** A container of a user without rights: podman unshare mounts through the broker, and podman run sees it. */
import { chownSync, copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { ALICE, TestBroker } from '../support/broker.js';
import { attempt, run } from '../support/command.js';
import { e2fsckComplaints } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { inOwnMountNamespace } from '../support/namespace.js';

const skip = cannotMount() || missing('setpriv') || missing('podman');

/**
 * In memory, all of it. What podman keeps running to hold the namespace is ended by its own command. A mix of cgroup
 * versions, as some machines have it, is more than podman understands.
 */
const SCRIPT = `
umount /sys/fs/cgroup/unified 2>/dev/null || true
user() { setpriv --reuid=$ID --regid=$ID --clear-groups env -i "PATH=$PATH" "HOME=$HOME" "XDG_RUNTIME_DIR=$HOME/run" "FUSE4FS_HELPER=$SOCKET" "$@"; }
podman() { user podman --cgroup-manager=cgroupfs --events-backend=none --log-level=fatal "$@"; }
trap 'podman system migrate' EXIT
podman unshare "$NODE" "$CLI" -v "$IMAGE" "$TARGET"
podman unshare sh -c 'echo outside > "$0/file"' "$TARGET"
podman run --rm --network=none --cgroups=disabled --ulimit=nofile=1024:1024 --ulimit=nproc=1024:1024 --volume "$TARGET:/data" --rootfs "$ROOT" sh -c 'cat /data/file && echo inside > /data/file && ls -ln /data'
podman unshare cat "$TARGET/file"
podman unshare "$NODE" "$CLI" umount -v "$TARGET"
`;

t.test('podman unshare, podman run', { skip }, async (t) => {
  const broker = await TestBroker.start(t);
  const { directory, image, target } = await broker.home(ALICE, 'alice', { extended: ['root_owner=0:0'] });
  const [home, root] = [join(directory, 'home'), join(directory, 'root')];
  await containerFiles(root);
  for (const path of ['', 'run', '.config']) {
    mkdirSync(join(home, path), { recursive: true });
    chownSync(join(home, path), ALICE, ALICE);
  }
  await run('chown', ['-R', `${ALICE}:${ALICE}`, root]);
  const [command, words] = inOwnMountNamespace('sh', '-euc', SCRIPT);
  const env = { ID: String(ALICE), HOME: home, SOCKET: broker.socket, NODE: process.execPath, CLI: fuse4fs, IMAGE: image, TARGET: target, ROOT: root };
  const { status, stdout, stderr } = await attempt(command, words, { env: { ...process.env, ...env } });
  t.equal(status, 0, stderr);
  const said = stdout.toString();
  t.match(said, `${image} mounted on ${target}.\n`);
  t.match(said, /^outside$/mu, 'the container sees it');
  t.match(said, /^-rw-r--r-- +1 0 +0 +7 .* file$/mu, 'and its root owns what root has made');
  t.match(said, /^inside$/mu, 'and what it writes is there');
  t.match(said, `${target} unmounted.\n`);
  t.equal(await e2fsckComplaints(image), undefined);
  t.match(broker.log, new RegExp(`^uid ${ALICE} pid \\d+: mounted ${image} on ${target}`, 'mu'));
});

/** A shell and two programs, with their libraries, and the directories that containers mount on. */
async function containerFiles(root: string): Promise<void> {
  for (const name of ['proc', 'dev', 'sys', 'tmp', 'etc', 'run', 'data']) mkdirSync(join(root, name), { recursive: true });
  const programs = ['/bin/sh', '/bin/cat', '/bin/ls'];
  const libraries = (await run('ldd', programs)).toString().match(/\/\S+\.so\S*(?= \()/gu) ?? [];
  for (const path of new Set([...programs, ...libraries])) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
}
