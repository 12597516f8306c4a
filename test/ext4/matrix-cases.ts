import { mebibyte, type ImageRecipe } from '../support/image.js';
import type { Filling } from '../support/fill.js';

interface Preparation {
  readonly filling?: Filling;
  /** tune2fs arguments, before and after the image is filled. */
  readonly tuneBefore?: readonly string[];
  readonly tuneAfter?: readonly string[];
  /** debugfs commands, run on the empty image. */
  readonly debugfsBefore?: readonly string[];
}

export interface MatrixCase extends Preparation {
  readonly name: string;
  readonly recipe: ImageRecipe;
}

/** `features` as for mke2fs -O. */
const image = (name: string, features: string, recipe: ImageRecipe = {}, preparation: Preparation = {}): MatrixCase => ({
  name,
  recipe: { ...recipe, features: features === '' ? [] : features.split(',') },
  ...preparation,
});

const unsignedHash = ['ssv flags 2'];
const signedHash = ['ssv flags 1'];

/** Every feature and geometry that changes what is on the disk, alone, and where they meet in pairs that matter. */
export const matrixCases: readonly MatrixCase[] = [
  image('ext2, 1 KiB blocks', '', { type: 'ext2', blockSize: 1024 }),
  image('ext2, 4 KiB blocks', '', { type: 'ext2', blockSize: 4096 }),
  image('ext2, revision 0', '', { type: 'ext2', arguments: ['-r', '0'], blockSize: 1024 }),
  image('ext2, 64 KiB blocks', '', { type: 'ext2', blockSize: 65536 }),
  image('ext3, 1 KiB blocks', '', { type: 'ext3', blockSize: 1024 }),
  image('ext3, 4 KiB blocks', '', { type: 'ext3', blockSize: 4096 }),
  image('ext4, 1 KiB blocks', '', { blockSize: 1024 }),
  image('ext4, 2 KiB blocks', '', { blockSize: 2048 }),
  image('ext4, 4 KiB blocks', '', { blockSize: 4096 }, { filling: { extents: 4000 } }),
  image('ext4, 8 KiB blocks', '', { blockSize: 8192 }),
  image('ext4, 16 KiB blocks', '', { blockSize: 16384 }),
  image('ext4, 32 KiB blocks', '', { blockSize: 32768, size: 384 * mebibyte }),
  image('ext4, 64 KiB blocks', '', { blockSize: 65536, size: 512 * mebibyte }),
  image('bigalloc, 16 KiB clusters', 'bigalloc', { arguments: ['-C', '16384'] }),
  image('bigalloc, 64 KiB clusters of 1 KiB blocks', 'bigalloc', { blockSize: 1024, arguments: ['-C', '65536'] }, { filling: { extents: 500 } }),
  image('inline_data', 'inline_data'),
  image('inline_data in inodes of 1024 bytes', 'inline_data', { arguments: ['-I', '1024'] }),
  image('inline_data, 1 KiB blocks', 'inline_data', { blockSize: 1024 }),
  image('ea_inode', 'ea_inode'),
  image('ea_inode and inline_data, 1 KiB blocks', 'ea_inode,inline_data', { blockSize: 1024 }),
  image('no 64bit', '^64bit'),
  image('no flex_bg', '^flex_bg'),
  image('meta_bg', 'meta_bg,^resize_inode', { blockSize: 1024 }),
  image('meta_bg, no flex_bg, 32-bit', 'meta_bg,^resize_inode,^flex_bg,^64bit', { blockSize: 1024 }),
  image('sparse_super2', 'sparse_super2,^resize_inode'),
  image('no sparse_super', '^sparse_super,^resize_inode', { blockSize: 1024 }),
  image('no resize_inode', '^resize_inode'),
  image('groups of 256 blocks', '^flex_bg', { blockSize: 1024, arguments: ['-g', '256'], size: 64 * mebibyte }, { filling: { extents: 600 } }),
  image('flex groups of 64', '', { blockSize: 1024, arguments: ['-g', '1024', '-G', '64'] }),
  image('no journal', '^has_journal'),
  image('journal of 100 MiB', '', { arguments: ['-J', 'size=100'], size: 384 * mebibyte }),
  image('fast_commit', 'fast_commit'),
  image('uninit_bg', 'uninit_bg,^metadata_csum'),
  image('no checksums', '^metadata_csum,^uninit_bg'),
  image('metadata_csum_seed, with another UUID', 'metadata_csum_seed', {}, { tuneAfter: ['-U', 'fedcba98-7654-4321-8f01-0123456789ab'] }),
  // Not before it is filled: kernels without CONFIG_QFMT_V2 mount such images only read-only.
  image('quota and project', '', {}, { tuneAfter: ['-O', 'project,quota', '-Q', 'usrquota,grpquota,prjquota'] }),
  image('orphan_file', 'orphan_file'),
  image('stable_inodes', 'stable_inodes'),
  image('verity', 'verity'),
  image('encrypt', 'encrypt'),
  image('mmp', 'mmp'),
  image('inodes of 128 bytes', '', { arguments: ['-I', '128'] }),
  image('inodes of 1024 bytes', '', { arguments: ['-I', '1024'] }),
  image('inodes of 4096 bytes', '', { arguments: ['-I', '4096', '-N', '2000'] }),
  image('block maps', '^extent,^64bit', { blockSize: 1024 }),
  image('no dir_index', '^dir_index'),
  image('large_dir', 'large_dir', { blockSize: 1024 }, { filling: { entries: 20000 } }),
  image('hash half_md4, unsigned', '', {}, { tuneBefore: ['-E', 'hash_alg=half_md4'], debugfsBefore: unsignedHash }),
  image('hash half_md4, signed', '', {}, { tuneBefore: ['-E', 'hash_alg=half_md4'], debugfsBefore: signedHash }),
  image('hash tea, signed', '', {}, { tuneBefore: ['-E', 'hash_alg=tea'], debugfsBefore: signedHash }),
  image('hash tea, unsigned', '', {}, { tuneBefore: ['-E', 'hash_alg=tea'], debugfsBefore: unsignedHash }),
  image('hash legacy, signed', '', {}, { tuneBefore: ['-E', 'hash_alg=legacy'], debugfsBefore: signedHash }),
  image('hash legacy, unsigned', '', {}, { tuneBefore: ['-E', 'hash_alg=legacy'], debugfsBefore: unsignedHash }),
  image('no huge_file, no large_file', '^huge_file,^large_file'),
  image('no dir_nlink, no extra_isize, no ext_attr', '^dir_nlink,^extra_isize,^ext_attr'),
  image('no filetype', '^filetype'),
  image('everything new at once', 'inline_data,ea_inode,large_dir,orphan_file,metadata_csum_seed,fast_commit,stable_inodes', {
    blockSize: 1024,
  }),
];
