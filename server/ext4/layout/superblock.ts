import { CorruptionError, NotExt4Error, UnsupportedError } from '../errors.js';
import { crc32c } from './crc32c.js';
import { Features } from './features.js';
import { fixedString, joinHalves } from './read.js';

/** Bytes of the superblock, and where the primary one lies on every block size. */
export const SUPERBLOCK_SIZE = 1024;
export const SUPERBLOCK_OFFSET = 1024;

export const MAGIC = 0xef53;
const CHECKSUM_OFFSET = 0x3fc;
const CRC32C_TYPE = 1;
const MAX_BLOCK_SIZE_LOG = 6;
const MAX_INODE_SIZE = 65536;

/** s_state */
export const State = { VALID: 1, ERRORS: 2, ORPHANS: 4, FAST_COMMIT_REPLAY: 0x20 } as const;

/** s_errors: what to do when corruption is found. */
export type ErrorPolicy = 'continue' | 'remount-ro' | 'panic';

/**
 * The superblock's fields, each checked against its range and against the others
 * (Documentation/filesystems/ext4/super.rst). Sizes are in bytes unless they say otherwise.
 */
export interface Superblock {
  readonly features: Features;
  readonly revision: number;
  readonly inodesCount: number;
  readonly blocksCount: number;
  readonly reservedBlocksCount: number;
  readonly freeBlocksCount: number;
  readonly freeInodesCount: number;
  readonly firstDataBlock: number;
  readonly blockSize: number;
  readonly clusterSize: number;
  readonly blocksPerGroup: number;
  readonly clustersPerGroup: number;
  readonly inodesPerGroup: number;
  readonly mountTime: number;
  readonly writeTime: number;
  readonly mountCount: number;
  readonly maxMountCount: number;
  readonly state: number;
  readonly errorPolicy: ErrorPolicy;
  readonly lastCheck: number;
  readonly creatorOs: number;
  readonly reservedUid: number;
  readonly reservedGid: number;
  readonly firstInode: number;
  readonly inodeSize: number;
  readonly uuid: Uint8Array;
  readonly label: string;
  readonly lastMounted: string;
  readonly reservedGdtBlocks: number;
  readonly journalUuid: Uint8Array;
  readonly journalInode: number;
  readonly journalDevice: number;
  readonly lastOrphan: number;
  readonly hashSeed: Uint32Array;
  readonly defaultHashVersion: number;
  /** s_flags: bit 0 directory hashes are signed, bit 1 unsigned. */
  readonly flags: number;
  readonly descriptorSize: number;
  readonly defaultMountOptions: number;
  readonly firstMetaBlockGroup: number;
  readonly wantExtraInodeSize: number;
  readonly mmpInterval: number;
  readonly mmpBlock: number;
  readonly logGroupsPerFlex: number;
  readonly userQuotaInode: number;
  readonly groupQuotaInode: number;
  readonly projectQuotaInode: number;
  readonly orphanFileInode: number;
  readonly lostAndFoundInode: number;
  /** s_overhead_clusters: clusters taken by metadata, 0 where it was not recorded. */
  readonly overheadClusters: number;
  /** s_backup_bgs of sparse_super2. */
  readonly backupGroups: readonly [number, number];
  /** s_encoding, 0 where there is none: 1 is UTF-8 12.1. */
  readonly encoding: number;
  readonly encodingFlags: number;
  readonly errorCount: number;
  /** What every metadata checksum is seeded with: s_checksum_seed, or the checksum of the UUID. */
  readonly checksumSeed: number;
  /** Whether the superblock's own checksum was there and right. */
  readonly checksumVerified: boolean;
}

/**
 * Reads one copy of the superblock.
 *
 * @param bytes SUPERBLOCK_SIZE bytes
 * @param place byte offset on the device, for messages
 * @throws NotExt4Error without the magic number
 * @throws UnsupportedError for incompatible features that are not known
 * @throws CorruptionError where a field contradicts another, or the checksum fails
 */
export function parseSuperblock(bytes: Uint8Array, place: number): Superblock {
  const view = new DataView(bytes.buffer, bytes.byteOffset, SUPERBLOCK_SIZE);
  const u16 = (offset: number): number => view.getUint16(offset, true);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const where = { offset: place };
  const check = (holds: boolean, detail: string): void => {
    if (!holds) throw new CorruptionError('superblock', where, detail);
  };

  if (u16(0x38) !== MAGIC) throw new NotExt4Error(`no ext2, ext3 or ext4 superblock at byte ${place}`);

  const revision = u32(0x4c);
  const dynamic = revision >= 1;
  const features = dynamic ? new Features(u32(0x5c), u32(0x60), u32(0x64)) : new Features(0, 0, 0);
  const checksumVerified = verifyChecksum(bytes, view, features, place);
  const { unreadable } = features;
  if (features.hasIncompat('JOURNAL_DEV')) {
    throw new UnsupportedError('this is an external journal, not a filesystem: mount the device whose journal it is');
  }
  if (unreadable.length > 0) throw new UnsupportedError(`the filesystem uses features that are not supported: ${unreadable.join(', ')}`);

  const has64 = features.hasIncompat('64BIT');
  const count64 = (low: number, high: number, field: string): number =>
    joinHalves(u32(low), has64 ? u32(high) : 0, 'superblock', where, field);

  const logBlockSize = u32(0x18);
  check(logBlockSize <= MAX_BLOCK_SIZE_LOG, `s_log_block_size ${logBlockSize} is above ${MAX_BLOCK_SIZE_LOG}`);
  const blockSize = 1024 << logBlockSize;
  const bigalloc = features.hasRoCompat('BIGALLOC');
  const logClusterSize = u32(0x1c);
  check(!bigalloc || (logClusterSize >= logBlockSize && logClusterSize <= 20), `s_log_cluster_size ${logClusterSize} does not fit a block size of ${blockSize}`);
  const clusterSize = bigalloc ? 1024 << logClusterSize : blockSize;

  const blocksPerGroup = u32(0x20);
  const clustersPerGroup = bigalloc ? u32(0x24) : blocksPerGroup;
  const inodesPerGroup = u32(0x28);
  const bitsPerBlock = blockSize * 8;
  check(clustersPerGroup >= 8 && clustersPerGroup <= bitsPerBlock, `s_clusters_per_group ${clustersPerGroup} does not fit one bitmap block`);
  check(blocksPerGroup === clustersPerGroup * (clusterSize / blockSize), `s_blocks_per_group ${blocksPerGroup} is not ${clustersPerGroup} clusters`);

  const inodeSize = dynamic ? u16(0x58) : 128;
  check(
    inodeSize >= 128 && inodeSize <= Math.min(blockSize, MAX_INODE_SIZE) && (inodeSize & (inodeSize - 1)) === 0,
    `s_inode_size ${inodeSize} is not a power of two between 128 and the block size`,
  );
  check(inodesPerGroup >= blockSize / inodeSize && inodesPerGroup <= bitsPerBlock, `s_inodes_per_group ${inodesPerGroup} does not fit one bitmap block`);

  const blocksCount = count64(0x4, 0x150, 's_blocks_count');
  check(blocksCount <= Number.MAX_SAFE_INTEGER / blockSize, `s_blocks_count ${blocksCount} is beyond 8 PiB`);
  const firstDataBlock = u32(0x14);
  check(blockSize === 1024 && !bigalloc ? firstDataBlock <= 1 : firstDataBlock === 0, `s_first_data_block ${firstDataBlock} does not fit a block size of ${blockSize}`);
  check(blocksCount > firstDataBlock, `s_blocks_count ${blocksCount} leaves no data block`);

  const groupCount = Math.ceil((blocksCount - firstDataBlock) / blocksPerGroup);
  const inodesCount = u32(0x0);
  check(inodesCount === groupCount * inodesPerGroup, `s_inodes_count ${inodesCount} is not ${groupCount} groups of ${inodesPerGroup}`);

  const descriptorSize = has64 ? u16(0xfe) : 32;
  check(
    descriptorSize >= (has64 ? 64 : 32) && descriptorSize <= 1024 && descriptorSize <= blockSize && (descriptorSize & (descriptorSize - 1)) === 0,
    `s_desc_size ${descriptorSize} is not a power of two between 64 and 1024`,
  );
  const firstInode = dynamic ? u32(0x54) : 11;
  check(firstInode >= 11 && firstInode <= inodesCount, `s_first_ino ${firstInode} is not an ordinary inode`);

  const wantExtraInodeSize = inodeSize > 128 && features.hasRoCompat('EXTRA_ISIZE') ? u16(0x15e) : 0;
  check(wantExtraInodeSize <= inodeSize - 128 && wantExtraInodeSize % 4 === 0, `s_want_extra_isize ${wantExtraInodeSize} does not fit an inode of ${inodeSize} bytes`);
  const logGroupsPerFlex = features.hasIncompat('FLEX_BG') ? (bytes[0x174] ?? 0) : 0;
  check(logGroupsPerFlex <= 31, `s_log_groups_per_flex ${logGroupsPerFlex} is above 31`);

  return {
    features,
    revision,
    inodesCount,
    blocksCount,
    reservedBlocksCount: count64(0x8, 0x154, 's_r_blocks_count'),
    freeBlocksCount: count64(0xc, 0x158, 's_free_blocks_count'),
    freeInodesCount: u32(0x10),
    firstDataBlock,
    blockSize,
    clusterSize,
    blocksPerGroup,
    clustersPerGroup,
    inodesPerGroup,
    mountTime: u32(0x2c) + (bytes[0x275] ?? 0) * 0x100000000,
    writeTime: u32(0x30) + (bytes[0x274] ?? 0) * 0x100000000,
    mountCount: u16(0x34),
    maxMountCount: u16(0x36),
    state: u16(0x3a),
    errorPolicy: u16(0x3c) === 3 ? 'panic' : u16(0x3c) === 2 ? 'remount-ro' : 'continue',
    lastCheck: u32(0x40) + (bytes[0x277] ?? 0) * 0x100000000,
    creatorOs: u32(0x48),
    reservedUid: u16(0x50),
    reservedGid: u16(0x52),
    firstInode,
    inodeSize,
    uuid: bytes.slice(0x68, 0x78),
    label: fixedString(bytes, 0x78, 16),
    lastMounted: fixedString(bytes, 0x88, 64),
    reservedGdtBlocks: u16(0xce),
    journalUuid: bytes.slice(0xd0, 0xe0),
    journalInode: u32(0xe0),
    journalDevice: u32(0xe4),
    lastOrphan: u32(0xe8),
    hashSeed: Uint32Array.of(u32(0xec), u32(0xf0), u32(0xf4), u32(0xf8)),
    defaultHashVersion: bytes[0xfc] ?? 0,
    flags: u32(0x160),
    descriptorSize,
    defaultMountOptions: u32(0x100),
    firstMetaBlockGroup: u32(0x104),
    wantExtraInodeSize,
    mmpInterval: u16(0x166),
    mmpBlock: joinHalves(u32(0x168), u32(0x16c), 'superblock', where, 's_mmp_block'),
    logGroupsPerFlex,
    userQuotaInode: u32(0x240),
    groupQuotaInode: u32(0x244),
    projectQuotaInode: u32(0x26c),
    orphanFileInode: u32(0x280),
    lostAndFoundInode: u32(0x268),
    overheadClusters: u32(0x248),
    backupGroups: [u32(0x24c), u32(0x250)],
    encoding: features.hasIncompat('CASEFOLD') ? u16(0x27c) : 0,
    encodingFlags: u16(0x27e),
    errorCount: u32(0x194),
    checksumSeed: checksumSeed(bytes, view, features),
    checksumVerified,
  };
}

function checksumSeed(bytes: Uint8Array, view: DataView, features: Features): number {
  return features.hasIncompat('CSUM_SEED') ? view.getUint32(0x270, true) : crc32c(0xffffffff, bytes, 0x68, 0x78);
}

function verifyChecksum(bytes: Uint8Array, view: DataView, features: Features, place: number): boolean {
  if (!features.hasRoCompat('METADATA_CSUM')) return false;
  const type = bytes[0x175] ?? 0;
  if (type !== CRC32C_TYPE) throw new UnsupportedError(`metadata checksums of type ${type} are not supported, only crc32c (1)`);
  const stored = view.getUint32(CHECKSUM_OFFSET, true);
  const computed = crc32c(0xffffffff, bytes, 0, CHECKSUM_OFFSET);
  if (stored !== computed) {
    throw new CorruptionError('superblock', { offset: place }, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
  }
  return true;
}
