import type { BlockDevice } from '../device/block-device.js';
import type { DataBehind } from '../ext4/file-writer.js';
import type { DataWrites } from '../session/filesystem.js';
import { DEFERRED, type Handler } from '../session/handler.js';
import type { Request } from '../session/request.js';

/** A piece that others were to write, as it was taken. */
interface Piece {
  readonly source: Uint8Array;
  readonly from: number;
  readonly length: number;
  readonly position: number;
}

/** No device has larger ones: others write whole ones only. */
const SECTOR = 4096;

/** What of the data of one WRITE data threads write, which answer it. */
export class WriteData implements DataBehind {
  readonly #device: BlockDevice;
  readonly #writes: DataWrites;
  readonly #pieces: Piece[] = [];

  constructor(device: BlockDevice, writes: DataWrites) {
    this.#device = device;
    this.#writes = writes;
  }

  /** What was taken before is of no interest: a request begins, or a part of one. */
  clear(): void {
    this.#pieces.length = 0;
    this.#writes.clear();
  }

  take(source: Uint8Array, from: number, length: number, position: number): boolean {
    const place = this.#device.placeOf?.(position, length);
    if (place === undefined) return false;
    const head = (SECTOR - (place % SECTOR)) % SECTOR;
    const middle = length - head - ((place + length) % SECTOR);
    if (middle <= 0 || !this.#writes.add(place + head, from + head, middle)) return false;
    this.#pieces.push({ source, from: from + head, length: middle, position: position + head });
    const tail = length - head - middle;
    if (head > 0) this.#device.write(source, from, head, position);
    if (tail > 0) this.#device.write(source, from + length - tail, tail, position + length - tail);
    return true;
  }

  markFresh(): void {
    this.#writes.markFresh();
  }

  writeNow(): void {
    for (const { source, from, length, position } of this.#pieces) this.#device.write(source, from, length, position);
    this.clear();
  }

  /** A handler whose data is written when it returns. */
  writingNow(handle: Handler): Handler {
    return (request, reply) => {
      const outcome = handle(request, reply);
      if (outcome >= 0) this.writeNow();
      return outcome;
    };
  }

  /** A handler that leaves data to the threads. @param handle clears before it writes, @param sizeOf what is written where it leaves some */
  answering(handle: Handler, sizeOf: (request: Request) => number): Handler {
    return (request, reply) => {
      const outcome = handle(request, reply);
      // Of what failed, or is to be done again, nothing is written.
      if (outcome < 0 || this.#writes.isEmpty) return outcome;
      if (!this.#writes.answerWrite(request, sizeOf(request))) {
        this.writeNow();
        return outcome;
      }
      for (const { length } of this.#pieces) this.#device.countWritten?.(length);
      return DEFERRED;
    };
  }
}
