/**
 * fuse_in_header (40 bytes) and fuse_out_header (16 bytes).
 *
 *   in   len4@0 opcode4@4 unique8@8 nodeid8@16 uid4@24 gid4@28 pid4@32 total_extlen2@36 padding2@38
 *   out  len4@0 error4@4 unique8@8
 *
 * `unique` is an identifier, not a number: it is copied as two halves, so that bit 63, which marks a
 * request sent again after FUSE_NOTIFY_RESEND, comes back as it came.
 */
import { readU64 } from './word64.js';

export const IN_HEADER_SIZE = 40;
export const OUT_HEADER_SIZE = 16;

/** The root directory of every FUSE mount. */
export const ROOT_NODEID = 1;

/** The kernel refuses errors beyond this in a reply (512 and up are its own). */
export const MAXIMUM_ERRNO = 511;

/** What uid and gid of the header hold where the kernel has mapped no identity (FUSE_ALLOW_IDMAP). */
export const INVALID_ID = 0xffffffff;

/** The smallest read buffer that the kernel accepts. */
export const MINIMUM_READ_BUFFER = 8192;

export const inLength = (view: DataView, at: number): number => view.getUint32(at, true);
export const inOpcode = (view: DataView, at: number): number => view.getUint32(at + 4, true);
export const inUniqueLow = (view: DataView, at: number): number => view.getUint32(at + 8, true);
export const inUniqueHigh = (view: DataView, at: number): number => view.getUint32(at + 12, true);
export const inNodeid = (view: DataView, at: number): number => readU64(view, at + 16);
export const inUid = (view: DataView, at: number): number => view.getUint32(at + 24, true);
export const inGid = (view: DataView, at: number): number => view.getUint32(at + 28, true);
export const inPid = (view: DataView, at: number): number => view.getUint32(at + 32, true);
/** Length of the extension block at the end of the request, in 8-byte units. */
export const inExtensionUnits = (view: DataView, at: number): number => view.getUint16(at + 36, true);

/** Of a request that ends earlier than it did, without an extension block. */
export function setInLengths(view: DataView, length: number): void {
  view.setUint32(0, length, true);
  view.setUint16(36, 0, true);
}

/** `error` is 0 or a negative errno. */
export function writeOutHeader(
  view: DataView,
  at: number,
  length: number,
  error: number,
  uniqueLow: number,
  uniqueHigh: number,
): void {
  view.setUint32(at, length, true);
  view.setInt32(at + 4, error, true);
  view.setUint32(at + 8, uniqueLow, true);
  view.setUint32(at + 12, uniqueHigh, true);
}
