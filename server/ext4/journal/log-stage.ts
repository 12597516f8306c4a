import type { StagedBlock } from './log-format.js';

const CHUNK_BYTES = 1 << 20;
/** What is kept for the next transaction. */
const MOST_SPARE = 8;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * Memory for the blocks of one transaction as the log will have them, in the order of the log. They
 * are copies: whatever becomes of the originals, these stay until they are written.
 */
export class LogStage implements StagedBlock {
  bytes: Uint8Array = NOTHING;
  view: DataView = new DataView(NOTHING.buffer);
  /** Where the block claimed last begins. */
  offset = 0;
  readonly #blockSize: number;
  readonly #issue: (bytes: Uint8Array, from: number, blocks: number) => void;
  readonly #chunks: { readonly bytes: Uint8Array; readonly view: DataView }[] = [];
  #used = 0;
  /** Blocks of the chunk in use: claimed, and passed on. */
  #staged = 0;
  #issued = 0;

  /** @param issue writes `blocks` blocks of `bytes`, from byte `from` on, behind those of the last call; they stay until the next reset */
  constructor(blockSize: number, issue: (bytes: Uint8Array, from: number, blocks: number) => void) {
    this.#blockSize = blockSize;
    this.#issue = issue;
  }

  /** The place of the next block, with anything in it; valid until the next call. */
  claim(): StagedBlock {
    if ((this.#staged + 1) * this.#blockSize > this.bytes.length) this.#nextChunk();
    this.offset = this.#staged * this.#blockSize;
    this.#staged++;
    return this;
  }

  /** Passes on what was not passed on yet. */
  issue(): void {
    const blocks = this.#staged - this.#issued;
    if (blocks > 0) this.#issue(this.bytes, this.#issued * this.#blockSize, blocks);
    this.#issued = this.#staged;
  }

  /** Begins anew: what was claimed is not needed any more. */
  reset(): void {
    this.#chunks.length = Math.min(this.#chunks.length, MOST_SPARE);
    this.#used = 0;
    this.#staged = 0;
    this.#issued = 0;
    this.bytes = NOTHING;
  }

  #nextChunk(): void {
    this.issue();
    const chunk = this.#chunks[this.#used] ?? this.#grow();
    this.#used++;
    this.bytes = chunk.bytes;
    this.view = chunk.view;
    this.#staged = 0;
    this.#issued = 0;
  }

  #grow(): { readonly bytes: Uint8Array; readonly view: DataView } {
    // Shared, as the cache's own buffers are, for another thread to write from.
    const memory = new SharedArrayBuffer(CHUNK_BYTES);
    const chunk = { bytes: new Uint8Array(memory), view: new DataView(memory) };
    this.#chunks.push(chunk);
    return chunk;
  }
}
