import { OverlaidDevice } from '../../journal/overlaid-device.js';

/** A device with some of its blocks replaced in memory. What replaces them is kept as long as the device. */
export class EditedDevice extends OverlaidDevice {
  readonly #blocks = new Map<number, Uint8Array>();

  /** The blocks that were replaced, in no order. */
  get replaced(): Iterable<readonly [block: number, content: Uint8Array]> {
    return this.#blocks;
  }

  /** Replaces a block by a copy of `content`. */
  replace(block: number, content: Uint8Array): void {
    const known = this.#blocks.get(block);
    // A copy in memory of its own: `content` may be a cached block's, and shared.
    if (known === undefined) this.#blocks.set(block, new Uint8Array(content));
    else known.set(content);
  }

  protected get isPlain(): boolean {
    return this.#blocks.size === 0;
  }

  protected contentOf(block: number): Uint8Array | undefined {
    return this.#blocks.get(block);
  }
}
