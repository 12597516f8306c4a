/** Telling the device behind a descriptor what is unused. */
import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import { serverShim } from '../native/shim.js';

/** @returns false where the device takes no discards at all */
export type DiscardRange = (descriptor: number, offset: number, length: number) => boolean;

const { EOPNOTSUPP, ENOSYS, ENOTTY, EPERM } = constants.errno;
/** What says that it will never work; others concern one range, which then stays as it is. */
const UNSUPPORTED: ReadonlySet<number> = new Set([EOPNOTSUPP, ENOSYS, ENOTTY, EPERM]);

/** Block devices have a call of their own: fallocate(2) would make them write zeros where they cannot unmap. */
export function discardRange(descriptor: number): DiscardRange {
  const discard = fstatSync(descriptor).isBlockDevice() ? serverShim.discardBlocks : serverShim.punchHole;
  return (fd, offset, length) => !UNSUPPORTED.has(-discard(fd, offset, length));
}
