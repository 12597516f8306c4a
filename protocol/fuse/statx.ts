/**
 *   fuse_statx_in (24)   getattr_flags4@0 reserved4@4 fh8@8 sx_flags4@16 sx_mask4@20
 *   fuse_statx_out (288) attr_valid8@0 attr_valid_nsec4@8 flags4@12 spare16@16 statx@32
 *   fuse_statx (256)     mask4@0 blksize4@4 attributes8@8 nlink4@16 uid4@20 gid4@24 mode2@28 spare2@30
 *                        ino8@32 size8@40 blocks8@48 attributes_mask8@56 atime@64 btime@80 ctime@96
 *                        mtime@112 rdev_major4@128 rdev_minor4@132 dev_major4@136 dev_minor4@140
 *                        mnt_id8@144 dio_mem_align4@152 dio_offset_align4@156 subvol8@160
 *                        atomic_write_unit_min4@168 atomic_write_unit_max4@172
 *                        atomic_write_segments_max4@176 spare76@180
 *   fuse_sx_time (16)    tv_sec8@0 tv_nsec4@8 reserved4@12
 *
 * Sent only for callers that ask for more than stat(2) gives, that is the time of birth.
 */
import type { Attributes } from './attributes.js';
import { AttributeFlag } from './iomap.js';
import { write64, writeMaximumU64 } from './word64.js';

export const STATX_OUT_SIZE = 288;

/** The kernel takes the basic attributes over only if all of these are set in the reply. */
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_WRITE_ATOMIC = 0x10000;

/** Attributes and the time of birth; `birthKnown` false where the inode has no room for it. */
export interface BirthAttributes extends Attributes {
  readonly birthKnown: boolean;
  readonly birth: number;
  readonly birthNanoseconds: number;
}

function writeTime(view: DataView, at: number, seconds: number, nanoseconds: number): void {
  write64(view, at, seconds);
  write64(view, at + 8, nanoseconds);
}

/** Writes of one block each can be asked not to be torn. */
function writeUntornUnit(view: DataView, statx: number, blockSize: number): void {
  view.setUint32(statx, view.getUint32(statx, true) | STATX_WRITE_ATOMIC, true);
  view.setUint32(statx + 168, blockSize, true);
  view.setUint32(statx + 172, blockSize, true);
  view.setUint32(statx + 176, 1, true);
}

/** @returns the length written */
export function writeStatxOut(view: DataView, at: number, attributes: BirthAttributes): number {
  for (let offset = 0; offset < STATX_OUT_SIZE; offset += 4) view.setUint32(at + offset, 0, true);
  writeMaximumU64(view, at);
  const statx = at + 32;
  view.setUint32(statx, attributes.birthKnown ? STATX_BASIC_STATS | STATX_BTIME : STATX_BASIC_STATS, true);
  view.setUint32(statx + 4, attributes.blockSize, true);
  view.setUint32(statx + 16, attributes.links, true);
  view.setUint32(statx + 20, attributes.uid, true);
  view.setUint32(statx + 24, attributes.gid, true);
  view.setUint16(statx + 28, attributes.mode, true);
  write64(view, statx + 32, attributes.inode);
  write64(view, statx + 40, attributes.size);
  write64(view, statx + 48, attributes.blocks);
  writeTime(view, statx + 64, attributes.atime, attributes.atimeNanoseconds);
  if (attributes.birthKnown) writeTime(view, statx + 80, attributes.birth, attributes.birthNanoseconds);
  writeTime(view, statx + 96, attributes.ctime, attributes.ctimeNanoseconds);
  writeTime(view, statx + 112, attributes.mtime, attributes.mtimeNanoseconds);
  if (((attributes.flags ?? 0) & AttributeFlag.ATOMIC) !== 0) writeUntornUnit(view, statx, attributes.blockSize);
  const device = attributes.deviceNumber;
  view.setUint32(statx + 128, (device >>> 8) & 0xfff, true);
  view.setUint32(statx + 132, (device & 0xff) | ((device >>> 12) & 0xfff00), true);
  return STATX_OUT_SIZE;
}
