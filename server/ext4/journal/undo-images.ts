import type { CachedBlock, Verified } from '../cache/block-cache.js';

/** A block as it was before the open handle changed it. */
export interface UndoImage {
  block: CachedBlock;
  readonly bytes: Uint8Array;
  /** Made by this handle: undoing it means forgetting it. */
  created: boolean;
  verifiedAs: Verified;
  verifiedFor: number;
  transaction: number;
}

/** The images of one handle. Their memory stays for the next. */
export class UndoImages {
  readonly #blockSize: number;
  readonly #images: UndoImage[] = [];
  #used = 0;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  keep(block: CachedBlock, created: boolean): void {
    let image = this.#images[this.#used];
    if (image === undefined) {
      image = { block, bytes: new Uint8Array(this.#blockSize), created, verifiedAs: 0, verifiedFor: 0, transaction: 0 };
      this.#images.push(image);
    }
    this.#used++;
    image.block = block;
    image.created = created;
    image.verifiedAs = block.verifiedAs;
    image.verifiedFor = block.verifiedFor;
    image.transaction = block.transaction;
    if (!created) image.bytes.set(block.bytes);
  }

  /** The one that was kept last, which is kept no longer. */
  take(): UndoImage | undefined {
    return this.#used === 0 ? undefined : this.#images[--this.#used];
  }

  clear(): void {
    this.#used = 0;
  }
}
