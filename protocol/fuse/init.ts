/**
 *   fuse_init_in   major4@0 minor4@4 max_readahead4@8 flags4@12 flags2_4@16 unused44@20
 *   fuse_init_out  major4@0 minor4@4 max_readahead4@8 flags4@12 max_background2@16
 *                  congestion_threshold2@18 max_write4@20 time_gran4@24 max_pages2@28
 *                  map_alignment2@30 flags2_4@32 max_stack_depth4@36 request_timeout2@40 unused22@42
 */
import type { InitFlagWords } from './init-flags.js';

export const PROTOCOL_MAJOR = 7;
/** The highest minor version this program speaks (Linux 6.18). */
export const PROTOCOL_MINOR = 45;

export const INIT_OUT_SIZE = 64;
/** From here on the request may be absent. */
const INIT_IN_SIZE_WITHOUT_FLAGS2 = 16;

export interface InitRequest extends InitFlagWords {
  readonly major: number;
  readonly minor: number;
  readonly maxReadahead: number;
}

export interface InitReply extends InitFlagWords {
  readonly minor: number;
  readonly maxReadahead: number;
  /** How many background requests (readahead, writeback, asynchronous I/O) the kernel keeps in flight. */
  readonly maxBackground: number;
  /** From how many on the kernel considers the mount congested. */
  readonly congestionThreshold: number;
  readonly maxWrite: number;
  /** Granularity of timestamps in nanoseconds, 1..1000000000. */
  readonly timeGranularity: number;
  /** Counts only with MAX_PAGES. */
  readonly maxPages: number;
  /** Counts only with PASSTHROUGH: 1 or 2. */
  readonly maxStackDepth: number;
}

export function readInit(view: DataView, at: number, length: number): InitRequest {
  return {
    major: view.getUint32(at, true),
    minor: view.getUint32(at + 4, true),
    maxReadahead: view.getUint32(at + 8, true),
    flags: view.getUint32(at + 12, true),
    flags2: length >= INIT_IN_SIZE_WITHOUT_FLAGS2 + 4 ? view.getUint32(at + 16, true) : 0,
  };
}

/** @returns the length of the body */
export function writeInit(view: DataView, at: number, reply: InitReply): number {
  for (let offset = 0; offset < INIT_OUT_SIZE; offset += 4) view.setUint32(at + offset, 0, true);
  view.setUint32(at, PROTOCOL_MAJOR, true);
  view.setUint32(at + 4, reply.minor, true);
  view.setUint32(at + 8, reply.maxReadahead, true);
  view.setUint32(at + 12, reply.flags, true);
  view.setUint16(at + 16, reply.maxBackground, true);
  view.setUint16(at + 18, reply.congestionThreshold, true);
  view.setUint32(at + 20, reply.maxWrite, true);
  view.setUint32(at + 24, reply.timeGranularity, true);
  view.setUint16(at + 28, reply.maxPages, true);
  view.setUint32(at + 32, reply.flags2, true);
  view.setUint32(at + 36, reply.maxStackDepth, true);
  return INIT_OUT_SIZE;
}
