/**
 * The iomap extension: the server says where a range of a file lies, and the kernel moves the data. It is in no
 * released kernel, and its numbers may still change; those that differ between the versions seen are a profile.
 *
 *   fuse_iomap_io (32)        offset8@0 length8@8 addr8@16 type2@24 flags2@26 dev4@28
 *   fuse_iomap_begin_in (32)  opflags4@0 reserved4@4 attr_ino8@8 pos8@16 count8@24
 *   fuse_iomap_begin_out (64) read@0 write@32
 *   fuse_iomap_end_in (72)    opflags4@0 reserved4@4 attr_ino8@8 pos8@16 count8@24 written8@32 map@40
 *   fuse_iomap_ioend_in (48)  flags4@0 error4@4 attr_ino8@8 pos8@16 new_addr8@24 written8@32 dev4@40 pad4@44
 *   fuse_iomap_ioend_out (8)  newsize8@0
 */
import { readI64, readU64, write64 } from './word64.js';

/** What a range is. */
export const MappingType = { HOLE: 0, DELALLOC: 1, MAPPED: 2, UNWRITTEN: 3, INLINE: 4 } as const;

/** The numbers that versions of the extension do not share. */
export interface IomapProfile {
  readonly name: 'A' | 'B';
  /** Only where writing is mapped: it goes to where reading comes from. */
  readonly pureOverwrite: number;
  /** The kernel finds the mapping in its own cache, where the server has put it. */
  readonly retryCache: number;
  /** Only in what goes into the kernel's cache: this side of it stays as it is. */
  readonly noCache: number;
  /** MAPPED and UNWRITTEN on a stripe of devices. */
  readonly stripes: readonly number[];
  /** Operations: pages are written back; a swap file is being activated. */
  readonly writeback: number;
  readonly swapFile: number;
}

/** As the author's branches have it (2026-05-21). */
export const PROFILE_A: IomapProfile = {
  name: 'A', pureOverwrite: 65535, retryCache: 65534, noCache: 65533, stripes: [65532, 65531], writeback: 0x800, swapFile: 0x8000_0000,
};

/** As it was posted for review (v7, 2026-02-23). */
export const PROFILE_B: IomapProfile = {
  name: 'B', pureOverwrite: 255, retryCache: 254, noCache: 253, stripes: [], writeback: 0x8000_0000, swapFile: 0x4000_0000,
};

export const IOMAP_PROFILES: Readonly<Record<IomapProfile['name'], IomapProfile>> = { A: PROFILE_A, B: PROFILE_B };

/** Flags of a mapping; the kernel sets the last two, in END. */
export const MappingFlag = {
  NEW: 0x001, DIRTY: 0x002, SHARED: 0x004, MERGED: 0x008, BOUNDARY: 0x010, ANON_WRITE: 0x020, ATOMIC_BIO: 0x040, WANT_IOMAP_END: 0x080,
  SIZE_CHANGED: 0x100, STALE: 0x200,
} as const;
export const SERVER_MAPPING_FLAGS = 0x0ff;

/** Why the kernel asks; WRITEBACK and SWAPFILE are in the profile. */
export const IomapOperation = {
  WRITE: 0x001, ZERO: 0x002, REPORT: 0x004, FAULT: 0x008, DIRECT: 0x010, NOWAIT: 0x020, OVERWRITE_ONLY: 0x040, UNSHARE: 0x080, DAX: 0x100,
  ATOMIC: 0x200, DONTCACHE: 0x400,
} as const;

const { WRITE, ZERO, REPORT, UNSHARE, ATOMIC } = IomapOperation;

/** Whether data will change: ZERO and WRITEBACK come without WRITE. */
export const isWriteOperation = (profile: IomapProfile, operation: number): boolean =>
  (operation & (WRITE | ZERO | UNSHARE | profile.writeback | profile.swapFile)) !== 0;

/** Whether the kernel neither looks into its cache of mappings nor may be sent there. */
export const bypassesCache = (profile: IomapProfile, operation: number): boolean => (operation & (REPORT | ATOMIC | profile.swapFile)) !== 0;

/** How an I/O came to its end (IOEND). */
export const CompletionFlag = { SHARED: 0x01, UNWRITTEN: 0x02, BOUNDARY: 0x04, DIRECT: 0x08, APPEND: 0x10, WRITEBACK: 0x20, SWAPOFF: 0x40 } as const;

/** Flags of fuse_attr. */
export const AttributeFlag = { SUBMOUNT: 0x01, DAX: 0x02, EXCLUSIVE: 0x04, IOMAP: 0x08, ATOMIC: 0x10, SYNC: 0x20, IMMUTABLE: 0x40, APPEND: 0x80 } as const;

/** No address: all bits set on the wire. */
export const NO_ADDRESS = -1;
const NO_DEVICE = 0;

export const MAPPING_SIZE = 32;

/** One range of a file, and where its bytes are. Made once and filled again and again. */
export class Mapping {
  offset = 0;
  /** Bytes. */
  length = 0;
  /** Of the first byte on the device, or NO_ADDRESS. */
  address = NO_ADDRESS;
  type: number = MappingType.HOLE;
  flags = 0;
  device = NO_DEVICE;

  /** Without an address: what has no place on a device. */
  set(offset: number, length: number, type: number, flags = 0, address = NO_ADDRESS, device = NO_DEVICE): this {
    this.offset = offset;
    this.length = length;
    this.type = type;
    this.flags = flags;
    this.address = address;
    this.device = device;
    return this;
  }
}

export function writeMapping(view: DataView, at: number, { offset, length, address, type, flags, device }: Mapping): void {
  write64(view, at, offset);
  write64(view, at + 8, length);
  write64(view, at + 16, address);
  view.setUint16(at + 24, type, true);
  view.setUint16(at + 26, flags, true);
  view.setUint32(at + 28, device, true);
}

export function readMapping(view: DataView, at: number, into: Mapping): Mapping {
  const isNowhere = view.getUint32(at + 16, true) === 0xffffffff && view.getUint32(at + 20, true) === 0xffffffff;
  const address = isNowhere ? NO_ADDRESS : readU64(view, at + 16);
  return into.set(readU64(view, at), readU64(view, at + 8), view.getUint16(at + 24, true), view.getUint16(at + 26, true), address, view.getUint32(at + 28, true));
}

/** Of BEGIN and END. */
export const iomapOperation = (view: DataView, at: number): number => view.getUint32(at, true);
export const iomapInode = (view: DataView, at: number): number => readU64(view, at + 8);
export const iomapPosition = (view: DataView, at: number): number => readU64(view, at + 16);
export const iomapCount = (view: DataView, at: number): number => readU64(view, at + 24);

export const IOMAP_BEGIN_SIZE = 32;
export const IOMAP_BEGIN_OUT_SIZE = 64;

export interface IomapBegin {
  readonly operation: number;
  readonly inode: number;
  readonly position: number;
  readonly count: number;
}

/** @returns the length written */
export function writeIomapBegin(view: DataView, at: number, { operation, inode, position, count }: IomapBegin): number {
  view.setUint32(at, operation, true);
  view.setUint32(at + 4, 0, true);
  write64(view, at + 8, inode);
  write64(view, at + 16, position);
  write64(view, at + 24, count);
  return IOMAP_BEGIN_SIZE;
}

/** @returns the length written */
export function writeIomapBeginOut(view: DataView, at: number, read: Mapping, write: Mapping): number {
  writeMapping(view, at, read);
  writeMapping(view, at + MAPPING_SIZE, write);
  return IOMAP_BEGIN_OUT_SIZE;
}

export const IOMAP_END_SIZE = 72;
/** Bytes that were processed, or a negative errno. */
export const iomapEndWritten = (view: DataView, at: number): number => readI64(view, at + 32);
export const iomapEndMapping = (view: DataView, at: number, into: Mapping): Mapping => readMapping(view, at + 40, into);

/** @returns the length written */
export function writeIomapEnd(view: DataView, at: number, begin: IomapBegin, written: number, mapping: Mapping): number {
  writeIomapBegin(view, at, begin);
  write64(view, at + 32, written);
  writeMapping(view, at + 40, mapping);
  return IOMAP_END_SIZE;
}

export const IOMAP_IOEND_SIZE = 48;
export const IOMAP_IOEND_OUT_SIZE = 8;
export const completionFlags = (view: DataView, at: number): number => view.getUint32(at, true);
/** 0 or a negative errno. */
export const completionError = (view: DataView, at: number): number => view.getInt32(at + 4, true);
export const completionInode = (view: DataView, at: number): number => readU64(view, at + 8);
export const completionPosition = (view: DataView, at: number): number => readU64(view, at + 16);
export const completionWritten = (view: DataView, at: number): number => readU64(view, at + 32);

export interface IomapCompletion {
  readonly flags: number;
  readonly error: number;
  readonly inode: number;
  readonly position: number;
  /** For information only: bytes by its meaning, sectors as the kernel fills it in. */
  readonly address: number;
  readonly written: number;
  readonly device: number;
}

/** @returns the length written */
export function writeIomapCompletion(view: DataView, at: number, { flags, error, inode, position, address, written, device }: IomapCompletion): number {
  view.setUint32(at, flags, true);
  view.setInt32(at + 4, error, true);
  write64(view, at + 8, inode);
  write64(view, at + 16, position);
  write64(view, at + 24, address);
  write64(view, at + 32, written);
  view.setUint32(at + 40, device, true);
  view.setUint32(at + 44, 0, true);
  return IOMAP_IOEND_SIZE;
}

/** @param size that is recorded on disk now. @returns the length written */
export function writeIomapCompletionOut(view: DataView, at: number, size: number): number {
  write64(view, at, size);
  return IOMAP_IOEND_OUT_SIZE;
}
