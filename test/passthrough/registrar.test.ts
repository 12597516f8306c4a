/**
 * What a server that was taken over can ask of the process that registers files with the kernel. Whatever is registered
 * the kernel opens again with that process's rights, so each of these would be a way out of the tree, or around a
 * read-only descriptor.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, linkSync, mkdirSync, openSync, readSync, renameSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { shim } from '../../helper/native/shim.js';
import { OUT_HEADER_SIZE, writeOutHeader } from '../../protocol/fuse/header.js';
import { toNames, toWords } from '../../protocol/fuse/init-flags.js';
import { readInit, writeInit } from '../../protocol/fuse/init.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { treeShim } from '../../server/passthrough/tree-shim.js';
import { cannotMount } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';

const O_PATH = 0o10000000;
const [REGISTER, FORGET] = [1, 2];
const [ENOENT, EACCES, EXDEV, EINVAL, EDQUOT] = [-2, -13, -18, -22, -122];
const REQUEST_HEADER = 40;

interface Setting {
  readonly inside: string;
  readonly outside: string;
  /** A path by way of the tree's own mount. */
  readonly byTree: (path: string) => string;
  /** What is answered to a request with these descriptors. */
  readonly ask: (operation: number, argument: number, path: string, ...descriptors: readonly number[]) => number;
  readonly socket: number;
}

/** A registrar over a FUSE mount that allows passthrough, for whose server the test stands in. */
async function withRegistrar(t: Test, mode: 'rw' | 'ro', use: (setting: Setting) => void | Promise<void>): Promise<void> {
  const directory = scratchDirectory(t, 'registrar');
  const [inside, outside, target] = ['inside', 'outside', 'mnt'].map((name) => join(directory, name)) as [string, string, string];
  for (const path of [inside, outside, target]) mkdirSync(path);
  const opened = openSync(inside, O_PATH);
  const tree = shim.cloneTree(opened, mode === 'ro' ? 7 : 6, 0);
  closeSync(opened);
  const fuse = openSync('/dev/fuse', constants.O_RDWR);
  const { status, stderr } = spawnSync('mount', ['-i', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'registrar', target], { stdio: ['ignore', 'ignore', 'pipe', fuse], encoding: 'utf8' });
  t.equal(status, 0, stderr);
  try {
    agree(fuse);
    const [ours, theirs] = Channel.pair();
    const registrar = spawn(join(projectRoot, 'build', 'Release', 'register-backing'), [mode], { stdio: ['ignore', 'ignore', 'inherit', theirs.fd, fuse, tree] });
    const ended = new Promise<number | null>((resolve) => registrar.on('exit', resolve));
    theirs.close();
    const ask: Setting['ask'] = (operation, argument, path, ...descriptors) => {
      const packet = Buffer.alloc(8 + Buffer.byteLength(path));
      packet.writeUInt32LE(operation, 0);
      packet.writeUInt32LE(argument, 4);
      packet.write(path, 8);
      ours.send(packet, descriptors, 5000);
      return Buffer.from(ours.receive(5000).bytes).readInt32LE(0);
    };
    await use({ inside, outside, byTree: (path) => `/proc/self/fd/${tree}/${path}`, ask, socket: ours.fd });
    ours.close();
    t.equal(await ended, 0, 'the registrar ends with the server');
  } finally {
    spawnSync('umount', ['-l', target]);
    closeSync(fuse);
    closeSync(tree);
  }
}

/** Answers FUSE_INIT. */
function agree(fuse: number): void {
  const request = new Uint8Array(1 << 17);
  readSync(fuse, request);
  const view = new DataView(request.buffer);
  const offer = readInit(view, REQUEST_HEADER, 64);
  if (!toNames(offer).has('PASSTHROUGH')) throw new Error('this kernel has no passthrough');
  const reply = new Uint8Array(OUT_HEADER_SIZE + 64);
  const out = new DataView(reply.buffer);
  const body = writeInit(out, OUT_HEADER_SIZE, {
    ...toWords(['INIT_EXT', 'PASSTHROUGH', 'MAX_PAGES']), minor: 45, maxReadahead: 131072, maxBackground: 12, congestionThreshold: 9, maxWrite: 131072, timeGranularity: 1, maxPages: 32, maxStackDepth: 1,
  });
  writeOutHeader(out, 0, OUT_HEADER_SIZE + body, 0, view.getUint32(8, true), view.getUint32(12, true));
  writeSync(fuse, reply);
}

const skip = cannotMount();

t.test('a file of the tree is registered, and nothing else is', { skip }, (t) =>
  withRegistrar(t, 'rw', ({ inside, outside, byTree, ask }) => {
    mkdirSync(join(inside, 'sub'));
    writeFileSync(join(inside, 'sub', 'file'), 'inside');
    writeFileSync(join(outside, 'file'), 'outside');
    linkSync(join(inside, 'sub', 'file'), join(outside, 'link'));
    symlinkSync('../outside', join(inside, 'away'));
    symlinkSync('sub', join(inside, 'near'));
    const file = openSync(byTree('sub/file'), 'r+');
    const id = ask(REGISTER, 0, 'sub/file', file);
    t.ok(id > 0, `a file of the tree, open for reading and writing, becomes ${id}`);

    const foreign = openSync(join(outside, 'file'), 'r+');
    for (const name of ['sub/file', '../outside/file', 'away/file', '/sub/file', 'near/file', `/proc/self/fd/${foreign}`, '.', '..', 'sub']) {
      t.equal(ask(REGISTER, 0, name, foreign), EXDEV, `a file outside, called ${name}`);
    }
    for (const name of ['near/file', '../inside/sub/file', '/sub/file', byTree('sub/file'), 'sub/../sub/../../inside/sub/file']) {
      t.equal(ask(REGISTER, 0, name, file), EXDEV, `a file inside, by way of ${name}`);
    }
    t.equal(ask(REGISTER, 0, 'sub/file', openSync(join(outside, 'link'), 'r+')), EXDEV, 'the very file, opened by a link outside');
    t.equal(ask(REGISTER, 0, 'sub/file', openSync(join(inside, 'sub', 'file'), 'r+')), EXDEV, 'the very file, opened by another mount');
  }));

t.test('access that the descriptor does not have', { skip }, async (t) => {
  await withRegistrar(t, 'rw', ({ inside, byTree, ask }) => {
    writeFileSync(join(inside, 'file'), '');
    mkdirSync(join(inside, 'directory'));
    spawnSync('mkfifo', [join(inside, 'fifo')]);
    spawnSync('mknod', [join(inside, 'null'), 'c', '1', '3']);
    t.equal(ask(REGISTER, 0, 'file', openSync(byTree('file'), 'r')), EACCES, 'for reading');
    t.equal(ask(REGISTER, 0, 'file', openSync(byTree('file'), constants.O_WRONLY)), EACCES, 'for writing');
    t.equal(ask(REGISTER, 0, 'file', openSync(byTree('file'), O_PATH)), EACCES, 'for its place');
    t.equal(ask(REGISTER, 0, 'directory', openSync(byTree('directory'), 'r')), EACCES, 'a directory');
    t.equal(ask(REGISTER, 0, 'fifo', openSync(byTree('fifo'), 'r+')), EINVAL, 'a pipe');
    t.throws(() => openSync(byTree('null'), 'r+'), { code: 'EACCES' }, 'device nodes of the tree cannot be opened');
    t.equal(ask(REGISTER, 0, 'null', openSync(join(inside, 'null'), 'r+')), EINVAL, 'a device');
  });
  await withRegistrar(t, 'ro', ({ inside, byTree, ask }) => {
    writeFileSync(join(inside, 'file'), '');
    t.ok(ask(REGISTER, 0, 'file', openSync(byTree('file'), 'r')) > 0, 'where nothing can be written, reading is enough');
    t.throws(() => openSync(byTree('file'), 'r+'), { code: 'EROFS' }, 'and nothing can be');
    t.equal(ask(REGISTER, 0, 'file', openSync(join(inside, 'file'), 'r+')), EXDEV, 'a descriptor of a mount where it can');
  });
});

t.test('what was in the tree, and is not now', { skip }, (t) =>
  withRegistrar(t, 'rw', ({ inside, outside, byTree, ask }) => {
    mkdirSync(join(inside, 'moved'));
    for (const name of ['moved/file', 'removed', 'replaced']) writeFileSync(join(inside, name), name);
    const opened = openSync(byTree('moved'), 'r');
    const [removed, replaced] = [openSync(byTree('removed'), 'r+'), openSync(byTree('replaced'), 'r+')];
    renameSync(join(inside, 'moved'), join(outside, 'moved'));
    const file = openSync(`/proc/self/fd/${opened}/file`, 'r+');
    for (const name of ['moved/file', '../outside/moved/file', 'file']) t.equal(ask(REGISTER, 0, name, file), EXDEV, `of a directory that was opened and moved, called ${name}`);
    unlinkSync(join(inside, 'removed'));
    t.equal(ask(REGISTER, 0, 'removed', removed), EXDEV, 'a file that was removed');
    writeFileSync(join(inside, 'other'), 'other');
    renameSync(join(inside, 'other'), join(inside, 'replaced'));
    t.equal(ask(REGISTER, 0, 'replaced', replaced), EXDEV, 'a file in whose place another is');
  }));

t.test('what is mounted in the tree does not belong to it', { skip }, (t) =>
  withRegistrar(t, 'rw', ({ inside, outside, byTree, ask }) => {
    mkdirSync(join(inside, 'bound'));
    writeFileSync(join(outside, 'file'), 'outside');
    t.equal(spawnSync('mount', ['--bind', outside, join(inside, 'bound')]).status, 0);
    try {
      t.throws(() => openSync(byTree('bound/file'), 'r+'), { code: 'ENOENT' });
      t.equal(ask(REGISTER, 0, 'bound/file', openSync(join(inside, 'bound', 'file'), 'r+')), EXDEV);
    } finally {
      spawnSync('umount', ['-l', join(inside, 'bound')]);
    }
  }));

t.test('packets that are none', { skip }, (t) =>
  withRegistrar(t, 'rw', ({ inside, byTree, ask }) => {
    writeFileSync(join(inside, 'file'), '');
    const file = openSync(byTree('file'), 'r+');
    t.equal(ask(REGISTER, 0, 'file'), EINVAL, 'no descriptor');
    t.equal(ask(REGISTER, 0, 'file', file, file), EINVAL, 'two descriptors');
    t.equal(ask(REGISTER, 0, '', file), EINVAL, 'no name');
    t.equal(ask(REGISTER, 0, 'file\0', file), EINVAL, 'a NUL');
    t.equal(ask(REGISTER, 0, `${'x/'.repeat(2500)}file`, file), EINVAL, 'more than a path can be');
    t.equal(ask(3, 0, 'file', file), EINVAL, 'another operation');
    t.equal(ask(FORGET, 0, '', file), EINVAL, 'a descriptor too many');
    t.equal(ask(FORGET, 12345, ''), ENOENT, 'an id that was never given');
    t.ok(ask(REGISTER, 0, 'file', file) > 0, 'and it goes on');
  }));

t.test('100,000 registrations', { skip }, (t) =>
  withRegistrar(t, 'rw', ({ inside, byTree, ask, socket }) => {
    writeFileSync(join(inside, 'file'), '');
    const file = openSync(byTree('file'), 'r+');
    const packet = new Uint8Array([REGISTER, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from('file')]);
    const answers = new Map<string, number>();
    let last = 0;
    for (let count = 0; count < 100_000; count++) {
      const answer = treeShim.exchange(socket, file, packet, packet.length, 5000);
      if (answer > 0) last = answer;
      const kind = answer > 0 ? 'registered' : String(answer);
      answers.set(kind, (answers.get(kind) ?? 0) + 1);
    }
    t.strictSame([...answers].sort(), [[String(EDQUOT), 100_000 - 16_384], ['registered', 16_384]]);
    t.equal(ask(FORGET, last, ''), 0);
    t.equal(ask(FORGET, last, ''), ENOENT, 'none is given back twice');
    t.ok(ask(REGISTER, 0, 'file', file) > 0, 'there is room for one more');
    t.equal(ask(REGISTER, 0, 'file', file), EDQUOT, 'and for no other');
  }));
