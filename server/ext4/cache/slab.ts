/** What is wrapped around one buffer. */
export interface SlabSlot {
  readonly bytes: Uint8Array;
  /** Over exactly the same bytes; made once, because a DataView costs more than the read it serves. */
  readonly view: DataView;
}

const CHUNK_BYTES = 1 << 20;

/**
 * Memory for block buffers, in one place: every metadata block lives in a slot of a few large
 * shared buffers, so that the whole cache can be handed to data threads or survive in a shared
 * mapping, and so that the garbage collector never sees a block come or go.
 */
export class Slab<Slot extends SlabSlot> {
  readonly #slotSize: number;
  readonly #wrap: (bytes: Uint8Array, view: DataView) => Slot;
  readonly #free: Slot[] = [];
  readonly #secret: (chunk: Uint8Array) => void;
  #allocated = 0;

  /**
   * @param slotSize bytes, a power of two
   * @param secret told of all memory, before it is used
   */
  constructor(slotSize: number, wrap: (bytes: Uint8Array, view: DataView) => Slot, secret: (chunk: Uint8Array) => void = () => undefined) {
    this.#slotSize = slotSize;
    this.#wrap = wrap;
    this.#secret = secret;
  }

  /** Bytes taken from the system, whether slots are in use or not. They are never given back. */
  get allocatedBytes(): number {
    return this.#allocated;
  }

  /** Contents are whatever the last user left. */
  take(): Slot {
    if (this.#free.length === 0) this.#grow();
    return this.#free.pop() as Slot;
  }

  give(slot: Slot): void {
    this.#free.push(slot);
  }

  #grow(): void {
    const chunk = new SharedArrayBuffer(Math.max(CHUNK_BYTES, this.#slotSize));
    this.#allocated += chunk.byteLength;
    this.#secret(new Uint8Array(chunk));
    for (let offset = chunk.byteLength - this.#slotSize; offset >= 0; offset -= this.#slotSize) {
      this.#free.push(
        this.#wrap(new Uint8Array(chunk, offset, this.#slotSize), new DataView(chunk, offset, this.#slotSize)),
      );
    }
  }
}
