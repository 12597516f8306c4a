/** Images as the kernel leaves them when the power is cut after fast commits. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Directory } from '../../server/ext4/directory/directory.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { journalInodeBlocks, run, type JournalLaboratory } from './journal-image.js';
import { MemoryDevice } from './memory-device.js';

const FAST_COMMIT_KIB = 1024;

/** Path to what is to be seen there: type and mode, links, size, SHA-1 of contents. */
export type Tree = Record<string, string>;

/** The size of a directory is left out: names may need more or fewer blocks when they are put in again. */
function describe(mode: number, links: number, size: number, content: Uint8Array): string {
  return `${mode.toString(8)} ${links} ${size} ${createHash('sha1').update(content).digest('hex')}`;
}

export function kernelTree(root: string, path = '', tree: Tree = {}): Tree {
  const state = lstatSync(join(root, path));
  const content = state.isFile() ? readFileSync(join(root, path)) : new Uint8Array();
  tree[path] = describe(state.mode, state.nlink, state.isDirectory() ? 0 : state.size, content);
  if (state.isDirectory()) for (const name of readdirSync(join(root, path))) kernelTree(root, `${path}/${name}`, tree);
  return tree;
}

export function ourTree(filesystem: Filesystem): Tree {
  const directories = new Directory(filesystem);
  const tree: Tree = {};
  const visit = (number: number, path: string): void => {
    const inode = filesystem.inode(inodeNumber(number));
    const content = new Uint8Array(inode.isRegular ? inode.size : 0);
    filesystem.content.read(inode, 0, content.length, content, 0);
    tree[path] = describe(inode.mode, inode.links, inode.isDirectory ? 0 : inode.size, content);
    if (!inode.isDirectory) return;
    const children: [string, number][] = [];
    directories.iterate(inode, 0, (entry) => {
      children.push([Buffer.from(entry.bytes.subarray(entry.nameOffset, entry.nameOffset + entry.nameLength)).toString(), entry.inode]);
      return true;
    });
    for (const [name, child] of children) {
      const found = directories.lookup(inode, Buffer.from(name), 0, name.length);
      if (found !== child) throw new Error(`${path}/${name} is listed as inode ${child} and found as ${found}`);
      if (name !== '.' && name !== '..') visit(child, `${path}/${name}`);
    }
  };
  visit(2, '');
  return tree;
}

function makeDurable(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

function writeDurably(path: string, content: Uint8Array | string, position = 0): void {
  const fd = openSync(path, existsSync(path) ? 'r+' : 'w');
  writeSync(fd, Buffer.from(content), 0, undefined, position);
  fsyncSync(fd);
  closeSync(fd);
}

/** An image as it is while the kernel uses it, with fast commits in its journal; and what the kernel sees in it. */
export function interrupted(laboratory: JournalLaboratory, features: string, after: (root: string) => void): { readonly image: string; readonly expected: Tree } {
  const image = laboratory.file('image');
  writeFileSync(image, '');
  const journal = `size=4,fast_commit_size=${FAST_COMMIT_KIB}`;
  run('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-O', `fast_commit,^orphan_file${features}`, '-J', journal, image, '64M']);
  const root = laboratory.file('mount');
  mkdirSync(root);
  const loop = run('losetup', ['-f', '--show', image]).trim();
  try {
    run('mount', ['-t', 'ext4', loop, root]);
  } finally {
    run('losetup', ['-d', loop]);
  }
  try {
    fillInFull(root);
    run('sync', ['-f', root]);
    // There are no fast commits before a transaction was committed in full.
    writeFileSync(join(root, 'committed'), 'in full');
    run('sync', ['-f', root]);
    after(root);
    const copy = laboratory.copy(image);
    return { image: copy, expected: kernelTree(root) };
  } finally {
    if (spawnSync('umount', [root]).status !== 0) spawnSync('umount', ['-l', root]);
  }
}

export function hasFastCommits(image: string): boolean {
  const device = MemoryDevice.of(image, true);
  const blocks = journalInodeBlocks(image);
  const first = (blocks.length - FAST_COMMIT_KIB / 4 + 1) as number;
  return new DataView(device.bytes.buffer).getUint16((blocks[first] as number) * 4096, true) === 9;
}

const longNames = (count: number): string[] => Array.from({ length: count }, (_, index) => `a-name-so-long-that-few-of-them-fill-a-block-of-the-directory-${index}`);

/** What every image holds before its fast commits. */
function fillInFull(root: string): void {
  mkdirSync(join(root, 'directory'));
  mkdirSync(join(root, 'indexed'));
  for (const name of longNames(300)) writeFileSync(join(root, 'indexed', name), name);
  for (const name of ['moved', 'removed', 'replaced', 'replacing', 'linked']) writeFileSync(join(root, name), name);
  writeFileSync(join(root, 'holes'), Buffer.alloc(40_000, 1));
  writeFileSync(join(root, 'overwritten'), Buffer.alloc(40_000, 2));
}

/** What is fast committed. */
export const fastCommitCases: Readonly<Record<string, (root: string) => void>> = {
  'new files': (root) => {
    for (let index = 0; index < 20; index++) writeDurably(join(root, `new-${index}`), `content ${index}`);
  },
  'names': (root) => {
    linkSync(join(root, 'linked'), join(root, 'directory', 'link'));
    renameSync(join(root, 'moved'), join(root, 'directory', 'moved'));
    renameSync(join(root, 'replacing'), join(root, 'replaced'));
    unlinkSync(join(root, 'removed'));
    makeDurable(join(root, 'linked'));
    writeDurably(join(root, 'takes-a-free-inode'), 'new content');
  },
  'directories': (root) => {
    for (const name of ['one', 'one/two', 'one/two/three', 'one/gone']) mkdirSync(join(root, name));
    writeDurably(join(root, 'one/two/file'), 'deep');
    rmdirSync(join(root, 'one/gone'));
    renameSync(join(root, 'moved'), join(root, 'one', 'moved'));
    writeDurably(join(root, 'last'), '');
  },
  'a directory that grows': (root) => {
    for (const name of longNames(150)) writeFileSync(join(root, 'directory', name), '');
    writeDurably(join(root, 'last'), '');
  },
  'an indexed directory': (root) => {
    const names = longNames(340);
    for (const name of names.slice(0, 10)) unlinkSync(join(root, 'indexed', name));
    for (const name of names.slice(300)) writeDurably(join(root, 'indexed', name), name);
  },
  'ranges': (root) => {
    for (let block = 0; block < 40; block += 2) writeDurably(join(root, 'sparse'), Buffer.alloc(4096, block), block * 4096);
    execFileSync('fallocate', ['-p', '-o', '8192', '-l', '8192', join(root, 'holes')]);
    makeDurable(join(root, 'holes'));
    truncateSync(join(root, 'overwritten'), 10_000);
    writeDurably(join(root, 'overwritten'), Buffer.alloc(20_000, 3), 12_000);
    execFileSync('fallocate', ['-l', '1M', join(root, 'reserved')]);
    writeDurably(join(root, 'reserved'), 'in the middle', 500_000);
  },
  'one file written again and again': (root) => {
    for (let round = 0; round < 60; round++) writeDurably(join(root, 'again'), Buffer.alloc(3000, round), round * 2500);
  },
};
