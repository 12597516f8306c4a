import { execFileSync } from 'node:child_process';
import { Directory, type DirectoryEntry } from '../../server/ext4/directory/directory.js';
import type { FilesystemError } from '../../server/ext4/errors.js';
import type { Filesystem } from '../../server/ext4/filesystem.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber, ROOT_INODE } from '../../server/ext4/units.js';
import type { KernelImage } from './kernel-image.js';

/** Names as hexadecimal, since they are bytes, and what the entry says of each. */
export type Names = Map<string, { inode: number; type: number }>;

/** Lists every directory below a mount point: paths and names in hexadecimal, types as ext4 numbers them. */
const LIST_ALL = `
import json, os, sys
top = os.fsencode(sys.argv[1])
found = {}
def type_of(entry):
    mode = entry.stat(follow_symlinks=False).st_mode >> 12
    return {8: 1, 4: 2, 2: 3, 6: 4, 1: 5, 12: 6, 10: 7}[mode]
def look(path):
    entries = list(os.scandir(path))
    found[path[len(top) + 1:].hex()] = [[entry.name.hex(), entry.inode(), type_of(entry)] for entry in entries]
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            look(entry.path)
look(top)
json.dump(found, sys.stdout)
`;

/** What the kernel's driver lists, by path in hexadecimal. */
export function kernelListing(image: KernelImage, options = 'ro'): Map<string, Names> {
  const output = image.mounted(options, (mountPoint) => execFileSync('python3', ['-c', LIST_ALL, mountPoint], { maxBuffer: 1 << 29 }));
  const found = JSON.parse(output.toString()) as Record<string, [string, number, number][]>;
  return new Map(Object.entries(found).map(([path, entries]) => [path, new Map(entries.map(([name, inode, type]) => [name, { inode, type }]))]));
}

/** Directories of an open filesystem, and the damage they reported. */
export class DirectoryReader {
  readonly filesystem: Filesystem;
  readonly directory: Directory;
  readonly reports: FilesystemError[] = [];

  constructor(filesystem: Filesystem) {
    this.filesystem = filesystem;
    this.directory = new Directory({ ...parts(filesystem), report: (error) => this.reports.push(error) });
  }

  lookup(dir: Inode, name: Uint8Array): number {
    const padded = Uint8Array.of(0xff, ...name, 0xff);
    return this.directory.lookup(dir, padded, 1, name.length);
  }

  /** The inode at a path of names. */
  resolve(path: string): Inode {
    let inode = this.filesystem.inodes.get(ROOT_INODE);
    for (const name of path.split('/').filter((part) => part !== '')) {
      const found = this.lookup(inode, new TextEncoder().encode(name));
      if (found === 0) throw new Error(`${path}: there is no ${name}`);
      inode = this.filesystem.inodes.get(inodeNumber(found));
    }
    return inode;
  }

  /** Lists with calls that each take `batch` entries, and fails where one comes twice. */
  list(dir: Inode, batch = Infinity): Names {
    const names: Names = new Map();
    this.visitAll(dir, batch, ({ inode, fileType: type, bytes, nameOffset, nameLength }) => {
      const name = Buffer.from(bytes.subarray(nameOffset, nameOffset + nameLength)).toString('hex');
      if (names.has(name)) throw new Error(`${name} is listed twice`);
      names.set(name, { inode, type });
    });
    return names;
  }

  visitAll(dir: Inode, batch: number, visit: (entry: DirectoryEntry) => void): void {
    let position = 0;
    let taken = batch;
    while (taken === batch) {
      taken = 0;
      this.directory.iterate(dir, position, (entry) => {
        if (taken === batch) return false;
        taken++;
        if (entry.position <= position) throw new Error(`position ${entry.position} does not follow ${position}`);
        ({ position } = entry);
        visit(entry);
        return true;
      });
    }
  }
}

const parts = ({ superblock, cache, geometry, mapping, inline }: Filesystem) => ({ superblock, cache, geometry, mapping, inline });

const hex = (text: string): string => Buffer.from(text).toString('hex');
export const DOT = hex('.');
export const DOT_DOT = hex('..');

/** Differences between what we find in every directory and what the kernel lists; none where all is well. */
export function compare(reader: DirectoryReader, expected: Map<string, Names>, batch = Infinity): string[] {
  const differences: string[] = [];
  for (const [path, names] of expected) {
    const dir = reader.resolve(Buffer.from(path, 'hex').toString());
    const where = Buffer.from(path, 'hex').toString() || '/';
    const listed = reader.list(dir, batch);
    if (listed.get(DOT)?.inode !== dir.number) differences.push(`${where}: "." is ${listed.get(DOT)?.inode}`);
    if (listed.get(DOT_DOT)?.inode !== reader.directory.parent(dir)) differences.push(`${where}: ".." is ${listed.get(DOT_DOT)?.inode}`);
    listed.delete(DOT);
    listed.delete(DOT_DOT);
    if (listed.size !== names.size) differences.push(`${where}: ${listed.size} names instead of ${names.size}`);
    if (reader.directory.isEmpty(dir) !== (names.size === 0)) differences.push(`${where}: emptiness`);
    for (const [name, { inode, type }] of names) {
      const entry = listed.get(name);
      const bytes = Buffer.from(name, 'hex');
      if (entry?.inode !== inode) differences.push(`${where}: ${name} listed with inode ${entry?.inode} instead of ${inode}`);
      if (entry !== undefined && entry.type !== type && entry.type !== 0) differences.push(`${where}: ${name} has type ${entry.type} instead of ${type}`);
      const found = reader.lookup(dir, bytes);
      if (found !== inode) differences.push(`${where}: ${name} found as ${found} instead of ${inode}`);
      const absent = reader.lookup(dir, Buffer.concat([bytes.subarray(0, 250), Buffer.from('~')]));
      if (absent !== 0) differences.push(`${where}: ${name}~ found`);
    }
    if (differences.length > 10) break;
  }
  return differences;
}
