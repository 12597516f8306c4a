import { writeFileSync } from 'node:fs';
import { BlockAllocator } from '../../server/ext4/allocation/block-allocator.js';
import { BlockBitmaps } from '../../server/ext4/allocation/block-bitmaps.js';
import { GroupCounters } from '../../server/ext4/allocation/group-counters.js';
import { InodeAllocator } from '../../server/ext4/allocation/inode-allocator.js';
import { InodeBitmaps } from '../../server/ext4/allocation/inode-bitmaps.js';
import { Verified } from '../../server/ext4/cache/block-cache.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { InlineDataEditor } from '../../server/ext4/inline-data-editor.js';
import { InodeEditor } from '../../server/ext4/inode-editor.js';
import type { Inode } from '../../server/ext4/inode.js';
import { NoLog } from '../../server/ext4/journal/no-log.js';
import { sealWith } from '../../server/ext4/journal/seal.js';
import { Transactions } from '../../server/ext4/journal/transactions.js';
import { crc32c } from '../../server/ext4/layout/crc32c.js';
import * as extentLayout from '../../server/ext4/layout/extent.js';
import * as inodeLayout from '../../server/ext4/layout/inode.js';
import { FileType, I_BLOCK, InodeFlags } from '../../server/ext4/layout/inode.js';
import { BlockMapEditor } from '../../server/ext4/mapping/block-map-editor.js';
import { ExtentEditor } from '../../server/ext4/mapping/extent-editor.js';
import { FileSpace } from '../../server/ext4/mapping/file-space.js';
import { LOGICAL_BLOCK_LIMIT } from '../../server/ext4/mapping/mapping.js';
import { UNCHARGED } from '../../server/ext4/quota/charges.js';
import { logicalBlock, physicalBlock, type InodeNumber } from '../../server/ext4/units.js';
import { AttributeBlocks } from '../../server/ext4/xattr/attribute-blocks.js';
import { AttributeEditor } from '../../server/ext4/xattr/attribute-editor.js';
import type { ValueInodeAllocator } from '../../server/ext4/xattr/value-store.js';
import { MemoryDevice } from '../support/memory-device.js';

const SUPERBLOCK = 1024;

/** An image in memory with everything that changes attributes in it, on transactions that go straight home. */
export class Workbench {
  readonly filesystem: Filesystem;
  readonly transactions: Transactions;
  readonly inodeEditor: InodeEditor;
  readonly attributes: AttributeEditor;
  readonly inline: InlineDataEditor;
  readonly counters: GroupCounters;
  readonly #device: MemoryDevice;

  /** @param image a file, which stays as it is until `save`, or bytes */
  constructor(image: string | Uint8Array) {
    this.#device = typeof image === 'string' ? MemoryDevice.of(image) : new MemoryDevice(image);
    const filesystem = Filesystem.open(this.#device);
    const { superblock, geometry, groups, cache, inodes, mapping, report } = filesystem;
    const seal = new AttributeBlocks(filesystem).seal;
    const transactions = new Transactions(cache, new NoLog(this.#device, superblock.blockSize, false), 1, sealWith({ [Verified.XattrBlock]: seal }));
    const editor = new InodeEditor(superblock, transactions);
    const counters = new GroupCounters(superblock, geometry, groups, cache, transactions, () => undefined);
    const space = new BlockAllocator(
      geometry,
      transactions,
      new BlockBitmaps(superblock, geometry, groups, cache, transactions, counters),
      counters,
      0,
      report,
      () => undefined,
    );
    const inodeAllocator = new InodeAllocator(superblock, geometry, transactions, new InodeBitmaps(superblock, groups, cache, transactions, counters), counters, report);
    const extents = new ExtentEditor(mapping.extents, cache, transactions, editor, space, geometry.clusterRatio);
    const files = new FileSpace(geometry, mapping, extents, new BlockMapEditor(cache, transactions, editor, space), editor, space, transactions);
    this.filesystem = filesystem;
    this.transactions = transactions;
    this.inodeEditor = editor;
    this.counters = counters;
    this.attributes = new AttributeEditor({
      superblock,
      geometry,
      cache,
      inodes,
      mapping,
      transactions,
      editor,
      space,
      charges: UNCHARGED,
      valueInodes: valueInodes(filesystem, transactions, editor, inodeAllocator, files),
      enableFeature: () => {
        throw new Error('the image has ext_attr');
      },
    });
    this.inline = new InlineDataEditor(superblock, editor);
  }

  /** Runs one operation in a handle; an error leaves nothing behind. */
  run<Result>(operation: () => Result): Result {
    this.transactions.begin();
    let result: Result;
    try {
      result = operation();
    } catch (error) {
      this.transactions.abort();
      throw error;
    }
    this.transactions.end();
    return result;
  }

  /** Commits, and writes the image to its file. */
  save(path: string): void {
    this.transactions.commit();
    this.filesystem.trim();
    const view = new DataView(this.#device.bytes.buffer, SUPERBLOCK, 1024);
    const { totals } = this.counters;
    view.setUint32(0xc, totals.freeClusters * this.filesystem.geometry.clusterRatio, true);
    view.setUint32(0x10, totals.freeInodes, true);
    if (this.filesystem.superblock.features.hasRoCompat('METADATA_CSUM')) {
      view.setUint32(0x3fc, crc32c(0xffffffff, this.#device.bytes, SUPERBLOCK, SUPERBLOCK + 0x3fc), true);
    }
    writeFileSync(path, this.#device.bytes);
  }
}

/** What creates and frees inodes, cut down to files that hold values. */
function valueInodes(
  { superblock, geometry, groups, cache, inodes }: Filesystem,
  transactions: Transactions,
  editor: InodeEditor,
  allocator: InodeAllocator,
  files: FileSpace,
): ValueInodeAllocator {
  const { inodeSize, inodesPerGroup, blockSize, checksumSeed, wantExtraInodeSize } = superblock;

  /** An inode of zeros that passes its checks. */
  function blank(number: InodeNumber): Inode {
    const position = ((number - 1) % inodesPerGroup) * inodeSize;
    const table = groups.inodeTable(geometry.groupOfInode(number));
    const block = cache.get(physicalBlock(table + Math.floor(position / blockSize)));
    const offset = position % blockSize;
    transactions.modify(block, Verified.InodeTable, 0);
    block.bytes.fill(0, offset, offset + inodeSize);
    if (inodeSize > 128) inodeLayout.setExtraSize(block.view, offset, wantExtraInodeSize);
    const seed = inodeLayout.inodeChecksumSeed(checksumSeed, number, 0);
    inodeLayout.setChecksum(block.view, offset, inodeSize, inodeLayout.computeChecksum(seed, block.bytes, block.view, offset, inodeSize));
    return inodes.get(number);
  }

  return {
    create: (owner: Inode) => {
      const inode = blank(allocator.allocate(owner, false).number);
      editor.setMode(inode, FileType.REGULAR | 0o600);
      editor.setOwner(inode, owner.uid, owner.gid);
      editor.setLinks(inode, 1);
      editor.setFlags(inode, InodeFlags.EA_INODE | InodeFlags.EXTENTS);
      extentLayout.initialiseNode(inode.view, inode.offset + I_BLOCK, extentLayout.ROOT_ENTRIES, 0);
      return inode;
    },
    allocate: (holder, count) => {
      files.fill(holder, logicalBlock(0), count, { unwritten: false, privileged: true, streaming: false });
    },
    release: (holder) => {
      files.release(holder, logicalBlock(0), LOGICAL_BLOCK_LIMIT, 1000, true);
      editor.setLinks(holder, 0);
      editor.setSize(holder, 0);
      editor.setDeletionTime(holder, 1_700_000_000);
      allocator.free(holder.number, false);
    },
  };
}
