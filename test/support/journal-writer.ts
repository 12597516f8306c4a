import { crc32Be } from '../../server/ext4/layout/crc32-be.js';
import { crc32c } from '../../server/ext4/layout/crc32c.js';
import type { MemoryDevice } from './memory-device.js';

export type Checksum = 'none' | 'v1' | 'v2' | 'v3';

export interface JournalShape {
  readonly blockSize: number;
  /** Device block of each journal block. */
  readonly blocks: readonly number[];
  readonly checksum?: Checksum;
  readonly wide?: boolean;
  readonly asyncCommit?: boolean;
  readonly fastCommitBlocks?: number;
  readonly first?: number;
  readonly length?: number;
  readonly start?: number;
  readonly sequence?: number;
  /** Whether every tag carries the UUID, as journals may that several filesystems share. */
  readonly repeatUuid?: boolean;
}

const MAGIC = 0xc03b3998;
const UUID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);

/**
 * Writes journals that no tool can be made to write: an independent second opinion on the format,
 * itself checked by having e2fsck replay what it wrote.
 */
export class JournalWriter {
  readonly #device: MemoryDevice;
  readonly #shape: Required<JournalShape>;
  readonly #seed = crc32c(0xffffffff, UUID, 0, 16);
  #at: number;
  #sequence: number;
  #logged = 0xffffffff;

  constructor(device: MemoryDevice, shape: JournalShape) {
    this.#device = device;
    this.#shape = {
      checksum: 'none',
      wide: false,
      asyncCommit: false,
      fastCommitBlocks: 0,
      first: 1,
      length: shape.blocks.length,
      start: shape.first ?? 1,
      sequence: 1,
      repeatUuid: false,
      ...shape,
    };
    this.#at = this.#shape.start;
    this.#sequence = this.#shape.sequence;
  }

  /** Journal block that is written next. */
  get position(): number {
    return this.#at;
  }

  /** Logs contents; `contents` maps device blocks to what they become. Uses as many descriptors as it takes. */
  log(contents: ReadonlyMap<number, Uint8Array>): this {
    const room = this.tagsPerDescriptor;
    const entries = [...contents];
    for (let from = 0; from < entries.length; from += room) this.#descriptor(entries.slice(from, from + room));
    return this;
  }

  get tagsPerDescriptor(): number {
    const room = this.#shape.blockSize - 12 - (this.#hasTail ? 4 : 0);
    const size = this.#tagSize + (this.#shape.repeatUuid ? 16 : 0);
    return Math.floor((room - (this.#shape.repeatUuid ? 0 : 16)) / size);
  }

  revoke(blocks: readonly number[]): this {
    const [bytes, view] = this.#header(5);
    const size = this.#shape.wide ? 8 : 4;
    blocks.forEach((block, index) => {
      if (this.#shape.wide) view.setBigUint64(16 + index * size, BigInt(block));
      else view.setUint32(16 + index * size, block);
    });
    view.setUint32(12, 16 + blocks.length * size);
    this.#seal(bytes, view);
    this.#append(bytes);
    return this;
  }

  commit(seconds = 1_700_000_000 + this.#sequence): this {
    const [bytes, view] = this.#header(2);
    view.setBigUint64(48, BigInt(seconds));
    if (this.#shape.checksum === 'v1') {
      view.setUint8(12, 1);
      view.setUint8(13, 4);
      view.setUint32(16, this.#logged);
    } else if (this.#hasTail) {
      view.setUint32(16, crc32c(this.#seed, bytes, 0, bytes.length));
    }
    this.#append(bytes);
    this.#logged = 0xffffffff;
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this;
  }

  /** Writes the journal's superblock, so that recovery begins at the first block written here. */
  finish(change?: (view: DataView) => void): this {
    const bytes = new Uint8Array(this.#shape.blockSize);
    const view = new DataView(bytes.buffer);
    const { checksum, wide, asyncCommit, fastCommitBlocks } = this.#shape;
    view.setUint32(0, MAGIC);
    view.setUint32(4, 4);
    view.setUint32(0x0c, this.#shape.blockSize);
    view.setUint32(0x10, this.#shape.length);
    view.setUint32(0x14, this.#shape.first);
    view.setUint32(0x18, this.#shape.sequence);
    view.setUint32(0x1c, this.#shape.start);
    view.setUint32(0x24, checksum === 'v1' ? 1 : 0);
    const incompat =
      1 | (wide ? 2 : 0) | (asyncCommit ? 4 : 0) | (checksum === 'v2' ? 8 : 0) | (checksum === 'v3' ? 16 : 0);
    view.setUint32(0x28, incompat | (fastCommitBlocks > 0 ? 32 : 0));
    bytes.set(UUID, 0x30);
    view.setUint32(0x40, 1);
    view.setUint8(0x50, this.#hasTail ? 4 : checksum === 'v1' ? 1 : 0);
    view.setUint32(0x54, fastCommitBlocks);
    change?.(view);
    if (this.#hasTail) view.setUint32(0xfc, crc32c(0xffffffff, bytes, 0, 1024));
    this.#write(0, bytes);
    return this;
  }

  /** Changes a journal block after it was written: damage. */
  damage(block: number, change: (view: DataView) => void): this {
    const position = (this.#shape.blocks[block] as number) * this.#shape.blockSize;
    change(new DataView(this.#device.bytes.buffer, this.#device.bytes.byteOffset + position, this.#shape.blockSize));
    return this;
  }

  get #hasTail(): boolean {
    return this.#shape.checksum === 'v2' || this.#shape.checksum === 'v3';
  }

  get #tagSize(): number {
    const { checksum, wide } = this.#shape;
    if (checksum === 'v3') return 16;
    if (checksum === 'v2') return wide ? 14 : 10;
    return wide ? 12 : 8;
  }

  #descriptor(entries: readonly (readonly [number, Uint8Array])[]): void {
    const [bytes, view] = this.#header(1);
    const logged = entries.map(([, content]) => escape(content));
    let at = 12;
    entries.forEach(([target], index) => {
      const content = logged[index] as { readonly bytes: Uint8Array; readonly escaped: boolean };
      const withUuid = index === 0 || this.#shape.repeatUuid;
      const flags =
        (content.escaped ? 1 : 0) | (withUuid ? 0 : 2) | (index === entries.length - 1 ? 8 : 0);
      this.#tag(view, at, target, flags, this.#contentChecksum(content.bytes));
      at += this.#tagSize;
      if (withUuid) {
        bytes.set(UUID, at);
        at += 16;
      }
    });
    this.#seal(bytes, view);
    for (const block of [bytes, ...logged.map((content) => content.bytes)]) {
      this.#logged = crc32Be(this.#logged, block, 0, block.length);
      this.#append(block);
    }
  }

  #tag(view: DataView, at: number, target: number, flags: number, checksum: number): void {
    view.setUint32(at, target % 2 ** 32);
    if (this.#shape.checksum === 'v3') {
      view.setUint32(at + 4, flags);
      view.setUint32(at + 12, checksum);
    } else {
      view.setUint16(at + 4, this.#shape.checksum === 'v2' ? checksum & 0xffff : 0);
      view.setUint16(at + 6, flags);
    }
    if (this.#shape.wide) view.setUint32(at + 8, Math.floor(target / 2 ** 32));
  }

  #contentChecksum(content: Uint8Array): number {
    const sequence = new Uint8Array(4);
    new DataView(sequence.buffer).setUint32(0, this.#sequence);
    return crc32c(crc32c(this.#seed, sequence, 0, 4), content, 0, content.length);
  }

  #header(type: number): [Uint8Array, DataView] {
    const bytes = new Uint8Array(this.#shape.blockSize);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, type);
    view.setUint32(8, this.#sequence);
    return [bytes, view];
  }

  #seal(bytes: Uint8Array, view: DataView): void {
    if (this.#hasTail) view.setUint32(bytes.length - 4, crc32c(this.#seed, bytes, 0, bytes.length));
  }

  #append(bytes: Uint8Array): void {
    this.#write(this.#at, bytes);
    const end = this.#shape.length - this.#shape.fastCommitBlocks;
    this.#at = this.#at + 1 === end ? this.#shape.first : this.#at + 1;
  }

  #write(block: number, bytes: Uint8Array): void {
    this.#device.write(bytes, 0, bytes.length, (this.#shape.blocks[block] as number) * this.#shape.blockSize);
  }
}

function escape(content: Uint8Array): { readonly bytes: Uint8Array; readonly escaped: boolean } {
  const view = new DataView(content.buffer, content.byteOffset);
  if (view.getUint32(0) !== MAGIC) return { bytes: content, escaped: false };
  const bytes = content.slice();
  bytes.fill(0, 0, 4);
  return { bytes, escaped: true };
}

/** Sets needs_recovery in the filesystem's superblock, as a kernel does that mounts it read-write. */
export function markForRecovery(device: MemoryDevice): void {
  const view = new DataView(device.bytes.buffer, device.bytes.byteOffset + 1024, 1024);
  view.setUint32(0x60, view.getUint32(0x60, true) | 4, true);
  const hasChecksum = (view.getUint32(0x64, true) & 0x400) !== 0;
  if (hasChecksum) view.setUint32(0x3fc, crc32c(0xffffffff, device.bytes, 1024, 1024 + 0x3fc), true);
}
