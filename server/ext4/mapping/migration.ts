import type { BlockSpace } from '../allocation/block-space.js';
import type { BlockCache } from '../cache/block-cache.js';
import { CorruptionError, errno, OperationError } from '../errors.js';
import type { Geometry } from '../geometry.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/extent.js';
import { I_BLOCK, I_BLOCK_SIZE } from '../layout/inode.js';
import { logicalBlock, physicalBlock, type PhysicalBlock } from '../units.js';
import type { ExtentEditor } from './extent-editor.js';
import type { FileMapping } from './file-mapping.js';
import { MappedRange, RangeState } from './mapping.js';

const DIRECT_POINTERS = 12;
const LEVELS = 3;
const POINTER_SIZE = 4;
const POINTER_LIMIT = 0x100000000;

interface Run {
  readonly logical: number;
  readonly length: number;
  readonly physical: PhysicalBlock;
}

export interface MigrationParts {
  readonly cache: BlockCache;
  readonly geometry: Geometry;
  readonly mapping: FileMapping;
  readonly inodes: InodeEditor;
  readonly extents: ExtentEditor;
  readonly space: BlockSpace;
}

/** Has a file keep where its blocks are in the other way (chattr +e and -e), inside a handle. The blocks stay where they are. */
export class MappingMigration {
  readonly #parts: MigrationParts;

  constructor(parts: MigrationParts) {
    this.#parts = parts;
  }

  /** From a block map to an extent tree. @throws OperationError ENOSPC, also where the tree is more than a transaction can hold */
  toExtents(inode: Inode): void {
    const { inodes, extents, space } = this.#parts;
    const runs = this.#runs(inode);
    const pointers = this.#pointerBlocks(inode);
    this.#clear(inode);
    layout.initialiseNode(inode.view, inode.offset + I_BLOCK, layout.ROOT_ENTRIES, 0);
    inodes.setFlag(inode, 'EXTENTS', true);
    inode.bind();
    for (const { logical, length, physical } of runs) extents.insert(inode, logicalBlock(logical), length, physical, false);
    for (const block of pointers) space.free(block, 1, true);
    inodes.addBlocks(inode, -pointers.length);
  }

  /**
   * From an extent tree to a block map, as far as the kernel does it: a single extent among the first
   * twelve blocks.
   * @throws OperationError EOPNOTSUPP for any other file
   */
  toBlockMap(inode: Inode): void {
    const { geometry, inodes, mapping } = this.#parts;
    const root = inode.offset + I_BLOCK;
    const depth = mapping.extents.depth(inode);
    const entries = layout.entryCount(inode.view, root);
    if (geometry.clusterRatio > 1 || geometry.blocksCount >= POINTER_LIMIT) throw new OperationError(errno.EOPNOTSUPP, 'block maps cannot point to every block');
    if (depth > 0 || entries > 1) throw new OperationError(errno.EOPNOTSUPP, 'only a file in one piece is converted');
    const entry = layout.entryAt(root, 0);
    const logical = entries === 0 ? 0 : layout.entryLogical(inode.view, entry);
    const length = entries === 0 ? 0 : layout.extentLength(inode.view, entry);
    const start = layout.extentStart(inode.view, entry);
    if (logical + length > DIRECT_POINTERS || (entries > 0 && layout.isUnwritten(inode.view, entry))) {
      throw new OperationError(errno.EOPNOTSUPP, `only a file within its first ${DIRECT_POINTERS} blocks is converted`);
    }
    this.#clear(inode);
    inodes.setFlag(inode, 'EXTENTS', false);
    for (let index = 0; index < length; index++) inode.view.setUint32(root + (logical + index) * POINTER_SIZE, start + index, true);
    inode.bind();
  }

  #clear(inode: Inode): void {
    this.#parts.inodes.modify(inode);
    inode.bytes.fill(0, inode.offset + I_BLOCK, inode.offset + I_BLOCK + I_BLOCK_SIZE);
  }

  #runs(inode: Inode): Run[] {
    const { blockMap } = this.#parts.mapping;
    const range = new MappedRange();
    const runs: Run[] = [];
    for (let at = 0; at < blockMap.reach; at += range.length) {
      blockMap.map(inode, logicalBlock(at), range);
      if (range.state === RangeState.Written) runs.push({ logical: at, length: range.length, physical: range.physical });
    }
    return runs;
  }

  #pointerBlocks(inode: Inode): PhysicalBlock[] {
    const found = new Set<PhysicalBlock>();
    for (let level = 1; level <= LEVELS; level++) {
      const pointer = inode.view.getUint32(inode.offset + I_BLOCK + (DIRECT_POINTERS + level - 1) * POINTER_SIZE, true);
      if (pointer !== 0) this.#notePointers(inode, physicalBlock(pointer), level, found);
    }
    return [...found];
  }

  #notePointers(inode: Inode, number: PhysicalBlock, level: number, found: Set<PhysicalBlock>): void {
    const { cache, space } = this.#parts;
    if (found.has(number) || !space.isFileSpace(number, 1)) {
      throw new CorruptionError('block map', { inode: inode.number, block: number }, 'a block of pointers is met twice, or lies outside the space of files');
    }
    found.add(number);
    if (level === 1) return;
    const { view } = cache.get(number);
    for (let offset = 0; offset < view.byteLength; offset += POINTER_SIZE) {
      const pointer = view.getUint32(offset, true);
      if (pointer !== 0) this.#notePointers(inode, physicalBlock(pointer), level - 1, found);
    }
  }
}
