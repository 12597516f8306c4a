/** libfuse's dialect for real: our mount helper and our server through it, and our helper with services that are up to something. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { decode, encode, type Packet } from '../../protocol/libfuse/packets.js';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { Listener } from '../../protocol/seqpacket/listener.js';
import { ActivatedService } from '../support/activated-service.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { run, Workbench } from '../support/helper-workbench.js';
import { kernelMount } from '../support/mount.js';
import { projectRoot } from '../support/native.js';

t.setTimeout(180_000);
const skip = mountsImpossible;

const program = (name: string): string => join(projectRoot, 'dist', ...name.split('/'));
const call = (name: string, ...words: readonly string[]) => spawnSync(process.execPath, [program(`cli/${name}.js`), ...words], { encoding: 'utf8' });
const fuse4fs = (...words: readonly string[]) => call('fuse4fs', ...words);

interface Place {
  readonly bench: Workbench;
  readonly socket: string;
  readonly image: string;
}

function place(t: Test): Place {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  const image = join(bench.directory, 'ext4');
  run('mke2fs', '-q', '-t', 'ext4', image, '16M');
  return { bench, socket: join(bench.directory, 'service'), image };
}

async function ourServer(t: Test, socket: string): Promise<ActivatedService> {
  const service = await ActivatedService.start(socket, process.execPath, program('server/main.cjs'));
  t.teardown(() => service.stop());
  return service;
}

t.test('an image, written and unmounted', { skip }, async (t) => {
  const { bench, socket, image } = place(t);
  const service = await ourServer(t, socket);
  const { status, stdout, stderr } = fuse4fs('libfuse', socket, image, bench.target, '--json', '-o', 'noatime');
  t.equal(status, 0, stderr);
  t.match(JSON.parse(stdout), { result: { source: image, target: bench.target, mounted: true, device: bench.mountEntry()?.device }, warnings: [] });
  t.match(bench.mountEntry(), { type: 'fuse.service', source: image });
  const options = bench.mountEntry()?.options ?? [];
  for (const word of ['rw', 'nosuid', 'nodev', 'noatime', 'default_permissions', 'allow_other', 'user_id=0', 'max_read=1048576']) t.ok(options.includes(word), word);
  writeFileSync(join(bench.target, 'file'), 'written through libfuse’s dialect');
  const second = fuse4fs(image, join(bench.directory, 'mnt'), '-o', 'ro');
  t.equal(second.status, 32, 'no one else can mount it meanwhile');
  bench.unmount();
  t.equal(await service.exit(), '0');
  t.equal(spawnSync('e2fsck', ['-fn', image]).status, 0);
  await kernelMount(image, ['ro'], async (target) => {
    t.equal(readFileSync(join(target, 'file'), 'utf8'), 'written through libfuse’s dialect');
    await Promise.resolve();
  });
});

t.test('a block device, as mount.fuse4fs mounts it', { skip }, async (t) => {
  const { bench, image } = place(t);
  const name = `fuse4fs-test-${process.pid}`;
  const socket = `/run/filesystems/${name}`;
  const service = await ourServer(t, socket);
  const loop = bench.loopDevice(image);
  const mount = (...words: string[]) => call('mount.fuse4fs', '-t', `fuse.${name}`, '--libfuse', loop, ...words);
  const { status, stdout, stderr } = mount(bench.target, '-v', '-o', 'suid,dev');
  t.equal(status, 0, stderr);
  t.match(stdout, `${loop} mounted on ${bench.target}.`);
  t.match(bench.mountEntry(), { type: `fuseblk.${name}`, source: loop });
  const options = bench.mountEntry()?.options ?? [];
  t.ok(options.includes('blksize=4096') && !options.includes('nosuid') && !options.includes('nodev'), options.join(','));
  const other = join(bench.directory, 'other');
  mkdirSync(other);
  t.equal(mount(other).status, 32, 'the device is claimed');
  t.equal(await service.exit(), '1');
  writeFileSync(join(bench.target, 'file'), 'x');
  bench.unmount();
  t.equal(await service.exit(), '0');
  t.equal(spawnSync('e2fsck', ['-fn', image]).status, 0);

  t.equal(mount(bench.target, '-r').status, 0);
  t.ok(bench.mountEntry()?.options.includes('ro'));
  t.throws(() => writeFileSync(join(bench.target, 'file'), 'y'), { code: 'EROFS' });
  bench.unmount();
  t.equal(await service.exit(), '0');
});

t.test('what cannot be mounted', { skip }, async (t) => {
  const { bench, socket, image } = place(t);
  const service = await ourServer(t, socket);
  const junk = bench.image('junk');
  const cases: readonly (readonly [what: string, words: readonly string[], message: RegExp])[] = [
    ['an unknown option', [image, bench.target, '-o', 'nonsense'], /the service ended with status 1/u],
    ['no filesystem', [junk, bench.target], /the service ended with status 1/u],
    ['no such image', [join(bench.directory, 'none'), bench.target], /none was not opened for it: no such file or directory/u],
    ['no such mount point', [image, join(bench.directory, 'none')], /cannot mount on .*none: no such file or directory/u],
    ['a file to mount on', [image, junk], /cannot mount on .*junk: not a directory/u],
    ['no source', [bench.target], /the service ended with status 1/u],
    ['an offset beyond the end', [image, bench.target, '-o', 'offset=1G'], /the service ended with status 1/u],
  ];
  for (const [what, words, message] of cases) {
    const { status, stderr } = fuse4fs('libfuse', socket, ...words);
    t.equal(status, 32, what);
    t.match(stderr, message, what);
    t.equal(await service.exit(), '1');
  }
  t.equal(bench.mountEntry(), undefined);
  const absent = fuse4fs('libfuse', join(bench.directory, 'absent'), image, bench.target);
  t.match(absent, { status: 2, stderr: /ENOENT/u });
  t.match(fuse4fs('libfuse', socket, 'a', 'b', 'c'), { status: 1, stderr: /3 words came/u });
  t.match(call('mount.fuse4fs', '--libfuse', image, bench.target), { status: 1, stderr: /-t, --types/u });
  t.match(call('mount.fuse4fs', '--libfuse', '-t', 'fuse.a/b', image, bench.target), { status: 1, stderr: /names no filesystem/u });
});

/** A service that is a script: `act` speaks for it, in this process. */
async function withService(
  t: Test,
  { bench, socket }: Place,
  words: readonly string[],
  act: (ask: (request: Packet) => number, channel: Channel) => void,
): Promise<{ readonly status: number | null; readonly stderr: string }> {
  const listener = Listener.bind(socket);
  const child = spawn(process.execPath, [program('cli/fuse4fs.cjs'), 'libfuse', socket, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  t.teardown(() => child.exitCode === null && child.kill('SIGKILL'));
  const channel = listener.accept(30_000);
  listener.close();
  rmSync(socket);
  const receive = () => channel.receive(30_000);
  t.equal(decode(receive().bytes).type, 'hello');
  channel.send(encode({ type: 'helloReply', version: 1 }), [], 1000);
  const argv = receive();
  const sealed = argv.descriptors[0] ?? -1;
  t.throws(() => writeFileSync(`/proc/self/fd/${sealed}`, 'x'), { code: 'EPERM' }, 'nobody changes the arguments any more');
  const fuse = receive();
  const ask = (request: Packet): number => {
    channel.send(encode(request), [], 1000);
    const { bytes, descriptors } = receive();
    closeDescriptors(descriptors);
    const answer = decode(bytes);
    if (answer.type !== 'reply' && answer.type !== 'file') throw new Error(answer.type);
    return answer.error;
  };
  try {
    act(ask, channel);
  } finally {
    closeDescriptors([...argv.descriptors, ...fuse.descriptors]);
    channel.close();
  }
  const [status] = await exited;
  t.equal(bench.mountEntry() === undefined || status === 0, true, 'no mount stays behind that failed');
  return { status, stderr };
}

const { S_IFDIR, S_IFREG } = constants;
const EACCES = 13;
const EBUSY = 16;
const EINVAL = 22;
const opening = (path: string, openFlags = 0): Packet => ({ type: 'open', openFlags, createMode: 0, requestFlags: 0, blockSize: 0, path });

t.test('a service asks for more than it may have', { skip }, async (t) => {
  const here = place(t);
  const { bench, image } = here;
  const { status, stderr } = await withService(t, here, [image, bench.target], (ask, channel) => {
    for (const path of ['/etc/shadow', '/dev/mem', bench.target, '../../etc/shadow']) t.equal(ask(opening(path, 2)), EACCES, path);
    t.equal(ask(opening(image, constants.O_RDWR | constants.O_TRUNC)), EINVAL);
    t.equal(ask(opening(image, constants.O_RDWR)), 0);
    t.equal(ask({ type: 'fsopen', flags: 1 }), 0);
    t.equal(ask({ type: 'source', text: '/dev/sda' }), 0);
    for (const path of ['/etc', '/', image, bench.directory, `${bench.target}/`, 'libfuse']) t.equal(ask({ type: 'mountPoint', expectedFormat: 0, path }), EINVAL, path);
    t.equal(ask({ type: 'mountPoint', expectedFormat: S_IFREG, path: bench.target }), 21, 'EISDIR');
    t.equal(ask({ type: 'mountPoint', expectedFormat: S_IFDIR, path: bench.target }), 0);
    for (const text of ['fd=0', 'user_id=1', 'rootmode=100000', 'subtype=ext4', 'allow_other,fsname=x']) t.equal(ask({ type: 'options', text }), EINVAL, text);
    for (const flags of [0x20, 0x1000, 0x2000, 0x4000, 0x40000, 0x80000000]) t.equal(ask({ type: 'mount', flags }), EINVAL, `0x${flags.toString(16)}`);
    t.equal(ask({ type: 'mount', flags: 0 }), EINVAL, 'a device that nobody named');
    t.equal(bench.mountEntry(), undefined);
    channel.send(encode({ type: 'goodbye', exitCode: 2 }), [], 0);
  });
  t.equal(status, 32, 'not 2, which would make libfuse’s mount program run something else');
  t.match(stderr, /\/etc\/shadow was not opened for the service: permission denied/u);
});

t.test('a service mounts, and what becomes of it', { skip }, async (t) => {
  const here = place(t);
  const { bench, image } = here;
  const file = bench.image('file');
  const mounting = (ask: (request: Packet) => number, target = bench.target): void => {
    t.equal(ask({ type: 'mountPoint', expectedFormat: 0, path: target }), 0);
    t.equal(ask({ type: 'source', text: 'whatever it is' }), 0);
    t.equal(ask({ type: 'mount', flags: 0 }), 0);
    t.equal(ask({ type: 'mount', flags: 0 }), EBUSY);
    t.ok(bench.mountEntry(target)?.options.includes('nosuid') && bench.mountEntry(target)?.options.includes('nodev'), 'the caller did not say suid and dev');
  };
  const goodbye = (exitCode: number) => encode({ type: 'goodbye', exitCode });

  t.match(await withService(t, here, [image, bench.target], (ask) => mounting(ask)), { status: 32, stderr: /ended before the mount was complete/u }, 'it dies');
  t.match(await withService(t, here, [image, bench.target], (ask, channel) => {
    mounting(ask);
    channel.send(goodbye(1), [], 0);
  }), { status: 32, stderr: /status 1/u }, 'it gives up');
  t.match(await withService(t, here, [image, bench.target], (ask, channel) => {
    mounting(ask);
    channel.send(goodbye(0).subarray(0, 6), [], 0);
  }), { status: 32, stderr: /BYEE\.size is 6/u }, 'it cannot even say goodbye');
  t.match(await withService(t, here, [image, bench.target], (_ask, channel) => channel.send(goodbye(0), [], 0)), { status: 32, stderr: /said goodbye and did not mount/u }, 'it does not mount');
  t.match(await withService(t, here, [image, file], (ask, channel) => {
    mounting(ask, file);
    channel.send(goodbye(0), [], 0);
  }), { status: 0, stderr: '' }, 'on a file');
  t.match(bench.mountEntry(file), { type: 'fuse.service', source: 'whatever it is' });
  run('umount', '-l', file);
});

t.test('the helper is interrupted while the service has not said goodbye', { skip }, async (t) => {
  const { bench, socket, image } = place(t);
  const listener = Listener.bind(socket);
  const child = spawn(process.execPath, [program('cli/fuse4fs.cjs'), 'libfuse', socket, image, bench.target], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  const channel = listener.accept(30_000);
  listener.close();
  const answers: number[] = [];
  const take = (): void => {
    const { bytes, descriptors } = channel.receive(30_000);
    const packet = decode(bytes);
    if (packet.type === 'reply') answers.push(packet.error);
    kept.push(...descriptors);
  };
  const kept: number[] = [];
  take();
  channel.send(encode({ type: 'helloReply', version: 1 }), [], 0);
  take();
  take();
  for (const request of [{ type: 'source', text: 'x' }, { type: 'mountPoint', expectedFormat: 0, path: bench.target }, { type: 'mount', flags: 6 }] as const) {
    channel.send(encode(request), [], 0);
    take();
  }
  t.same(answers, [0, 0, 0]);
  t.ok(bench.mountEntry());
  child.kill('SIGTERM');
  t.same(await exited, [8, null]);
  t.equal(bench.mountEntry(), undefined);
  kept.forEach((fd) => closeSync(fd));
  channel.close();
});
