import type { BlockDevice } from '../../device/block-device.js';
import type { CachedBlock } from '../cache/block-cache.js';
import type { PhysicalBlock } from '../units.js';

const CHUNK_BYTES = 1 << 20;

/** Writes cached blocks to where they belong, in ascending order and with neighbours in one write. */
export class HomeWriter {
  readonly #device: BlockDevice;
  readonly #blockSize: number;
  readonly #chunk = new Uint8Array(new SharedArrayBuffer(CHUNK_BYTES));

  constructor(device: BlockDevice, blockSize: number) {
    this.#device = device;
    this.#blockSize = blockSize;
  }

  /** Not durable before the device is flushed. @param blocks in any order, none twice; sorted here */
  write(blocks: CachedBlock[]): void {
    blocks.sort((a, b) => a.number - b.number);
    for (let from = 0; from < blocks.length; ) {
      const to = this.#endOfRun(blocks, from);
      this.#writeRun(blocks, from, to);
      from = to;
    }
  }

  #endOfRun(blocks: readonly CachedBlock[], from: number): number {
    const first = blocks[from] as CachedBlock;
    const most = Math.min(blocks.length, from + CHUNK_BYTES / this.#blockSize);
    let to = from + 1;
    while (to < most && (blocks[to] as CachedBlock).number === first.number + to - from) to++;
    return to;
  }

  #writeRun(blocks: readonly CachedBlock[], from: number, to: number): void {
    const first = blocks[from] as CachedBlock;
    const position = first.number * this.#blockSize;
    if (to === from + 1) {
      this.#device.write(first.bytes, 0, this.#blockSize, position);
      return;
    }
    for (let index = from; index < to; index++) {
      this.#chunk.set((blocks[index] as CachedBlock).bytes, (index - from) * this.#blockSize);
    }
    this.#device.write(this.#chunk, 0, (to - from) * this.#blockSize, position);
  }
}

/**
 * The committed blocks that are only in the log so far. Each is here once, whatever number of
 * transactions changed it: what counts is its last content, which is the one in memory.
 */
export class CheckpointList {
  readonly #writer: HomeWriter;
  readonly #blocks = new Map<PhysicalBlock, CachedBlock>();

  constructor(writer: HomeWriter) {
    this.#writer = writer;
  }

  get size(): number {
    return this.#blocks.size;
  }

  add(block: CachedBlock): void {
    block.awaitsCheckpoint = true;
    this.#blocks.set(block.number, block);
  }

  /**
   * The block was freed by a transaction that has committed. It left the cache before, when it was
   * freed, and the object here may be any other block by now.
   */
  drop(number: PhysicalBlock): void {
    this.#blocks.delete(number);
  }

  /**
   * Writes everything home. Call it when no running transaction has changed anything: what is
   * written is what the blocks hold.
   */
  write(): void {
    const blocks = [...this.#blocks.values()];
    this.#writer.write(blocks);
    for (const block of blocks) block.awaitsCheckpoint = false;
    this.#blocks.clear();
  }
}
