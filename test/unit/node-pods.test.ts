/** What the helper of a node takes from a pod's volumes, and what it leaves. */
import { chmodSync, mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { accessFor, Pod, podsOf } from '../../helper/node/pod.js';
import { readRequest } from '../../helper/node/request.js';
import { run } from '../support/command.js';
import { scratchDirectory } from '../support/scratch.js';

interface Layout {
  readonly pod: Pod;
  /** A directory of the kubelet's; made if need be. */
  readonly volume: (plugin: string, name: string, ...deeper: string[]) => string;
}

function layout(t: Test): Layout {
  const pods = scratchDirectory(t, 'pods');
  const volume = (plugin: string, ...names: string[]): string => {
    const path = join(pods, 'uid', 'volumes', `kubernetes.io~${plugin}`, ...names);
    mkdirSync(path, { recursive: true });
    return path;
  };
  volume('empty-dir', 'data');
  return { pod: new Pod(pods, 'uid'), volume };
}

t.test('an image is a file in the root of a volume, and the only one of its name', (t) => {
  const { pod, volume } = layout(t);
  const csi = volume('csi', 'pvc-1', 'mount');
  t.throws(() => pod.openImage('disk.img'), /none of the pod's volumes/u);
  writeFileSync(join(csi, 'disk.img'), 'x');
  const image = pod.openImage('disk.img');
  t.equal(image.stats.ino, statSync(join(csi, 'disk.img')).ino);
  image.close();
  writeFileSync(join(volume('nfs', 'pv-2'), 'disk.img'), 'y');
  t.throws(() => pod.openImage('disk.img'), /more than one/u);
  t.end();
});

t.test('neither links nor files of the kubelet, nor anything that is no file, are images', async (t) => {
  const { pod, volume } = layout(t);
  const data = volume('empty-dir', 'data');
  symlinkSync('/etc/passwd', join(data, 'link'));
  mkdirSync(join(data, 'directory'));
  await run('mkfifo', [join(data, 'pipe')]);
  writeFileSync(join(volume('secret', 'token'), 'token'), 'x');
  for (const name of ['link', 'directory', 'pipe', 'token', '..', '../data/x', '']) t.throws(() => pod.openImage(name), /none of the pod's volumes/u, name);
});

t.test('the mount point is a directory in the emptyDir, made if it is not there', (t) => {
  const { pod, volume } = layout(t);
  const target = join(volume('empty-dir', 'data'), 'mount');
  pod.openTarget('data').close();
  t.ok(statSync(target).isDirectory());
  rmSync(target, { recursive: true });
  symlinkSync('/etc', target);
  t.throws(() => pod.openTarget('data'), /no emptyDir data with a directory/u, 'a link to somewhere else is no directory');
  t.throws(() => pod.openTarget('other'), /no emptyDir other/u);
  t.end();
});

t.test('a socket is one, and where it should be', async (t) => {
  const { pod, volume } = layout(t);
  t.equal(pod.openSocket(), undefined);
  const path = join(volume('empty-dir', 'fuse4fs'), 'server.sock');
  writeFileSync(path, '');
  t.equal(pod.openSocket(), undefined, 'a file is none');
  rmSync(path);
  const elsewhere = join(volume('empty-dir', 'data'), 'other.sock');
  const server = createServer().listen(elsewhere);
  t.teardown(() => server.close());
  await once(server, 'listening');
  symlinkSync(elsewhere, path);
  t.equal(pod.openSocket(), undefined, 'a link to one is none: it could be any service of the machine');
  rmSync(path);
  const real = createServer().listen(path);
  t.teardown(() => real.close());
  await once(real, 'listening');
  const socket = pod.openSocket();
  t.ok(socket?.stats.isSocket());
  socket?.close();
});

t.test('a pod gets as far as its server’s user would', (t) => {
  const directory = scratchDirectory(t, 'access');
  const path = join(directory, 'file');
  writeFileSync(path, '');
  const { uid, gid } = statSync(path);
  const access = (mode: number, owner: { uid: number; gid: number }): string | undefined => {
    chmodSync(path, mode);
    return accessFor({ ...statSync(path), ...owner } as never, statSync(path));
  };
  t.equal(access(0o600, { uid, gid }), 'write');
  t.equal(access(0o400, { uid, gid }), 'read');
  t.equal(access(0o077, { uid, gid }), undefined, 'the owner is judged as owner');
  t.equal(access(0o660, { uid: uid + 1, gid }), 'write');
  t.equal(access(0o606, { uid: uid + 1, gid }), undefined);
  t.equal(access(0o640, { uid: uid + 1, gid: gid + 1 }), undefined);
  t.equal(access(0o604, { uid: uid + 1, gid: gid + 1 }), 'read');
  t.end();
});

t.test('requests', (t) => {
  const file = join(scratchDirectory(t, 'request'), 'mount.json');
  const read = (request: unknown): unknown => {
    writeFileSync(file, typeof request === 'string' ? request : JSON.stringify(request));
    return readRequest(file);
  };
  t.same(read({ image: 'disk.img', volume: 'data' }), { image: 'disk.img', volume: 'data', options: [] });
  t.same(read({ image: 'disk.img', volume: 'data', options: 'ro,noatime,offset=1M' }), { image: 'disk.img', volume: 'data', options: ['ro', 'noatime', 'offset=1M'] });
  for (const image of ['../x', '/etc/shadow', '', 'a/b', 'x'.repeat(256)]) t.throws(() => read({ image, volume: 'data' }), /image/u, image);
  for (const volume of ['..', 'a/b', '', 'A']) t.throws(() => read({ image: 'x', volume }), /volume/u, volume);
  for (const options of ['suid', 'dev', 'server=/run/docker.sock', 'journal_path=/dev/sda', 'context=a', 'errors=panic', 'remount', 'fsname=x', '"suid"', ' dev'])
    t.throws(() => read({ image: 'x', volume: 'data', options }), /may not ask/u, options);
  for (const wrong of ['', '{', '[]', '{"image":"x"}', { image: 'x', volume: 'data', more: 1 }]) t.throws(() => read(wrong), /bad request/u);
  t.end();
});

t.test('a directory that is not there has no pods', (t) => {
  t.same(podsOf('/does/not/exist'), []);
  t.end();
});
