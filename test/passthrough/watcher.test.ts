/**
 * The process that tells the kernel of a mount what others change beneath it (watch-tree.c): what it tells, what a server
 * that was taken over can ask of it, and that nobody waits for ever where the server dies. A pipe stands in for /dev/fuse.
 */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { shim } from '../../helper/native/shim.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import type { TreeNode } from '../../server/passthrough/node.js';
import { FREE } from '../../server/passthrough/policy.js';
import { Watcher } from '../../server/passthrough/watcher.js';
import { cannotMount, missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';
import { treeFilesystems } from '../support/tree-filesystems.js';
import { until } from '../support/until.js';

const O_PATH = 0o10000000;
const [WATCH, UNWATCH] = [1, 2];
const [EXDEV, EINVAL] = [-18, -22];
const ROOM = 64 * 1024;

interface Setting {
  readonly inside: string;
  /** A descriptor for the place of what the tree has under that path, by way of the tree's own mount. */
  readonly open: (path: string) => number;
  readonly ask: (operation: number, nodeid: number, ...descriptors: readonly number[]) => number;
  readonly send: (packet: Buffer, ...descriptors: readonly number[]) => number;
  /** What the kernel was told of since it was last asked: nodes, and names in them. */
  readonly told: () => string[];
  /** Waits until the kernel has been told all of that. */
  readonly untilTold: (...expected: readonly string[]) => Promise<unknown>;
  /** Nobody is told anything until the pipe is read. */
  readonly block: () => void;
  readonly isBlocked: () => boolean;
  readonly hasAborted: () => boolean;
  /** As the server has it. */
  readonly socket: number;
  readonly die: () => void;
  readonly ended: Promise<number | null>;
}

/** A pipe that does not block whoever reads. */
function pipe(directory: string, name: string): { readonly reader: number; readonly writer: number } {
  const path = join(directory, name);
  spawnSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reader, writer: openSync(path, constants.O_WRONLY) };
}

function readAll(reader: number): Buffer {
  const buffer = Buffer.alloc(2 * ROOM);
  try {
    return buffer.subarray(0, readSync(reader, buffer));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return Buffer.alloc(0);
    throw error;
  }
}

function messagesIn(bytes: Buffer): string[] {
  const messages: string[] = [];
  for (let at = 0; at + 16 <= bytes.length; at += bytes.readUInt32LE(at)) {
    const node = Number(bytes.readBigUInt64LE(at + 16));
    if (bytes.readUInt32LE(at) === 0) break;
    const isName = bytes.readInt32LE(at + 4) === 3;
    if (isName) messages.push(`${node}/${bytes.toString('utf8', at + 32, at + 32 + bytes.readUInt32LE(at + 24))}`);
    else messages.push(`${node}${bytes.readBigInt64LE(at + 24) < 0n ? '' : ' with contents'}`);
  }
  return messages;
}

async function withWatcher(t: Test, tree: string, use: (setting: Setting) => Promise<void> | void): Promise<void> {
  const directory = scratchDirectory(t, 'watcher');
  const place = openSync(tree, O_PATH);
  const mount = shim.cloneTree(place, 6, 0);
  closeSync(place);
  const [fuse, abort] = [pipe(directory, 'fuse'), pipe(directory, 'abort')];
  const [ours, theirs] = Channel.pair();
  const watcher = spawn(join(projectRoot, 'build', 'Release', 'watch-tree'), [], { stdio: ['ignore', 'ignore', 'inherit', theirs.fd, fuse.writer, mount, abort.writer] });
  const opened: number[] = [];
  const kept = (descriptor: number): number => {
    opened.push(descriptor);
    return descriptor;
  };
  const ended = new Promise<number | null>((resolve) => watcher.on('exit', resolve));
  theirs.close();
  const send: Setting['send'] = (packet, ...descriptors) => {
    ours.send(packet, descriptors, 5000);
    return Buffer.from(ours.receive(5000).bytes).readInt32LE(0);
  };
  const ask: Setting['ask'] = (operation, nodeid, ...descriptors) => {
    const packet = Buffer.alloc(16);
    packet.writeUInt32LE(operation, 0);
    packet.writeBigUInt64LE(BigInt(nodeid), 8);
    return send(packet, ...descriptors);
  };
  const told = (): string[] => messagesIn(readAll(fuse.reader));
  const untilTold = async (...expected: readonly string[]): Promise<void> => {
    const all: string[] = [];
    await until(`the kernel is told of ${expected.join()}`, () => {
      all.push(...told());
      return expected.every((each) => all.includes(each)) || undefined;
    }, () => Promise.resolve(all.join()));
  };
  const block = (): void => {
    const blocked = openSync(join(directory, 'fuse'), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      for (;;) writeSync(blocked, Buffer.alloc(4096));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    closeSync(blocked);
  };
  const task = `/proc/${watcher.pid}/task`;
  // The number of the call, and what it was given: the descriptor of the pipe.
  const isBlocked = (): boolean => readdirSync(task).some((thread) => readFileSync(join(task, thread, 'syscall'), 'utf8').split(' ')[1] === '0x4');
  try {
    const open = (path: string): number => kept(openSync(`/proc/self/fd/${mount}/${path}`, O_PATH | constants.O_NOFOLLOW));
    await use({ inside: tree, open, ask, send, told, untilTold, block, isBlocked, hasAborted: () => readAll(abort.reader).toString().startsWith('1'), socket: ours.fd, die: () => ours.close(), ended });
    ours.close();
    readAll(fuse.reader);
    t.equal(await ended, 0, 'it ends with the server');
  } finally {
    for (const descriptor of [...opened, mount, fuse.reader, fuse.writer, abort.reader, abort.writer]) closeSync(descriptor);
  }
}

/** Another process, for what this one does is what the server does. */
const other = (script: string, inside: string): void => {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: inside, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

const skip = cannotMount() || (!existsSync('/proc/sys/fs/fanotify') && 'the kernel has no fanotify');

for (const { name, withTree } of treeFilesystems) {
  t.test(`what others change is told, on ${name}`, { skip }, (t) =>
    withTree(scratchDirectory(t, 'watched'), (tree) => {
      other('mkdir sub; echo one >file; ln -s file link; ln file sub/second; touch gone', tree);
      return withWatcher(t, tree, async ({ inside, open, ask, told, untilTold }) => {
        for (const [nodeid, path] of [[1, '.'], [2, 'file'], [3, 'sub'], [4, 'link'], [5, 'gone']] as const) t.equal(ask(WATCH, nodeid, open(path)), 0, path);
        const scripts: readonly (readonly [string, ...string[]])[] = [
          ['echo two >>file', '2 with contents'],
          ['chmod 600 file', '2'],
          ['truncate -s 1 file', '2 with contents'],
          ['echo three >>sub/second', '2 with contents'],
          ['touch new', '1/new', '1'],
          ['mkdir made', '1/made'],
          ['rm gone', '1/gone', '5'],
          ['mv new sub/moved', '1/new', '3/moved'],
          ['mv link sub/link', '1/link', '3/link', '4'],
          ['chmod 700 sub', '3'],
          ['mv sub dir', '1/sub', '1/dir', '3'],
          ['chown 1:1 .', '1'],
          ["touch 'a name'", '1/a name'],
        ];
        for (const [script, ...expected] of scripts) {
          other(script, inside);
          await untilTold(...expected);
        }
        t.equal(ask(UNWATCH, 2, open('file')), 0);
        t.equal(ask(WATCH, 7, open('file')), 0, 'under another number');
        other('echo four >>file', inside);
        await untilTold('7 with contents');
        // What has been told is told again after a while; then all is quiet.
        await until('all is told', () => told().length === 0 || undefined);
      });
    }));
}

t.test('what the server does itself is not told, and what was told is told again', { skip }, (t) => {
  const tree = scratchDirectory(t, 'own');
  writeFileSync(join(tree, 'file'), '');
  return withWatcher(t, tree, async ({ inside, open, ask, untilTold, told }) => {
    for (const [nodeid, path] of [[1, '.'], [2, 'file']] as const) t.equal(ask(WATCH, nodeid, open(path)), 0);
    writeFileSync(join(inside, 'file'), 'own');
    linkSync(join(inside, 'file'), join(inside, 'own'));
    other('touch others', inside);
    const all: string[] = [];
    await until('it is told twice', () => {
      all.push(...told());
      return all.filter((each) => each === '1/others').length === 2 || undefined;
    });
    t.strictSame(all.filter((each) => each.startsWith('2') || each.endsWith('own')), [], 'and nothing else');
    other('echo >>file', inside);
    await untilTold('2 with contents');
  });
});

t.test('of more than can be watched, what is in use', { skip }, (t) => {
  const tree = scratchDirectory(t, 'many');
  const names = ['a', 'b', 'c', 'd'];
  for (const name of names) writeFileSync(join(tree, name), '');
  return withWatcher(t, tree, async ({ inside, open, socket, untilTold, told }) => {
    let now = 1;
    const watcher = new Watcher(socket, 2, () => now);
    const nodes = names.map((name, index): TreeNode => ({
      nodeid: index + 2, inode: index, descriptor: open(name), mode: 0o100644, lookups: 1, parent: undefined, name, decision: FREE, cachedOpens: 0, backing: undefined, isWatched: false, watchedFrom: 0, usedAt: 0,
    }));
    const [a, , c, d] = nodes as [TreeNode, TreeNode, TreeNode, TreeNode];
    const covered = (): string => nodes.filter(({ isWatched }) => isWatched).map(({ name }) => name).join('');
    for (const node of nodes) t.notOk(watcher.covers(node), 'whoever looks once');
    now += 1000;
    t.strictSame(nodes.map((node) => watcher.covers(node)), [true, true, false, false], 'as many as there is room for');
    now += 61_000;
    t.ok(watcher.covers(a));
    t.notOk(watcher.covers(c), 'what the kernel may believe in still is not given up');
    now += 61_000;
    t.ok(watcher.covers(c), 'what nobody has asked for is');
    t.equal(covered(), 'ac');
    t.notOk(watcher.covers(d));
    t.equal(watcher.count, 2);
    other('echo >>a; echo >>b; echo >>c', inside);
    await untilTold('2 with contents', '4 with contents');
    t.strictSame(told().filter((each) => each.startsWith('3')), [], 'nobody is told of it any more');
    watcher.forget(a);
    now += 61_000;
    t.ok(watcher.covers(d), 'there is room again');
    t.equal(covered(), 'cd');
  });
});

t.test('what cannot be watched', { skip: skip || missing('mkfifo') }, (t) => {
  const [tree, outside] = [scratchDirectory(t, 'asked'), scratchDirectory(t, 'outside')];
  writeFileSync(join(tree, 'file'), '');
  writeFileSync(join(outside, 'file'), '');
  symlinkSync(join(outside, 'file'), join(tree, 'link'));
  mkdirSync(join(tree, 'bound'));
  spawnSync('mkfifo', [join(tree, 'fifo')]);
  return withWatcher(t, tree, async ({ inside, open, ask, send, untilTold, told }) => {
    t.equal(ask(WATCH, 2, openSync(join(outside, 'file'), O_PATH)), EXDEV, 'a file outside');
    t.equal(ask(WATCH, 2, openSync(join(inside, 'file'), O_PATH)), EXDEV, 'the very file, by another mount');
    t.equal(ask(WATCH, 2, openSync('/', O_PATH)), EXDEV, 'the root');
    t.equal(ask(WATCH, 2, open('fifo')), EINVAL, 'a pipe');
    t.equal(ask(WATCH, 2), EINVAL, 'nothing');
    t.equal(ask(WATCH, 2, open('file'), open('file')), EINVAL, 'two files');
    t.equal(ask(WATCH, 0, open('file')), EINVAL, 'no node');
    t.equal(ask(3, 2, open('file')), EINVAL, 'another operation');
    t.equal(send(Buffer.alloc(8), open('file')), EINVAL, 'half a request');
    t.equal(send(Buffer.alloc(4096, 1), open('file')), EINVAL, 'more than a request');
    t.equal(ask(WATCH, 9, open('link')), 0, 'a symbolic link is itself');
    t.equal(ask(WATCH, 1, open('.')), 0);
    other(`echo more >>'${join(outside, 'file')}'; touch after`, inside);
    await untilTold('1/after');
    t.strictSame(told().filter((each) => !each.startsWith('1')), [], 'and not what it leads to');
  });
});

t.test('the server dies while the kernel cannot be told', { skip }, (t) => {
  const tree = scratchDirectory(t, 'dies');
  return withWatcher(t, tree, async ({ inside, open, ask, block, isBlocked, die, hasAborted, told, ended }) => {
    t.equal(ask(WATCH, 1, open('.')), 0);
    block();
    other('touch new', inside);
    await until('it is waiting', () => isBlocked() || undefined);
    // It answers all the same.
    t.equal(ask(UNWATCH, 5, open('.')), 0);
    die();
    await until('the connection is ended', () => hasAborted() || undefined);
    told();
    await ended;
  });
});
