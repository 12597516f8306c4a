/**
 * FUSE_IOMAP_CONFIG: asked once, behind INIT and before anything else.
 *
 *   fuse_iomap_config_in (64)   flags8@0 maxbytes8@8 cache_maxbytes4@16 zero4@20 padding40@24
 *   fuse_iomap_config_out (104) flags8@0 s_id32@8 s_uuid16@40 s_uuid_len1@56 s_pad3@57 s_blocksize4@60 s_max_links4@64
 *                               s_time_gran4@68 s_time_min8@72 s_time_max8@80 s_maxbytes8@88 cache_maxbytes4@96 pad4@100
 */
import { readI64, readU64, write64 } from './word64.js';

/** Which fields of the reply count. */
export const ConfigFlag = { SID: 0x01, UUID: 0x02, BLOCKSIZE: 0x04, MAX_LINKS: 0x08, TIME: 0x10, MAXBYTES: 0x20, CACHE_MAXBYTES: 0x40 } as const;

export const IOMAP_CONFIG_OUT_SIZE = 104;
const LONGEST_UUID = 16;

/** What the kernel understands of the reply. */
export const configOffer = (view: DataView, at: number): number => readU64(view, at);

export interface IomapConfig {
  readonly uuid?: Uint8Array | undefined;
  /** Of every mapping's edges, in bytes. */
  readonly blockSize?: number | undefined;
  readonly maxLinks?: number | undefined;
  readonly time?: TimeRange | undefined;
  /** Largest size of a file. */
  readonly maxBytes?: number | undefined;
  /** What the kernel may spend on cached mappings for one file. */
  readonly cacheBytes?: number | undefined;
}

/** Times that can be stored: the granularity in nanoseconds, the ends in seconds. */
export interface TimeRange {
  readonly granularity: number;
  readonly earliest: number;
  readonly latest: number;
}

/** @param offered fields beyond these are left out. @returns the length written */
export function writeIomapConfig(view: DataView, at: number, config: IomapConfig, offered: number): number {
  for (let offset = 0; offset < IOMAP_CONFIG_OUT_SIZE; offset += 4) view.setUint32(at + offset, 0, true);
  let flags = 0;
  const given = <Value>(flag: number, value: Value | undefined, write: (value: Value) => void): void => {
    if (value === undefined || (offered & flag) === 0) return;
    flags |= flag;
    write(value);
  };
  given(ConfigFlag.UUID, config.uuid, (uuid) => {
    uuid.subarray(0, LONGEST_UUID).forEach((byte, index) => view.setUint8(at + 40 + index, byte));
    view.setUint8(at + 56, Math.min(uuid.length, LONGEST_UUID));
  });
  given(ConfigFlag.BLOCKSIZE, config.blockSize, (size) => view.setUint32(at + 60, size, true));
  given(ConfigFlag.MAX_LINKS, config.maxLinks, (links) => view.setUint32(at + 64, links, true));
  given(ConfigFlag.TIME, config.time, ({ granularity, earliest, latest }) => {
    view.setUint32(at + 68, granularity, true);
    write64(view, at + 72, earliest);
    write64(view, at + 80, latest);
  });
  given(ConfigFlag.MAXBYTES, config.maxBytes, (bytes) => write64(view, at + 88, bytes));
  given(ConfigFlag.CACHE_MAXBYTES, config.cacheBytes, (bytes) => view.setUint32(at + 96, bytes, true));
  write64(view, at, flags);
  return IOMAP_CONFIG_OUT_SIZE;
}

/** What the kernel makes of a reply. */
export interface ReceivedConfig {
  readonly flags: number;
  readonly uuidLength: number;
  readonly blockSize: number;
  readonly maxLinks: number;
  readonly time: TimeRange;
  readonly maxBytes: number;
  readonly cacheBytes: number;
}

export const readIomapConfig = (view: DataView, at: number): ReceivedConfig => ({
  flags: readU64(view, at),
  uuidLength: view.getUint8(at + 56),
  blockSize: view.getUint32(at + 60, true),
  maxLinks: view.getUint32(at + 64, true),
  time: { granularity: view.getUint32(at + 68, true), earliest: readI64(view, at + 72), latest: readI64(view, at + 80) },
  maxBytes: readI64(view, at + 88),
  cacheBytes: view.getUint32(at + 96, true),
});
