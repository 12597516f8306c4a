import { joinHalves } from './read.js';

/**
 * A quota file in place, version 1 of the kernel's v2 format (include/linux/dqblk_qtree.h,
 * fs/quota/quotaio_v2.h): blocks of 1 KiB whatever the filesystem's own are. Block 0 has the header,
 * block 1 is the root of a radix tree of depth four over ids, whose lowest nodes point to blocks of
 * entries. Entries of any ids share such a block. `at` is where a block, or an entry, begins in the view.
 */
export const QUOTA_BLOCK_SIZE = 1024;
export const TREE_ROOT = 1;
export const TREE_DEPTH = 4;
export const REFERENCES = QUOTA_BLOCK_SIZE / 4;
export const ENTRY_SIZE = 72;
export const ENTRIES_START = 16;
export const ENTRIES_PER_BLOCK = Math.floor((QUOTA_BLOCK_SIZE - ENTRIES_START) / ENTRY_SIZE);
/** Limits of space are kept in these units, usage in bytes. */
const LIMIT_UNIT = 1024;

export const QuotaMagic = { user: 0xd9c01f11, group: 0xd9c01927, project: 0xd9c03f14 } as const;
export const QUOTA_VERSION = 1;

export const headerMagic = (view: DataView, at: number): number => view.getUint32(at, true);
export const headerVersion = (view: DataView, at: number): number => view.getUint32(at + 4, true);
/** Seconds that a soft limit may be exceeded. */
export const spaceGrace = (view: DataView, at: number): number => view.getUint32(at + 8, true);
export const inodeGrace = (view: DataView, at: number): number => view.getUint32(at + 12, true);
/** Blocks of the file in use, block 0 included. */
export const blockCount = (view: DataView, at: number): number => view.getUint32(at + 20, true);
/** The first of the blocks that are not in use, 0 for none. */
export const firstFreeBlock = (view: DataView, at: number): number => view.getUint32(at + 24, true);
/** The first of the blocks of entries with room, 0 for none. */
export const firstWithRoom = (view: DataView, at: number): number => view.getUint32(at + 28, true);
export const setBlockCount = (view: DataView, at: number, value: number): void => view.setUint32(at + 20, value, true);
export const setFirstFreeBlock = (view: DataView, at: number, value: number): void => view.setUint32(at + 24, value, true);
export const setFirstWithRoom = (view: DataView, at: number, value: number): void => view.setUint32(at + 28, value, true);

/** Which reference of a node leads to an id. @param depth 0 for the root */
export const referenceIndex = (id: number, depth: number): number => (id >>> (8 * (TREE_DEPTH - 1 - depth))) & 0xff;
export const reference = (view: DataView, at: number, index: number): number => view.getUint32(at + index * 4, true);
export const setReference = (view: DataView, at: number, index: number, block: number): void => view.setUint32(at + index * 4, block, true);

/** Blocks of entries with room are a list that leads both ways; blocks that are free one that leads forward. */
export const nextInList = (view: DataView, at: number): number => view.getUint32(at, true);
export const previousInList = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const entriesInUse = (view: DataView, at: number): number => view.getUint16(at + 8, true);
export const setNextInList = (view: DataView, at: number, block: number): void => view.setUint32(at, block, true);
export const setPreviousInList = (view: DataView, at: number, block: number): void => view.setUint32(at + 4, block, true);
export const setEntriesInUse = (view: DataView, at: number, count: number): void => view.setUint16(at + 8, count, true);

export const entryId = (view: DataView, at: number): number => view.getUint32(at, true);

/** Whether an entry is all zeros, which marks it as free. */
export function isFreeEntry(view: DataView, at: number): boolean {
  for (let word = 0; word < ENTRY_SIZE; word += 4) if (view.getUint32(at + word, true) !== 0) return false;
  return true;
}

/** What one user, group or project has, and may have. Space is in bytes; a limit of 0 is none. */
export class Dquot {
  inodesHard = 0;
  inodesSoft = 0;
  inodes = 0;
  spaceHard = 0;
  spaceSoft = 0;
  space = 0;
  /** When a soft limit that is exceeded begins to refuse, in seconds since 1970; 0 while it is not. */
  spaceDeadline = 0;
  inodesDeadline = 0;

  get isLimited(): boolean {
    return this.inodesHard !== 0 || this.inodesSoft !== 0 || this.spaceHard !== 0 || this.spaceSoft !== 0;
  }

  /** Nothing is lost without an entry for it. */
  get isEmpty(): boolean {
    return this.inodes === 0 && this.space === 0 && !this.isLimited;
  }

  /** @throws CorruptionError where usage is beyond what a filesystem can hold */
  read(view: DataView, at: number, inode: number): void {
    const place = { inode, offset: at };
    const wide = (field: number): number => view.getUint32(at + field, true) + view.getUint32(at + field + 4, true) * 0x1_0000_0000;
    this.inodesHard = wide(8);
    this.inodesSoft = wide(16);
    this.inodes = joinHalves(view.getUint32(at + 24, true), view.getUint32(at + 28, true), 'quota file', place, 'dqb_curinodes');
    this.spaceHard = wide(32) * LIMIT_UNIT;
    this.spaceSoft = wide(40) * LIMIT_UNIT;
    this.space = joinHalves(view.getUint32(at + 48, true), view.getUint32(at + 52, true), 'quota file', place, 'dqb_curspace');
    this.spaceDeadline = wide(56);
    this.inodesDeadline = wide(64);
    // What keeps the entry of id 0 from looking free.
    if (this.isEmpty && this.spaceDeadline === 0 && this.inodesDeadline === 1) this.inodesDeadline = 0;
  }

  /** Writes usage and deadlines. */
  writeUsage(view: DataView, at: number): void {
    writeWide(view, at + 24, this.inodes);
    writeWide(view, at + 48, this.space);
    writeWide(view, at + 56, this.spaceDeadline);
    writeWide(view, at + 64, this.inodesDeadline);
    if (isFreeEntry(view, at)) writeWide(view, at + 64, 1);
  }

  writeLimits(view: DataView, at: number): void {
    writeWide(view, at + 8, this.inodesHard);
    writeWide(view, at + 16, this.inodesSoft);
    writeWide(view, at + 32, Math.ceil(this.spaceHard / LIMIT_UNIT));
    writeWide(view, at + 40, Math.ceil(this.spaceSoft / LIMIT_UNIT));
  }
}

/** An entry that nothing is known of but its id. */
export function initialiseEntry(view: DataView, at: number, id: number): void {
  for (let word = 0; word < ENTRY_SIZE; word += 4) view.setUint32(at + word, 0, true);
  view.setUint32(at, id, true);
  if (id === 0) writeWide(view, at + 64, 1);
}

export function clearEntry(view: DataView, at: number): void {
  for (let word = 0; word < ENTRY_SIZE; word += 4) view.setUint32(at + word, 0, true);
}

function writeWide(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true);
}
