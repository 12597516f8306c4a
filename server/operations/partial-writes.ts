import { isLackOfRoom } from '../ext4/errors.js';
import type { Handler } from '../session/handler.js';
import type { Request } from '../session/request.js';
import { change, changing, type WritableVolume } from './writable-volume.js';

/**
 * What becomes of a request for which there is not room enough: nothing of it, or as much as there is
 * room for. Then the answer says how much it was, or is an error all the same.
 */
export type WithoutRoom = 'nothing' | 'part' | 'part, and an error';

/** A request that fills a range of a file. */
export interface RangeWrite {
  /** Where the range begins in its file, and its length. */
  readonly offset: (request: Request) => number;
  readonly length: (request: Request) => number;
  /** Fills a part. @returns how much of it, or a negative errno */
  readonly fill: (request: Request, from: number, count: number) => number;
  readonly withoutRoom: (request: Request) => WithoutRoom;
  readonly answer: (view: DataView, at: number, filled: number) => number;
}

/** A handler of such requests. */
export function fillingRange(volume: WritableVolume, { offset, length, fill, withoutRoom, answer }: RangeWrite): Handler {
  const { blockSize } = volume.filesystem.superblock;

  const whole = changing(volume, (request, reply) => {
    const filled = fill(request, 0, length(request));
    return filled < 0 ? filled : answer(reply.view, reply.body, filled);
  });

  return (request, reply) => {
    try {
      return whole(request, reply);
    } catch (error) {
      const outcome = withoutRoom(request);
      if (outcome === 'nothing' || !isLackOfRoom(error)) throw error;
      const filled = asFarAsThereIsRoom(offset(request), length(request), blockSize, (from, count) => {
        change(volume, request, () => fill(request, from, count));
      });
      if (filled === 0 || outcome !== 'part') throw error;
      return answer(reply.view, reply.body, filled);
    }
  };
}

/**
 * Once a whole range has turned out to be too much: a few pieces, each of which leaves no trace if it is
 * too large.
 * @param unit of space
 * @param write with the place in the range and the length of a piece
 * @returns how far it came
 */
function asFarAsThereIsRoom(offset: number, length: number, unit: number, write: (from: number, count: number) => void): number {
  let done = 0;
  let tooFar = length;
  for (;;) {
    const end = between(offset + done, offset + tooFar, unit) - offset;
    if (end >= tooFar) return done;
    try {
      write(done, end - done);
      done = end;
    } catch (error) {
      if (!isLackOfRoom(error)) throw error;
      tooFar = end;
    }
  }
}

/** A multiple of `unit` about half-way, beyond `from`; `to` or more where there is none between them. */
function between(from: number, to: number, unit: number): number {
  const next = from - (from % unit) + unit;
  const half = from + (to - from) / 2;
  return Math.max(next, half - (half % unit));
}
