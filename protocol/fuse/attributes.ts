/**
 *   fuse_attr (88)       ino8@0 size8@8 blocks8@16 atime8@24 mtime8@32 ctime8@40 atimensec4@48
 *                        mtimensec4@52 ctimensec4@56 mode4@60 nlink4@64 uid4@68 gid4@72 rdev4@76
 *                        blksize4@80 flags4@84
 *   fuse_getattr_in (16) getattr_flags4@0 dummy4@4 fh8@8
 *   fuse_attr_out (104)  attr_valid8@0 attr_valid_nsec4@8 dummy4@12 attr@16
 *   fuse_entry_out (128) nodeid8@0 generation8@8 entry_valid8@16 attr_valid8@24 entry_valid_nsec4@32
 *                        attr_valid_nsec4@36 attr@40
 *
 * The kernel answers the caller EIO, and marks the inode bad, if the file type is unknown or not what
 * it was before, or if the size is beyond 2^63-1 (fuse_valid_type(), fuse_valid_size()).
 */
import { write64, writeMaximumU64 } from './word64.js';

/** What stat(2) shows. Times are seconds since 1970, possibly negative, and nanoseconds 0..999999999. */
export interface Attributes {
  readonly inode: number;
  readonly size: number;
  /** In units of 512 bytes. */
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
  readonly atimeNanoseconds: number;
  readonly mtimeNanoseconds: number;
  readonly ctimeNanoseconds: number;
  readonly mode: number;
  readonly links: number;
  readonly uid: number;
  readonly gid: number;
  /** Of device nodes, in the kernel's 32-bit encoding: minor low 8 bits, major 12, minor high 12. */
  readonly deviceNumber: number;
  readonly blockSize: number;
  /** AttributeFlag of iomap.ts; none where it is not said. */
  readonly flags?: number;
}

export const ATTR_OUT_SIZE = 104;
export const ENTRY_OUT_SIZE = 128;

function writeAttributes(view: DataView, at: number, attributes: Attributes): void {
  write64(view, at, attributes.inode);
  write64(view, at + 8, attributes.size);
  write64(view, at + 16, attributes.blocks);
  write64(view, at + 24, attributes.atime);
  write64(view, at + 32, attributes.mtime);
  write64(view, at + 40, attributes.ctime);
  view.setUint32(at + 48, attributes.atimeNanoseconds, true);
  view.setUint32(at + 52, attributes.mtimeNanoseconds, true);
  view.setUint32(at + 56, attributes.ctimeNanoseconds, true);
  view.setUint32(at + 60, attributes.mode, true);
  view.setUint32(at + 64, attributes.links, true);
  view.setUint32(at + 68, attributes.uid, true);
  view.setUint32(at + 72, attributes.gid, true);
  view.setUint32(at + 76, attributes.deviceNumber, true);
  view.setUint32(at + 80, attributes.blockSize, true);
  view.setUint32(at + 84, attributes.flags ?? 0, true);
}

/** Attributes that hold until this server says otherwise. @returns the length written */
export function writeAttrOut(view: DataView, at: number, attributes: Attributes): number {
  writeMaximumU64(view, at);
  write64(view, at + 8, 0);
  writeAttributes(view, at + 16, attributes);
  return ATTR_OUT_SIZE;
}

/** A name and its attributes, both valid until this server says otherwise. @returns the length written */
export function writeEntryOut(
  view: DataView,
  at: number,
  nodeid: number,
  generation: number,
  attributes: Attributes,
): number {
  write64(view, at, nodeid);
  write64(view, at + 8, generation);
  writeMaximumU64(view, at + 16);
  writeMaximumU64(view, at + 24);
  write64(view, at + 32, 0);
  writeAttributes(view, at + 40, attributes);
  return ENTRY_OUT_SIZE;
}

/** Limits how long a written fuse_attr_out holds, since others change the file too. */
export function limitAttrOut(view: DataView, at: number, seconds: number): void {
  write64(view, at, seconds);
}

/** Limits for how many seconds a written fuse_entry_out holds, name and attributes. */
export function limitEntryOut(view: DataView, at: number, name: number, attributes: number): void {
  write64(view, at + 16, name);
  write64(view, at + 24, attributes);
}

/** "No such name", for the kernel to remember. @returns the length written */
export function writeNegativeEntryOut(view: DataView, at: number): number {
  clear(view, at, ENTRY_OUT_SIZE);
  writeMaximumU64(view, at + 16);
  return ENTRY_OUT_SIZE;
}

/** A READDIRPLUS entry whose attributes the kernel has to ask for when it needs them. @returns the length written */
export function writeUnknownEntryOut(view: DataView, at: number): number {
  clear(view, at, ENTRY_OUT_SIZE);
  return ENTRY_OUT_SIZE;
}

function clear(view: DataView, at: number, length: number): void {
  for (let offset = 0; offset < length; offset += 8) view.setFloat64(at + offset, 0, true);
}
