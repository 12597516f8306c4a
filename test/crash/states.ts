import { FIRST_PLACE, Tree } from '../../library/tree.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import { ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import { allNodes, linksOf, type ModelDirectory, type ModelFile } from './model.js';

/** What a file held after an operation that may have changed it. */
export interface FileVersion {
  readonly operation: number;
  readonly contents: Uint8Array;
}

/** A tree at one moment: a line for each path, and which version of each file it had. */
export interface TreeState {
  readonly lines: string;
  readonly files: ReadonlyMap<string, { readonly file: ModelFile; readonly version: number }>;
}

const line = (path: string, number: number, links: number, rest: string | number): string => `${path} ${number} ${links} ${rest}`;

export function stateOfModel(root: ModelDirectory, versions: ReadonlyMap<ModelFile, readonly FileVersion[]>): TreeState {
  const lines: string[] = [];
  const files = new Map<string, { file: ModelFile; version: number }>();
  for (const [path, node] of allNodes(root)) {
    const rest = node.kind === 'file' ? node.contents.size : node.kind === 'symlink' ? node.target : '';
    lines.push(line(path, node.number, linksOf(node), rest));
    if (node.kind === 'file') files.set(path, { file: node, version: (versions.get(node)?.length ?? 1) - 1 });
  }
  return { lines: lines.sort().join('\n'), files };
}

/** The same lines, of a filesystem. */
export function linesOfFilesystem(filesystem: Filesystem): string {
  const tree = new Tree(filesystem);
  const lines: string[] = [];
  const walk = (path: string, number: InodeNumber): void => {
    for (let place: number | undefined = FIRST_PLACE; place !== undefined; ) {
      const batch = tree.list(number, place, 1000);
      for (const entry of batch.entries) {
        const at = `${path}/${entry.name.toString()}`;
        if (at === '/lost+found') continue;
        const inode = tree.inode(entry.inode);
        lines.push(line(at, entry.inode, inode.links, inode.isRegular ? inode.size : inode.isSymlink ? tree.readLink(inode).toString() : ''));
        if (inode.isDirectory) walk(at, entry.inode);
      }
      place = batch.next;
    }
  };
  walk('', ROOT_INODE);
  return lines.sort().join('\n');
}

/**
 * Where a file holds what it held at no moment between the version that was committed and the crash:
 * data is written in place, so each byte may be as old as the one and as new as the other.
 */
export function strangeByte(filesystem: Filesystem, number: InodeNumber, possible: readonly Uint8Array[]): string | undefined {
  const tree = new Tree(filesystem);
  const found = new Uint8Array(tree.fileSize(number));
  tree.read(number, 0, found);
  const committed = possible[0] ?? new Uint8Array();
  if (Buffer.compare(found, committed) === 0) return undefined;
  for (let at = 0; at < found.length; at++) {
    if (found[at] === (committed[at] ?? 0)) continue;
    if (!possible.some((version) => (version[at] ?? 0) === found[at])) return `byte ${at} is ${found[at] ?? 0}, committed was ${committed[at] ?? 0}`;
  }
  return undefined;
}

/** The same where data is journalled: all of it is as at one of the moments. */
export function strangeVersion(filesystem: Filesystem, number: InodeNumber, possible: readonly Uint8Array[]): string | undefined {
  const tree = new Tree(filesystem);
  const found = new Uint8Array(tree.fileSize(number));
  tree.read(number, 0, found);
  return possible.some((version) => Buffer.compare(version, found) === 0) ? undefined : 'it is none of what it was at any moment';
}
