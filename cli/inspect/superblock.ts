import { uuidString } from '../../server/ext4/layout/read.js';
import { State, type Superblock } from '../../server/ext4/layout/superblock.js';
import type { Look } from './look.js';
import { printable } from './printable.js';

/** As `dumpe2fs -h`, by the same field names where it has them. */
export const superblock: Look = (filesystem) => ({
  async *text () {
    for (const [name, value] of describe(filesystem.superblock)) yield `${`${name}:`.padEnd(26)}${printable(String(value))}\n`;
  },
  json: async () => {
    const { features, uuid, journalUuid, hashSeed, backupGroups, ...rest } = filesystem.superblock;
    return { ...rest, features: features.all, uuid: uuidString(uuid), journalUuid: uuidString(journalUuid), hashSeed: uuidString(seedBytes(hashSeed)), backupGroups };
  },
});

type Field = readonly [name: string, value: string | number];

function describe(superblock: Superblock): Field[] {
  return [...identity(superblock), ...counts(superblock), ...layout(superblock), ...history(superblock), ...specialInodes(superblock)];
}

const identity = ({ label, lastMounted, uuid, revision, features, flags, state, errorPolicy, creatorOs }: Superblock): Field[] => [
  ['Filesystem volume name', label || '<none>'],
  ['Last mounted on', lastMounted || '<not available>'],
  ['Filesystem UUID', uuidString(uuid)],
  ['Filesystem revision', revision],
  ['Filesystem features', features.all.join(' ') || '(none)'],
  ['Directory hashes', hashSigns(flags)],
  ['Filesystem state', stateWords(state)],
  ['Errors behavior', errorPolicy],
  ['Filesystem OS type', ['Linux', 'Hurd', 'Masix', 'FreeBSD', 'Lites'][creatorOs] ?? creatorOs],
];

const counts = (superblock: Superblock): Field[] => [
  ['Inode count', superblock.inodesCount],
  ['Block count', superblock.blocksCount],
  ['Reserved block count', superblock.reservedBlocksCount],
  ['Overhead clusters', superblock.overheadClusters],
  ['Free blocks', superblock.freeBlocksCount],
  ['Free inodes', superblock.freeInodesCount],
];

const layout = (superblock: Superblock): Field[] => [
  ['First block', superblock.firstDataBlock],
  ['Block size', superblock.blockSize],
  ['Cluster size', superblock.clusterSize],
  ['Group descriptor size', superblock.descriptorSize],
  ['Reserved GDT blocks', superblock.reservedGdtBlocks],
  ['Blocks per group', superblock.blocksPerGroup],
  ['Inodes per group', superblock.inodesPerGroup],
  ['Flex block group size', 2 ** superblock.logGroupsPerFlex],
  ['First inode', superblock.firstInode],
  ['Inode size', superblock.inodeSize],
  ['Desired extra isize', superblock.wantExtraInodeSize],
  ['Default directory hash', ['legacy', 'half_md4', 'tea'][superblock.defaultHashVersion] ?? superblock.defaultHashVersion],
  ['Directory Hash Seed', uuidString(seedBytes(superblock.hashSeed))],
  ['Character encoding', superblock.encoding === 0 ? '<none>' : superblock.encoding === 1 ? 'utf8-12.1' : superblock.encoding],
  ['Checksum seed', `0x${superblock.checksumSeed.toString(16).padStart(8, '0')}`],
];

const history = (superblock: Superblock): Field[] => [
  ['Last mount time', time(superblock.mountTime)],
  ['Last write time', time(superblock.writeTime)],
  ['Mount count', superblock.mountCount],
  ['Maximum mount count', superblock.maxMountCount === 0xffff ? -1 : superblock.maxMountCount],
  ['Last checked', time(superblock.lastCheck)],
  ['Reserved blocks uid', superblock.reservedUid],
  ['Reserved blocks gid', superblock.reservedGid],
  ['FS Error count', superblock.errorCount],
];

/** Only those that there are. */
const specialInodes = (superblock: Superblock): Field[] => {
  const { features } = superblock;
  const fields: Field[] = [
    ['Journal inode', superblock.journalInode],
    ['Journal device', superblock.journalDevice],
    ['User quota inode', superblock.userQuotaInode],
    ['Group quota inode', superblock.groupQuotaInode],
    ['Project quota inode', superblock.projectQuotaInode],
    ['Orphan file inode', features.hasCompat('ORPHAN_FILE') ? superblock.orphanFileInode : 0],
    ['First orphan inode', superblock.lastOrphan],
    ['MMP block number', features.hasIncompat('MMP') ? superblock.mmpBlock : 0],
  ];
  return fields.filter(([, value]) => value !== 0);
};

const hashSigns = (flags: number): string => (flags & 1 ? 'signed' : flags & 2 ? 'unsigned' : 'of the creating machine');

const stateWords = (state: number): string => {
  const words = [(state & State.VALID) === 0 ? 'not clean' : 'clean'];
  if (state & State.ERRORS) words.push('with errors');
  if (state & State.ORPHANS) words.push('orphan inodes being recovered');
  return words.join(' ');
};

const time = (seconds: number): string => (seconds === 0 ? 'n/a' : `${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`);

const seedBytes = (seed: Uint32Array): Uint8Array => {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  seed.forEach((word, index) => view.setUint32(index * 4, word, true));
  return bytes;
};
