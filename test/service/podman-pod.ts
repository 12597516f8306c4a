/** deploy/podman: the pod that `podman kube play` runs, with the helper outside. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Output } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { fuse4fs } from '../support/mount.js';
import { projectRoot } from '../support/native.js';
import { NO_SERVER, type Podman } from '../support/podman.js';

export async function playPod(t: Test, podman: Podman, scratch: string): Promise<void> {
  const directory = join(scratch, 'played');
  mkdirSync(directory);
  const image = await makeImage(directory, { size: 32 * mebibyte, arguments: ['-E', 'root_owner=65534:65534'] }, 'disk');
  const [socket, volume] = [join(podman.shared, 'disk-socket'), join(podman.shared, 'disk')];
  const target = join(volume, 'mount');
  await podman.run('sh', '-euc', 'mkdir -p "$1" "$2" && chown 65534:65534 "$1"', 'make', socket, target);
  const manifest = join(podman.shared, 'pod.yaml');
  const text = readFileSync(join(projectRoot, 'deploy/podman/pod.yaml'), 'utf8').replaceAll('path: /run/fuse4fs-disk,', `path: ${socket},`).replaceAll('path: /srv/disk,', `path: ${volume},`);
  await podman.run('sh', '-euc', 'printf %s "$1" > "$2"', 'write', text, manifest);
  await podman.podman('tag', 'base', 'localhost/application');
  const mount = (): Promise<string> => podman.run(process.execPath, fuse4fs, image, target, '-o', `server=${join(socket, 'server.sock')},nosuid,nodev`);
  const inApplication = (script: string): Promise<Output> => podman.tryPodman('exec', 'disk-application', 'sh', '-euc', script);

  await podman.podman('kube', 'play', '--network=none', manifest);
  await mount();
  t.equal((await inApplication('echo one > /data/mount/kept; sync /data/mount/kept; cat /data/mount/kept')).stdout.toString(), 'one\n', 'the application writes and reads');
  const server = async (): Promise<string> => (await podman.podman('inspect', '--format={{.State.Pid}}', 'disk-server')).trim();
  await podman.run('kill', '-KILL', await server());
  t.match((await inApplication('cat /data/mount/kept')).stderr, NO_SERVER, 'the server is killed: an error, and nothing hangs');
  await podman.run('umount', '--lazy', target);
  await mount();
  t.equal((await inApplication('cat /data/mount/kept')).stdout.toString(), 'one\n', 'podman starts another by itself, which takes the next mount');
  const second = await server();
  await podman.run(process.execPath, fuse4fs, 'umount', target);
  // podman cannot take a pod down while it starts one of its containers anew.
  while ([second, '0'].includes(await server()));
  await podman.podman('kube', 'down', manifest);
  t.equal((await podman.podman('pod', 'ps', '--quiet')).trim(), '', 'the pod is gone');
  t.equal(await e2fsckComplaints(image), undefined, 'the image is clean');
}
