import { lstatSync, openSync, closeSync, readSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { FIRST_PLACE, Tree } from '../../library/tree.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import { FileType } from '../../server/ext4/layout/inode.js';
import type { InodeNumber } from '../../server/ext4/units.js';
import { linksOf, type ModelDirectory, type ModelFile, type ModelNode } from './model.js';

/** Larger files are compared only where something was written. */
const READ_WHOLE = 8 << 20;
const AT_ONCE = 64 << 10;
const MOST_DIFFERENCES = 20;

type ReadAt = (offset: number, length: number) => Uint8Array;

/** Where a filesystem that our own code reads is not what the model says. */
export function differencesFromModel(filesystem: Filesystem, root: ModelDirectory): string[] {
  const found: string[] = [];
  const tree = new Tree(filesystem);
  const waiting: [string, ModelDirectory][] = [['', root]];
  for (let next = waiting.pop(); next !== undefined && found.length < MOST_DIFFERENCES; next = waiting.pop()) {
    const [path, directory] = next;
    const names = listed(tree, directory.number);
    compareNames(path, new Set(names.keys()), directory, found);
    for (const [name, node] of directory.entries) {
      const number = names.get(name);
      if (number === undefined) continue;
      if (number !== node.number) found.push(`${path}/${name}: is inode ${number}, should be ${node.number}`);
      compareNode(tree, `${path}/${name}`, node, found);
      if (node.kind === 'directory') waiting.push([`${path}/${name}`, node]);
    }
    filesystem.trim();
  }
  return found;
}

export function fileDifference(filesystem: Filesystem, file: ModelFile): string | undefined {
  const tree = new Tree(filesystem);
  const { size } = tree.inode(file.number);
  if (size !== file.contents.size) return `size is ${size}, should be ${file.contents.size}`;
  return contentsDifference(file, (offset, length) => {
    const buffer = new Uint8Array(length);
    return buffer.subarray(0, tree.read(file.number, offset, buffer));
  });
}

/** Where a mounted tree is not what the model says. */
export function differencesOfMount(mountPoint: string, root: ModelDirectory): string[] {
  const found: string[] = [];
  const compareDirectory = (path: string, directory: ModelDirectory): void => {
    const names = new Set(readdirSync(join(mountPoint, path)).filter((name) => path !== '' || name !== 'lost+found'));
    compareNames(path, names, directory, found);
    for (const [name, node] of directory.entries) {
      if (!names.has(name) || found.length >= MOST_DIFFERENCES) continue;
      const at = `${path}/${name}`;
      const real = join(mountPoint, at);
      const stats = lstatSync(real);
      const links = linksOf(node);
      if (stats.nlink !== links) found.push(`${at}: ${stats.nlink} links, should be ${links}`);
      if (node.kind === 'symlink' && readlinkSync(real) !== node.target) found.push(`${at}: leads elsewhere`);
      if (node.kind === 'directory') compareDirectory(at, node);
      if (node.kind !== 'file') continue;
      if (stats.size !== node.contents.size) found.push(`${at}: size is ${stats.size}, should be ${node.contents.size}`);
      const descriptor = openSync(real, 'r');
      const difference = contentsDifference(node, (offset, length) => {
        const buffer = new Uint8Array(length);
        return buffer.subarray(0, readSync(descriptor, buffer, 0, length, offset));
      });
      closeSync(descriptor);
      if (difference !== undefined) found.push(`${at}: ${difference}`);
    }
  };
  compareDirectory('', root);
  return found;
}

function listed(tree: Tree, number: InodeNumber): Map<string, InodeNumber> {
  const names = new Map<string, InodeNumber>();
  for (let place: number | undefined = FIRST_PLACE; place !== undefined; ) {
    const batch = tree.list(number, place, 1000);
    for (const { name, inode } of batch.entries) if (name.toString() !== 'lost+found') names.set(name.toString(), inode);
    place = batch.next;
  }
  return names;
}

function compareNames(path: string, names: ReadonlySet<string>, directory: ModelDirectory, found: string[]): void {
  for (const name of names) if (!directory.entries.has(name)) found.push(`${path}/${name}: should not be there`);
  for (const name of directory.entries.keys()) if (!names.has(name)) found.push(`${path}/${name}: missing`);
}

function compareNode(tree: Tree, path: string, node: ModelNode, found: string[]): void {
  const inode = tree.inode(node.number);
  const links = linksOf(node);
  if (inode.links !== links) found.push(`${path}: ${inode.links} links, should be ${links}`);
  if (kindOf(inode.fileType) !== node.kind) {
    found.push(`${path}: type ${inode.fileType.toString(8)}, should be a ${node.kind}`);
    return;
  }
  if (node.kind === 'symlink' && tree.readLink(inode).toString() !== node.target) found.push(`${path}: leads elsewhere`);
  if (node.kind !== 'file') return;
  const difference = fileDifference(tree.filesystem, node);
  if (difference !== undefined) found.push(`${path}: ${difference}`);
}

function kindOf(fileType: number): ModelNode['kind'] {
  if (fileType === FileType.REGULAR) return 'file';
  if (fileType === FileType.DIRECTORY) return 'directory';
  return fileType === FileType.SYMLINK ? 'symlink' : 'special';
}

function contentsDifference({ contents }: ModelFile, readAt: ReadAt): string | undefined {
  const compare = (offset: number, length: number): string | undefined => {
    const wanted = contents.read(offset, length);
    const got = readAt(offset, wanted.length);
    if (Buffer.compare(wanted, got) === 0) return undefined;
    const at = wanted.findIndex((byte, index) => byte !== got[index]);
    return `differs at ${offset + at} of ${contents.size}: ${got[at] ?? 'nothing'}, should be ${wanted[at] ?? 'nothing'}`;
  };
  if (contents.size > READ_WHOLE) {
    for (const { offset, length } of contents.interesting()) {
      const difference = compare(offset, length);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  for (let offset = 0; offset < contents.size; offset += AT_ONCE) {
    const difference = compare(offset, AT_ONCE);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
