/**
 * What a server tells the kernel of mappings without being asked; the result of the write is the kernel's answer.
 *
 *   99  backing inval (24)      dev4@0 reserved4@4 offset8@8 length8@16
 *   100 upsert mappings (80)    nodeid8@0 attr_ino8@8 read@16 write@48
 *   101 inval mappings (48)     nodeid8@0 attr_ino8@8 read: offset8@16 length8@24, write: offset8@32 length8@40
 */
import { OUT_HEADER_SIZE, writeOutHeader } from './header.js';
import { MAPPING_SIZE, writeMapping, type Mapping } from './iomap.js';
import { write64 } from './word64.js';

export const IomapNotification = { BACKING_INVAL: 99, UPSERT_MAPPINGS: 100, INVAL_MAPPINGS: 101 } as const;

export const BACKING_INVAL_SIZE = OUT_HEADER_SIZE + 24;
export const UPSERT_MAPPINGS_SIZE = OUT_HEADER_SIZE + 80;
export const INVAL_MAPPINGS_SIZE = OUT_HEADER_SIZE + 48;

/** As the length of a range: all up to the end of the file. */
export const TO_THE_END = -1;

/** A range of the device whose cached pages are dropped, changed or not. @returns the length of the message */
export function writeBackingInval(view: DataView, at: number, device: number, offset: number, length: number): number {
  writeOutHeader(view, at, BACKING_INVAL_SIZE, IomapNotification.BACKING_INVAL, 0, 0);
  const body = at + OUT_HEADER_SIZE;
  view.setUint32(body, device, true);
  view.setUint32(body + 4, 0, true);
  write64(view, body + 8, offset);
  write64(view, body + 16, length);
  return BACKING_INVAL_SIZE;
}

/** Mappings that the kernel is to keep. @returns the length of the message */
export function writeUpsertMappings(view: DataView, at: number, nodeid: number, inode: number, read: Mapping, write: Mapping): number {
  writeOutHeader(view, at, UPSERT_MAPPINGS_SIZE, IomapNotification.UPSERT_MAPPINGS, 0, 0);
  const body = at + OUT_HEADER_SIZE;
  write64(view, body, nodeid);
  write64(view, body + 8, inode);
  writeMapping(view, body + 16, read);
  writeMapping(view, body + 16 + MAPPING_SIZE, write);
  return UPSERT_MAPPINGS_SIZE;
}

/** A range of a file whose mappings the kernel is to forget; a length of 0 leaves a side alone. */
export interface ForgottenRange {
  readonly offset: number;
  readonly length: number;
}

/** @returns the length of the message */
export function writeInvalMappings(view: DataView, at: number, nodeid: number, inode: number, read: ForgottenRange, write: ForgottenRange): number {
  writeOutHeader(view, at, INVAL_MAPPINGS_SIZE, IomapNotification.INVAL_MAPPINGS, 0, 0);
  const body = at + OUT_HEADER_SIZE;
  write64(view, body, nodeid);
  write64(view, body + 8, inode);
  write64(view, body + 16, read.offset);
  write64(view, body + 24, read.length);
  write64(view, body + 32, write.offset);
  write64(view, body + 40, write.length);
  return INVAL_MAPPINGS_SIZE;
}
