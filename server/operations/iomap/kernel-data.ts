import { AttributeFlag, Mapping, type IomapProfile } from '../../../protocol/fuse/iomap.js';
import {
  BACKING_INVAL_SIZE, INVAL_MAPPINGS_SIZE, TO_THE_END, UPSERT_MAPPINGS_SIZE, writeBackingInval, writeInvalMappings, writeUpsertMappings,
} from '../../../protocol/fuse/iomap-notifications.js';
import type { BlockDevice } from '../../device/block-device.js';
import type { DataElsewhere } from '../../ext4/external-data.js';
import type { Inode } from '../../ext4/inode.js';
import type { IomapChannel } from '../../session/filesystem.js';

/** So many nodes may be remembered before those that the kernel has forgotten are. */
const MOST_REMEMBERED = 1 << 16;

export interface KernelDataParts {
  readonly channel: IomapChannel;
  readonly profile: IomapProfile;
  /** The filesystem's device, for the kernel. */
  readonly descriptor: number;
  /** Where on it the filesystem begins, in bytes. */
  readonly offset: number;
  readonly blockSize: number;
  /** The device writes a block as a whole or not at all. */
  readonly untorn?: boolean;
  /** Where the filesystem lies. */
  readonly disk: Pick<BlockDevice, 'writeOut' | 'flush'>;
}

/**
 * Files whose data the kernel moves itself between its page cache and the device, by mappings that it
 * gets from here. Before CONFIG, and on kernels that cannot, there are none.
 */
export class KernelData implements DataElsewhere {
  readonly profile: IomapProfile;
  readonly channel: IomapChannel;
  readonly descriptor: number;
  readonly blockSize: number;
  /** CONFIG was answered. */
  isConfigured = false;
  /** Nothing may be written for now. */
  isFrozen = false;
  /** The device's id in mappings; 0 while the kernel moves no data. */
  device = 0;
  readonly counters = { mappings: 0, upserts: 0, invalidations: 0, completions: 0 };
  /** Whether the kernel still knows a node; nothing is remembered where nothing changes. */
  isKnown: ((nodeid: number) => boolean) | undefined;
  /** Files that are being swapped to: their blocks stay where they are. */
  readonly swapFiles = new Set<number>();
  readonly #untorn: boolean;
  readonly #offset: number;
  readonly #disk: KernelDataParts['disk'];
  /** Nodes that the kernel has mappings of. */
  readonly #cached = new Set<number>();
  readonly #message = new Uint8Array(Math.max(BACKING_INVAL_SIZE, UPSERT_MAPPINGS_SIZE, INVAL_MAPPINGS_SIZE));
  readonly #view = new DataView(this.#message.buffer);
  readonly #kept = new Mapping();

  constructor({ channel, profile, descriptor, offset, blockSize, untorn = false, disk }: KernelDataParts) {
    this.channel = channel;
    this.profile = profile;
    this.descriptor = descriptor;
    this.blockSize = blockSize;
    this.#untorn = untorn;
    this.#offset = offset;
    this.#disk = disk;
  }

  get isActive(): boolean {
    return this.device !== 0;
  }

  /** What the server has to change on the way: encrypted, verified and journalled data goes through it. */
  has(inode: Inode): boolean {
    if (!this.isActive || !inode.isRegular) return false;
    return !inode.hasFlag('ENCRYPT') && !inode.hasFlag('VERITY') && !inode.hasFlag('JOURNAL_DATA');
  }

  /** Whether the kernel keeps the attributes: of all but the files whose data goes through the server. */
  keepsAttributes(inode: Inode): boolean {
    return this.isActive && (!inode.isRegular || this.has(inode));
  }

  /** Whether a direct write of one block may be asked not to be torn: not where a block has to be zeroed before. */
  writesUntorn(inode: Inode): boolean {
    return this.#untorn && this.has(inode) && inode.hasFlag('EXTENTS');
  }

  /** For fuse_attr: what the kernel may do with an inode by itself. */
  attributeFlags(inode: Inode): number {
    if (!this.keepsAttributes(inode)) return 0;
    return (
      AttributeFlag.EXCLUSIVE |
      (inode.isRegular ? AttributeFlag.IOMAP : 0) |
      (this.writesUntorn(inode) ? AttributeFlag.ATOMIC : 0) |
      (inode.hasFlag('SYNC') ? AttributeFlag.SYNC : 0) |
      (inode.hasFlag('IMMUTABLE') ? AttributeFlag.IMMUTABLE : 0) |
      (inode.hasFlag('APPEND') ? AttributeFlag.APPEND : 0)
    );
  }

  /** Where a byte of the filesystem is on the device. */
  addressOf(position: number): number {
    return this.#offset + position;
  }

  /** What was written here goes to the device, and leaves the cache in which nobody would see it change. */
  settle(position: number, length: number): void {
    if (this.#disk.writeOut === undefined) this.#disk.flush();
    else this.#disk.writeOut(position, length);
    this.dropCachedBlocks(position, length);
  }

  /** A late write of what the device's page cache holds of free blocks would fall on what is in them by then. */
  dropCachedBlocks(position: number, length: number): void {
    if (!this.isActive) return;
    this.#send(writeBackingInval(this.#view, 0, this.device, this.addressOf(position), length));
    this.counters.invalidations++;
  }

  /** Gives the kernel a mapping to keep. @returns whether it has taken it */
  keepMapping(nodeid: number, inode: number, mapping: Mapping): boolean {
    const kept = this.#kept.set(mapping.offset, mapping.length, this.profile.noCache);
    if (this.#send(writeUpsertMappings(this.#view, 0, nodeid, inode, mapping, kept)) < 0) return false;
    this.counters.upserts++;
    this.#remember(nodeid);
    return true;
  }

  /** Has the kernel ask again where a range of a file is. @param end Infinity: up to the end of the file */
  forgetMappings(nodeid: number, inode: number, offset: number, end: number): void {
    if (!this.#cached.has(nodeid)) return;
    const start = Math.floor(offset / this.blockSize) * this.blockSize;
    const length = end === Infinity ? TO_THE_END : Math.ceil(end / this.blockSize) * this.blockSize - start;
    const result = this.#send(writeInvalMappings(this.#view, 0, nodeid, inode, { offset: start, length }, { offset: 0, length: 0 }));
    if (result < 0) this.#cached.delete(nodeid);
    else this.counters.invalidations++;
  }

  #remember(nodeid: number): void {
    const { isKnown } = this;
    if (isKnown === undefined) return;
    this.#cached.add(nodeid);
    if (this.#cached.size <= MOST_REMEMBERED) return;
    for (const known of this.#cached) if (!isKnown(known)) this.#cached.delete(known);
  }

  #send(length: number): number {
    return this.channel.notify(this.#message, length);
  }
}
