import type { DeviceWriter } from '../../device/device-job.js';
import type { PhysicalBlock } from '../units.js';

/** So much is written in one go. */
const STAGE_BYTES = 2 << 20;

/** A block, and what it is to hold at home. */
export interface HomeBlock {
  readonly number: PhysicalBlock;
  readonly bytes: Uint8Array;
}

/** Writes blocks to where they belong, from copies, with neighbours in one write. */
export class HomeWriter {
  readonly #blockSize: number;
  readonly #stage = new Uint8Array(new SharedArrayBuffer(STAGE_BYTES));

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Most blocks that one call takes. */
  get mostBlocks(): number {
    return STAGE_BYTES / this.#blockSize;
  }

  /** @param blocks at most so many, in ascending order; their bytes are of no concern any more on return, those of the last call overwritten */
  write(blocks: readonly HomeBlock[], to: DeviceWriter): void {
    const size = this.#blockSize;
    blocks.forEach(({ bytes }, index) => this.#stage.set(bytes, index * size));
    for (let from = 0; from < blocks.length; ) {
      const first = (blocks[from] as HomeBlock).number;
      let end = from + 1;
      while (end < blocks.length && (blocks[end] as HomeBlock).number === first + end - from) end++;
      to.write(this.#stage, from * size, (end - from) * size, first * size);
      from = end;
    }
  }
}
