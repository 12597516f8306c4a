import type { Inode } from '../server/ext4/inode.js';
import { I_BLOCK } from '../server/ext4/layout/inode.js';
import { LOGICAL_BLOCK_LIMIT, MappedRange, RangeState } from '../server/ext4/mapping/mapping.js';
import { logicalBlock, type InodeNumber } from '../server/ext4/units.js';
import type { OpenImage } from './open-image.js';
import type { Tree } from './tree.js';

/**
 * FIEMAP's flags by name. `unwritten`: reserved, reads as zeros. `inline`: in the inode itself, not
 * aligned to blocks. `merged`: the inode keeps a block map, the run was put together from it.
 * `encoded`: its bytes are encrypted. `last`: nothing follows.
 */
export type ExtentFlag = 'last' | 'unwritten' | 'inline' | 'not_aligned' | 'merged' | 'encoded';

/** A run of a file's bytes on the device, as FS_IOC_FIEMAP describes it; everything in bytes. */
export interface FileExtent {
  /** Offset in the file. */
  readonly logical: number;
  /** Offset from the start of the filesystem. */
  readonly physical: number;
  readonly length: number;
  readonly flags: readonly ExtentFlag[];
}

/** Runs looked up in one go. */
const BATCH = 256;

/** The runs of a file in order, holes left out, those past its end included. */
export async function* extents(image: OpenImage, number: InodeNumber, path: string): AsyncGenerator<FileExtent, undefined> {
  const inBlocks = image.run('fiemap', path, (tree) => keepsBlocks(tree, tree.inode(number)));
  const found = inBlocks ? blockExtents(image, number, path) : inlineExtents(image, number, path);
  let previous: FileExtent | undefined;
  for await (const extent of found) {
    if (previous !== undefined) yield previous;
    previous = extent;
  }
  if (previous !== undefined) yield { ...previous, flags: ['last', ...previous.flags] };
}

/** Not so for inline data, for short symbolic links, and for device nodes, which keep something else where block pointers would be. */
const keepsBlocks = ({ filesystem: { links } }: Tree, inode: Inode): boolean =>
  !inode.hasFlag('INLINE_DATA') && (inode.isRegular || inode.isDirectory || (inode.isSymlink && !links.isFast(inode)));

async function* blockExtents(image: OpenImage, number: InodeNumber, path: string): AsyncGenerator<FileExtent> {
  let run: FileExtent | undefined;
  for (let at = 0; at < LOGICAL_BLOCK_LIMIT; ) {
    const batch = image.run('fiemap', path, (tree) => lookUpRuns(tree, number, at));
    at = batch.next;
    for (const extent of batch.extents) {
      if (run !== undefined && continues(run, extent)) {
        run = { ...run, length: run.length + extent.length };
        continue;
      }
      if (run !== undefined) yield run;
      run = extent;
    }
    await new Promise(setImmediate);
  }
  if (run !== undefined) yield run;
}

function lookUpRuns(tree: Tree, number: InodeNumber, from: number): { extents: FileExtent[]; next: number } {
  const inode = tree.inode(number);
  const { blockSize } = tree.filesystem.superblock;
  const range = new MappedRange();
  const extents: FileExtent[] = [];
  let at = from;
  for (let count = 0; count < BATCH && at < LOGICAL_BLOCK_LIMIT; count++) {
    tree.filesystem.mapping.map(inode, logicalBlock(at), range);
    at = range.logical + range.length;
    if (range.state === RangeState.Hole) continue;
    const flags: ExtentFlag[] = [];
    if (range.state === RangeState.Unwritten) flags.push('unwritten');
    if (!inode.hasFlag('EXTENTS')) flags.push('merged');
    if (inode.hasFlag('ENCRYPT') && !inode.isDirectory) flags.push('encoded');
    extents.push({ logical: range.logical * blockSize, physical: range.physical * blockSize, length: range.length * blockSize, flags });
  }
  return { extents, next: at };
}

/** Whether a block map's next run goes on where the last one ended; extents are shown as the tree has them. */
const continues = (run: FileExtent, next: FileExtent): boolean =>
  run.flags.includes('merged') && run.logical + run.length === next.logical && run.physical + run.length === next.physical;

/** The part in i_block; what did not fit there lies among the inode's attributes, whose place FIEMAP does not tell either. */
async function* inlineExtents(image: OpenImage, number: InodeNumber, path: string): AsyncGenerator<FileExtent> {
  const extent = image.run('fiemap', path, (tree): FileExtent | undefined => {
    const inode = tree.inode(number);
    if (!inode.hasFlag('INLINE_DATA') || inode.size === 0) return undefined;
    const physical = inode.block.number * tree.filesystem.superblock.blockSize + inode.offset + I_BLOCK;
    return { logical: 0, physical, length: inode.size, flags: ['inline', 'not_aligned'] };
  });
  if (extent !== undefined) yield extent;
}
