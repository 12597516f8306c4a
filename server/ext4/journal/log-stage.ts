import type { StagedBlock } from './log-format.js';

const CHUNK_BYTES = 1 << 20;

/**
 * Takes the blocks of a transaction in the order of the log, and passes them on in chunks that are
 * worth a write. Making blocks and writing them are apart here: whoever gets a chunk may hand it to
 * another thread, once there are two chunks to take turns.
 */
export class LogStage implements StagedBlock {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the block claimed last begins. */
  offset = 0;
  readonly #blockSize: number;
  readonly #issue: (bytes: Uint8Array, blocks: number) => void;
  #staged = 0;

  /** @param issue writes the first `blocks` blocks of `bytes` behind those of the last call; `bytes` is reused when it returns */
  constructor(blockSize: number, issue: (bytes: Uint8Array, blocks: number) => void) {
    // Shared, as the cache's own buffers are, for data threads to write from.
    const chunk = new SharedArrayBuffer(CHUNK_BYTES);
    this.bytes = new Uint8Array(chunk);
    this.view = new DataView(chunk);
    this.#blockSize = blockSize;
    this.#issue = issue;
  }

  /** The place of the next block, with anything in it; valid until the next call. */
  claim(): StagedBlock {
    if ((this.#staged + 1) * this.#blockSize > CHUNK_BYTES) this.issue();
    this.offset = this.#staged * this.#blockSize;
    this.#staged++;
    return this;
  }

  /** Passes on what was not passed on yet. */
  issue(): void {
    const blocks = this.#staged;
    this.#staged = 0;
    if (blocks > 0) this.#issue(this.bytes, blocks);
  }

  /** Forgets what an interrupted commit left behind. */
  reset(): void {
    this.#staged = 0;
  }
}
