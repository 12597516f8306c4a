import type { Directory } from '../ext4/directory/directory.js';
import type { Filesystem } from '../ext4/filesystem.js';
import type { Inode } from '../ext4/inode.js';
import type { SymbolicLinks } from '../ext4/symlink.js';
import type { InodeNumber } from '../ext4/units.js';
import type { DataThreads } from '../session/filesystem.js';
import type { InodeAttributes } from './inode-attributes.js';
import type { MetadataReads } from './metadata-reads.js';
import type { Nodes } from './nodes.js';
import type { ServerOptions } from './options.js';
import type { SpaceInUse } from './space.js';

/** Who does for the filesystem thread what it would have to wait for; undefined: it waits itself. */
export interface VolumeThreads {
  readonly dataThreads: DataThreads | undefined;
  readonly metadataReads: MetadataReads | undefined;
}

/** What every family of operations works on. */
export interface Volume extends VolumeThreads {
  readonly filesystem: Filesystem;
  readonly directories: Directory;
  readonly links: SymbolicLinks;
  readonly nodes: Nodes;
  /** Filled anew for each reply. */
  readonly attributes: InodeAttributes;
  readonly options: ServerOptions;
  /** Told of every inode that a reply makes the kernel know. */
  readonly lookups: LookupCounter;
  /** What is free now. */
  readonly space: () => SpaceInUse;
  readonly accessTimes: AccessListener;
}

/** Keeps access times; a read-only mount has none to keep. */
export interface AccessListener {
  /** Something of the file was read by way of a descriptor with those flags of open(2). Outside a handle. */
  accessed(inode: Inode, openFlags: number): void;
}

/** Counts what the kernel knows; a read-only mount has no need to. */
export interface LookupCounter {
  add(inode: InodeNumber): void;
}
