import type { CachedBlock, Verified } from '../cache/block-cache.js';

/** Brings the checksum inside a block up to date; `block.checksumSeed` is what `modify` was told. */
export type Sealer = (block: CachedBlock) => void;

/**
 * How each kind of block is sealed before it is written: once per commit, however often it was
 * changed. Kinds that are missing carry no checksum of their own, or one that their owner keeps up
 * to date (inode tables as each handle closes, bitmaps and group descriptors before each commit).
 */
export type Sealers = Partial<Record<Verified, Sealer>>;

export const sealWith = (sealers: Sealers): Sealer => (block) => sealers[block.verifiedAs]?.(block);
