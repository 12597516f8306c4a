import type { BlockDevice } from '../../device/block-device.js';
import { CorruptionError, UnsupportedError } from '../errors.js';
import { crc32c } from '../layout/crc32c.js';
import { Incompat, RoCompat } from '../layout/features.js';
import { uuidString } from '../layout/read.js';
import { SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE } from '../layout/superblock.js';
import type { JournalBlock } from '../units.js';
import type { PlacedJournal } from './source.js';

const EXT4_MAGIC = 0xef53;
const offsets = { blocksCount: 0x4, logBlockSize: 0x18, magic: 0x38, incompat: 0x60, roCompat: 0x64, uuid: 0x68, checksum: 0x3fc } as const;

/**
 * A journal on a device of its own. The device begins like a filesystem, with a superblock whose
 * feature says that it is a journal; the journal's own superblock is in the block after that. The log's
 * block numbers count from the beginning of the device.
 */
export class ExternalJournal implements PlacedJournal {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly #device: BlockDevice;
  /** Where the journal's superblock is. */
  readonly #superblock: number;

  /**
   * @param uuid s_journal_uuid of the filesystem whose journal this should be
   * @throws CorruptionError, UnsupportedError where it is none, or another's
   */
  constructor(device: BlockDevice, blockSize: number, uuid: Uint8Array) {
    const superblock = new Uint8Array(SUPERBLOCK_SIZE);
    device.read(superblock, 0, SUPERBLOCK_SIZE, SUPERBLOCK_OFFSET);
    const view = new DataView(superblock.buffer);
    const field = (offset: number): number => view.getUint32(offset, true);

    if (view.getUint16(offsets.magic, true) !== EXT4_MAGIC || (field(offsets.incompat) & Incompat.JOURNAL_DEV) === 0) {
      throw new UnsupportedError('the journal device holds no external ext4 journal');
    }
    const own = superblock.subarray(offsets.uuid, offsets.uuid + uuid.length);
    if (Buffer.compare(own, uuid) !== 0) {
      throw new UnsupportedError(`the journal device has UUID ${uuidString(own)}, the filesystem's journal is ${uuidString(uuid)}`);
    }
    if ((field(offsets.roCompat) & RoCompat.METADATA_CSUM) !== 0) verifyChecksum(superblock, view);
    if (field(offsets.logBlockSize) > 6 || 1024 << field(offsets.logBlockSize) !== blockSize) {
      corrupt(offsets.logBlockSize, `log block size ${field(offsets.logBlockSize)} does not fit the filesystem's blocks of ${blockSize}`);
    }

    this.blockSize = blockSize;
    this.#superblock = Math.floor(SUPERBLOCK_OFFSET / blockSize) + 1;
    this.blockCount = field(offsets.blocksCount);
    this.#device = device;
    if (this.blockCount * blockSize > device.size) {
      corrupt(offsets.blocksCount, `${this.blockCount} blocks on a device of ${device.size} bytes`);
    }
  }

  read(block: JournalBlock, target: Uint8Array): void {
    this.#device.read(target, 0, this.blockSize, this.place(block) * this.blockSize);
  }

  place(block: JournalBlock): number {
    return block === 0 ? this.#superblock : block;
  }

  adjoining(block: JournalBlock, most: number): number {
    return block === 0 ? 1 : Math.min(most, this.blockCount - block);
  }
}

function verifyChecksum(superblock: Uint8Array, view: DataView): void {
  if (crc32c(0xffffffff, superblock, 0, offsets.checksum) !== view.getUint32(offsets.checksum, true)) {
    corrupt(offsets.checksum, 'the checksum of the journal device does not match');
  }
}

function corrupt(offset: number, detail: string): never {
  throw new CorruptionError('superblock', { offset: SUPERBLOCK_OFFSET + offset }, detail);
}
