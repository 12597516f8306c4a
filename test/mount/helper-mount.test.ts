/** What the helper mounts, and what it refuses to, with a server that is not ext4 but real in all else. */
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import type { MountEnvironment } from '../../helper/mount/mount-environment.js';
import type { MountResult } from '../../helper/mount/mount-opened.js';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions, type MountOptions } from '../../helper/mount/options.js';
import { installedFile } from '../../helper/mount/server-root.js';
import { readStatus } from '../../helper/mount/status.js';
import { unmount } from '../../helper/mount/unmount.js';
import { containedProgram } from '../support/contained-program.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { processesWith, run, Workbench } from '../support/helper-workbench.js';

t.setTimeout(180_000);
const skip = mountsImpossible;
interface Test {
  teardown(act: () => void): void;
}

function workbench(t: Test): Workbench {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  return bench;
}

async function mounted(bench: Workbench, source: string, words = '', more: Partial<MountEnvironment> = {}, tiny: string[] = []): Promise<MountResult> {
  const parsed = parseOptions([words]);
  const options: MountOptions = { ...parsed, server: [...parsed.server, ...tiny] };
  const result = await mount({ source, target: bench.target, options, foreground: false }, bench.environment(undefined, more));
  if (result === undefined) throw new Error('only pretended');
  return result;
}

t.test('an image file', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  const result = await mounted(bench, image);
  t.match(result, { source: image, target: bench.target, readOnly: false, label: 'begin of image', warnings: [] });
  t.match(bench.mountEntry(), { type: 'fuse.fuse4fs', source: image, device: result.device });
  const options = bench.mountEntry()?.options ?? [];
  for (const word of ['rw', 'relatime', 'user_id=0', 'group_id=0', 'allow_other', 'default_permissions', 'max_read=131072']) {
    t.ok(options.includes(word), `${word} in ${options.join(',')}`);
  }
  t.notOk(options.includes('nosuid') || options.includes('nodev'), 'as the kernel’s own ext4 for root');
  t.same(readdirSync(bench.target), []);
  t.same(bench.leftovers().sort(), [`${result.device}.log`, `${result.device}.sock`]);
  t.equal(statSync(join(bench.mounts, `${result.device}.sock`)).mode & 0o777, 0o600, 'only its owner may ask for the status');
  bench.unmount();
});

t.test('a block device is mounted as fuseblk', { skip }, async (t) => {
  const bench = workbench(t);
  const loop = bench.loopDevice();
  const { device } = await mounted(bench, loop, 'nosuid,nodev,noexec,noatime,nodiratime,nosymfollow,sync,dirsync');
  t.match(bench.mountEntry(), { type: 'fuseblk.fuse4fs', source: loop, device });
  const options = bench.mountEntry()?.options ?? [];
  for (const word of ['nosuid', 'nodev', 'noexec', 'noatime', 'nodiratime', 'nosymfollow', 'sync', 'dirsync']) t.ok(options.includes(word), word);
  t.equal(run('lsblk', '-no', 'MOUNTPOINT', loop).trim(), bench.target, 'lsblk sees it');
  bench.unmount();
});

t.test('mount(2) where the mount API is missing', { skip }, async (t) => {
  for (const kind of ['fuse', 'fuseblk']) {
    const bench = workbench(t);
    const source = kind === 'fuse' ? bench.image('with,comma') : bench.loopDevice();
    const { device } = await mounted(bench, source, 'ro,noatime,lazytime', { oldApi: true });
    t.match(bench.mountEntry(), { type: `${kind}.fuse4fs`, source, device });
    for (const word of ['ro', 'noatime', 'lazytime', 'default_permissions']) t.ok(bench.mountEntry()?.options.includes(word), word);
    t.same(readdirSync(bench.target), []);
    bench.unmount();
  }
});

t.test('nothing is mounted twice', { skip }, async (t) => {
  const bench = workbench(t);
  const other = workbench(t);
  const image = bench.image();
  await mounted(bench, image);
  await t.rejects(mounted(other, image), { code: 'SOURCE_BUSY', exitStatus: 32, message: `${image} already mounted on ${bench.target}` });
  await t.rejects(mounted(other, image, 'ro'), { code: 'SOURCE_BUSY' });
  bench.unmount();

  const loop = bench.loopDevice();
  await mounted(bench, loop, 'ro');
  await t.rejects(mounted(other, loop, 'ro'), { code: 'SOURCE_BUSY', message: `${loop} already mounted on ${bench.target}` });
  bench.unmount();

  const formatted = bench.image('ext4', 16 << 20);
  run('mke2fs', '-qF', formatted);
  const device = bench.loopDevice(formatted);
  run('mount', '-t', 'ext4', device, bench.target);
  await t.rejects(mounted(other, device), { code: 'SOURCE_BUSY', message: `${device} already mounted on ${bench.target}` }, 'the kernel’s ext4 has it');
  bench.unmount();
  t.equal(other.mountEntry(), undefined);
});

t.test('a lock of another program, and a server that is about to end', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  const holder = spawn('flock', [image, 'sh', '-c', 'echo locked; read end'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const waiting = mounted(bench, image);
  holder.stdin.end('\n');
  t.equal((await waiting).source, image, 'the mount waits for a while');
  bench.unmount();
  for (let round = 0; round < 5; round++) {
    await mounted(bench, image);
    run('umount', bench.target);
  }
  t.pass('unmounting and mounting again needs no pause');
});

t.test('two read-only mounts of one image do no harm', { skip }, async (t) => {
  const [bench, other] = [workbench(t), workbench(t)];
  const image = bench.image();
  await mounted(bench, image, 'ro');
  await mounted(other, image, 'ro');
  await t.rejects(mounted(workbench(t), image), { code: 'SOURCE_BUSY' }, 'a writer would');
  bench.unmount();
  other.unmount();
});

t.test('descriptors that the caller left open', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  for (const form of [(fd: number) => `fd:${fd}`, (fd: number) => `/proc/self/fd/${fd}`, (fd: number) => `/dev/fd/${fd}`]) {
    const fd = openSync(image, 'r+');
    const result = await mounted(bench, form(fd));
    t.match(result, { source: image, readOnly: false, warnings: [] }, form(fd));
    bench.unmount();
  }
  const readOnly = await mounted(bench, `fd:${openSync(image, 'r')}`);
  t.match(readOnly, { readOnly: true, warnings: [`${image} cannot be written to (the descriptor is open for reading only): mounted read-only`] });
  bench.unmount();

  const fd = openSync(image, 'r+');
  rmSync(image);
  t.match(await mounted(bench, `fd:${fd}`), { source: `fd:${fd}`, label: 'begin of image' }, 'of a file that has no name any more');
  bench.unmount();

  const device = bench.loopDevice();
  t.match(await mounted(bench, `fd:${openSync(device, 'r+')}`), { source: device });
  t.match(bench.mountEntry(), { type: 'fuseblk.fuse4fs', source: device });
  bench.unmount();

  const directory = openSync(bench.directory, 'r');
  await t.rejects(mounted(bench, `fd:${directory}`), { code: 'SOURCE_NOT_USABLE', message: /is a directory/ });
  await t.rejects(mounted(bench, 'fd:900'), { code: 'SOURCE_NOT_FOUND', message: /not open/ });
  const writeOnly = openSync(bench.image('other'), 'a');
  await t.rejects(mounted(bench, `fd:${writeOnly}`), { code: 'SOURCE_NOT_USABLE', message: /writing only/ });
  closeSync(writeOnly);
});

t.test('what can only be read is mounted read-only, with one warning', { skip }, async (t) => {
  const bench = workbench(t);
  const loop = bench.loopDevice(bench.image(), '-r');
  const result = await mounted(bench, loop);
  t.equal(result.readOnly, true);
  t.equal(result.warnings.length, 1);
  t.match(result.warnings[0], /cannot be written to .*mounted read-only/);
  t.ok(bench.mountEntry()?.options.includes('ro'));
  bench.unmount();
  t.same((await mounted(bench, loop, 'ro')).warnings, [], 'who asks for it is not warned');
  bench.unmount();
});

t.test('the server may insist on read-only, warn, and name what it likes', { skip }, async (t) => {
  const bench = workbench(t);
  const result = await mounted(bench, bench.image(), '', {}, ['tiny.read-only', 'tiny.warn']);
  t.match(result, { readOnly: true, warnings: ['tiny warns'] });
  const options = bench.mountEntry()?.options ?? [];
  t.ok(options.includes('ro'));
  t.notOk(options.includes('allow_root') || options.includes('suid'), 'but not set the mount’s options');
  bench.unmount();
  await t.rejects(mounted(bench, bench.image(), '', {}, ['tiny.refuse']), {
    code: 'SERVER_REFUSED', reason: 'BAD_OPTION', exitStatus: 32, message: /tiny does not like/,
  });
  t.equal(bench.mountEntry(), undefined);
});

t.test('offset and sizelimit', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  const content = Buffer.alloc(1 << 20);
  content.write('second part', 4096);
  writeFileSync(image, content);
  t.equal((await mounted(bench, image, 'offset=4k,sizelimit=512k')).label, 'second part');
  bench.unmount();
  await t.rejects(mounted(bench, image, 'offset=1M'), { code: 'BAD_OPTION', exitStatus: 1, message: /beyond the end/ });
  await t.rejects(mounted(bench, image, 'offset=512k,sizelimit=1M'), { code: 'BAD_OPTION' });
});

t.test('an external journal', { skip }, async (t) => {
  const bench = workbench(t);
  const journal = bench.image('journal', 2 << 20);
  const loop = bench.loopDevice(bench.image('other'));
  const named = await mounted(bench, bench.image(), `journal_path=${journal}`, {}, ['tiny.journal']);
  t.same(named.warnings, [`journal ${journal} has ${2 << 20} bytes`]);
  bench.unmount();

  const onDevice = await mounted(bench, bench.image(), `journal_path=${loop}`, {}, ['tiny.journal']);
  t.same(onDevice.warnings, [`journal ${loop} has ${1 << 20} bytes`]);
  await t.rejects(mounted(workbench(t), bench.image('third'), `journal_path=${loop}`, {}, ['tiny.journal']), { code: 'SOURCE_BUSY' });
  t.throws(() => run('mount', '-t', 'ext4', loop, workbench(t).target), 'the journal is claimed as long as the mount lives');
  bench.unmount();

  await t.rejects(mounted(bench, bench.image(), '', {}, ['tiny.journal']), {
    code: 'SOURCE_NOT_FOUND', message: /journal on another device, with UUID 01234567-89ab-cdef-0123-456789abcdef/, hint: /journal_path/,
  });
  // A server that was taken over may name any device: this one exists, and nobody has said that it is a journal.
  const { rdev } = statSync(loop);
  const link = `/dev/block/${rdev >> 8}:${rdev & 0xff}`;
  if (!existsSync(link)) {
    mkdirSync('/dev/block', { recursive: true });
    symlinkSync(loop, link);
    t.teardown(() => rmSync(link));
  }
  await t.rejects(mounted(bench, bench.image(), '', {}, [`tiny.journal=${rdev}`]), { code: 'SOURCE_NOT_FOUND' }, 'it gets none that it asks for by itself');
  await mounted(bench, bench.image(), `journal_dev=${rdev}`, {}, ['tiny.journal']);
  bench.unmount();
});

t.test('sources that cannot be', { skip }, async (t) => {
  const bench = workbench(t);
  const cases: [string, { code: string; message?: string | RegExp; hint?: RegExp }][] = [
    [join(bench.directory, 'nothing'), { code: 'SOURCE_NOT_FOUND', message: `special device ${bench.directory}/nothing does not exist` }],
    [bench.directory, { code: 'SOURCE_NOT_USABLE', message: /is a directory/ }],
    ['/dev/null', { code: 'SOURCE_NOT_USABLE', message: /is a character device/ }],
    ['fd:999', { code: 'SOURCE_NOT_FOUND', message: 'descriptor 999 of fd:999 is not open', hint: /999<IMAGE/ }],
    ['UUID=00000000-1111-2222-3333-444444444444', { code: 'SOURCE_NOT_FOUND', message: /^can't find UUID=/ }],
    ['LABEL=no such label', { code: 'SOURCE_NOT_FOUND', hint: /by-label\/no\\x20such\\x20label/ }],
    [bench.image('empty', 0), { code: 'SOURCE_NOT_USABLE', message: /is empty/ }],
  ];
  for (const [source, refusal] of cases) await t.rejects(mounted(bench, source), { exitStatus: 32, ...refusal }, source);
  const fifo = join(bench.directory, 'fifo');
  run('mkfifo', fifo);
  await t.rejects(mounted(bench, fifo), { code: 'SOURCE_NOT_USABLE', message: /is a pipe/ }, 'without waiting for a writer');
  const descriptor = openSync(fifo, constants.O_RDWR);
  await t.rejects(mounted(bench, `fd:${descriptor}`), { code: 'SOURCE_NOT_USABLE', message: /is a pipe/ });
  t.doesNotThrow(() => closeSync(descriptor), 'it stays open, since it may be of the process itself');
  t.same(bench.leftovers(), []);
});

t.test('mount points', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  const to = (target: string) => mount({ source: image, target, options: parseOptions([]), foreground: false }, bench.environment());
  await t.rejects(to(join(bench.directory, 'nowhere')), { code: 'BAD_MOUNT_POINT', message: 'mount point does not exist', exitStatus: 32 });
  await t.rejects(to(image), { code: 'BAD_MOUNT_POINT', message: 'mount point is not a directory' });
  symlinkSync(bench.target, join(bench.directory, 'link'));
  t.equal((await to(join(bench.directory, 'link')))?.target, bench.target, 'symbolic links are followed');
  bench.unmount();

  const moved = `${bench.target}-moved`;
  const program = () => {
    // Between the opening of the mount point and the mount, the name starts to lead elsewhere.
    renameSync(bench.target, moved);
    mkdirSync(bench.target);
    return containedProgram('tiny-server.js');
  };
  await mount({ source: image, target: bench.target, options: parseOptions([]), foreground: false }, bench.environment(program));
  t.ok(bench.mountEntry(moved), 'what was opened is mounted on');
  t.notOk(bench.mountEntry());
  bench.unmount(moved);
});

t.test('pretending', { skip }, async (t) => {
  const bench = workbench(t);
  const request = { source: bench.image(), target: bench.target, options: parseOptions([]), foreground: false, fake: true };
  t.equal(await mount(request, bench.environment()), undefined);
  t.equal(bench.mountEntry(), undefined);
  await t.rejects(mount({ ...request, source: '/does/not/exist' }, bench.environment()), { code: 'SOURCE_NOT_FOUND' });
});

t.test('in the foreground the server’s end can be waited for', { skip }, async (t) => {
  const bench = workbench(t);
  const program = () => containedProgram('tiny-server.js', bench.directory);
  const request = { source: bench.image(), target: bench.target, options: parseOptions([]), foreground: true };
  const result = await mount(request, bench.environment(program));
  t.equal(result?.log, undefined);
  t.ok(processesWith(bench.directory).length > 0);
  bench.unmount();
  t.match(await result?.server?.exit, { status: 0, signal: null, report: '' });
  t.equal(processesWith(bench.directory).length, 0);
});

t.test('a server that fails at the end is reported by the unmount', { skip }, async (t) => {
  const bench = workbench(t);
  const image = bench.image();
  const { runtime } = bench.environment();
  await mounted(bench, image);
  t.same(unmount({ target: bench.target }, runtime), { target: bench.target, source: image, serverEnded: true, warnings: [] });
  t.same(bench.leftovers(), []);

  const { device } = await mounted(bench, image, '', {}, ['tiny.fail-close']);
  t.throws(() => unmount({ target: bench.target }, runtime), { code: 'SERVER_FAILED', exitStatus: 32, message: /tiny cannot close/, hint: /\.log.*e2fsck -f/ });
  t.equal(bench.mountEntry(), undefined);
  t.same(bench.leftovers(), [`${device}.log`], 'what it said is kept');
  t.throws(() => unmount({ target: bench.target }, runtime), { code: 'NOT_MOUNTED' });
});

t.test('where a service manager listens, it starts the server', { skip }, async (t) => {
  const bench = workbench(t);
  const { runtime } = bench.environment();
  const service = spawn(process.execPath, [installedFile('dist/test/support/socket-service.js'), runtime.serviceSocket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => service.kill());
  await once(service.stdout, 'data');
  const noProgram = () => {
    throw new Error('started by the helper');
  };
  const request = { source: bench.image(), target: bench.target, options: parseOptions([]), foreground: false };
  const result = await mount(request, bench.environment(noProgram));
  t.match(result, { server: undefined, label: 'begin of image' });
  const [status] = readStatus(runtime).filter(({ target }) => target === bench.target);
  t.match(readFileSync(`/proc/${status?.pid}/cmdline`, 'utf8'), /fuse4fs-server|tiny-server/, 'the status names its process');
  t.equal(unmount({ target: bench.target }, runtime).serverEnded, true);
});
