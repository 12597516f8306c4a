/**
 * The superblock's fields that change while it is mounted, in place: `offset` is where the superblock
 * begins in the view (Documentation/filesystems/ext4/super.rst). What is only read is in superblock.ts.
 */
import { crc32c } from './crc32c.js';

export const SuperblockFields = {
  freeBlocksLow: 0xc,
  freeInodes: 0x10,
  mountTime: 0x2c,
  writeTime: 0x30,
  mountCount: 0x34,
  maxMountCount: 0x36,
  magic: 0x38,
  state: 0x3a,
  compat: 0x5c,
  incompat: 0x60,
  roCompat: 0x64,
  uuid: 0x68,
  label: 0x78,
  lastMounted: 0x88,
  lastOrphan: 0xe8,
  freeBlocksHigh: 0x158,
  kilobytesWritten: 0x178,
  errorCount: 0x194,
  writeTimeHigh: 0x274,
  mountTimeHigh: 0x275,
  checksum: 0x3fc,
} as const;

/** What s_first_error and s_last_error fields have in common: where each part lies. */
export interface ErrorFields {
  readonly time: number;
  readonly timeHigh: number;
  readonly inode: number;
  readonly block: number;
  readonly function: number;
  readonly line: number;
  readonly code: number;
}

export const FirstError: ErrorFields = { time: 0x198, timeHigh: 0x278, inode: 0x19c, block: 0x1a0, function: 0x1a8, line: 0x1c8, code: 0x27a };
export const LastError: ErrorFields = { time: 0x1cc, timeHigh: 0x279, inode: 0x1d0, block: 0x1d8, function: 0x1e0, line: 0x1d4, code: 0x27b };

export const LABEL_SIZE = 16;
export const UUID_SIZE = 16;
export const LAST_MOUNTED_SIZE = 64;
export const ERROR_FUNCTION_SIZE = 32;

const UINT32 = 0x1_0000_0000;

export function setWide(view: DataView, low: number, high: number, value: number): void {
  view.setUint32(low, value, true);
  view.setUint32(high, Math.floor(value / UINT32), true);
}

/** Seconds since 1970, 40 bits. */
export function setTime(view: DataView, low: number, high: number, seconds: number): void {
  view.setUint32(low, seconds, true);
  view.setUint8(high, Math.floor(seconds / UINT32));
}

/** Text padded with NULs; what is too long is cut. */
export function setText(bytes: Uint8Array, offset: number, size: number, text: Uint8Array): void {
  bytes.fill(0, offset, offset + size);
  bytes.set(text.subarray(0, size), offset);
}

/** metadata_csum: over the superblock up to the checksum itself. */
export function setSuperblockChecksum(bytes: Uint8Array, view: DataView, offset: number): void {
  const end = offset + SuperblockFields.checksum;
  view.setUint32(end, crc32c(0xffffffff, bytes, offset, end), true);
}
