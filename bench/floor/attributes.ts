import type { Attributes } from '../../protocol/fuse/attributes.js';

export const FILE_SIZE = 1024 * 1024 * 1024;
export const ROOT = 1;

/** What a name leads to says its number: a file, a directory or a symbolic link. */
export type Kind = 0 | 1 | 2;
export const FILE: Kind = 0;
export const DIRECTORY: Kind = 1;
export const LINK: Kind = 2;

const MODES = [0o100644, 0o40755, 0o120777] as const;
const SIZES = [FILE_SIZE, 4096, 10] as const;
const KINDS_APART = 2 ** 33;

const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const LETTER_D = 0x64;
const LETTER_L = 0x6c;

/** "d1" is a directory, "l1" a symbolic link, "made" and "links" are directories. */
function kindOf(bytes: Uint8Array, offset: number, length: number): Kind {
  const second = bytes[offset + 1] ?? 0;
  if (length > 1 && second >= DIGIT_0 && second <= DIGIT_9) {
    if (bytes[offset] === LETTER_D) return DIRECTORY;
    if (bytes[offset] === LETTER_L) return LINK;
  }
  return is(bytes, offset, length, MADE) || is(bytes, offset, length, LINKS) ? DIRECTORY : FILE;
}

const MADE = Buffer.from('made');
const LINKS = Buffer.from('links');

function is(bytes: Uint8Array, offset: number, length: number, name: Uint8Array): boolean {
  if (length !== name.length) return false;
  for (let at = 0; at < length; at++) if (bytes[offset + at] !== name[at]) return false;
  return true;
}

/** Every name leads to something of its own, whose number is made from the bytes of the name. */
export function numberOf(bytes: Uint8Array, offset: number, length: number, kind: Kind = kindOf(bytes, offset, length)): number {
  let number = 7;
  for (let at = offset; at < offset + length; at++) number = (Math.imul(number, 31) + (bytes[at] ?? 0)) >>> 0;
  return ROOT + 1 + number + kind * KINDS_APART;
}

/** Whatever is in it has been made by whoever asks. */
export const MADE_DIRECTORY = numberOf(MADE, 0, MADE.length);

export class FloorAttributes implements Attributes {
  inode = ROOT;
  size = 0;
  blocks = 0;
  readonly atime = 0;
  readonly mtime = 0;
  readonly ctime = 0;
  readonly atimeNanoseconds = 0;
  readonly mtimeNanoseconds = 0;
  readonly ctimeNanoseconds = 0;
  mode = 0;
  readonly links = 1;
  readonly uid = 0;
  readonly gid = 0;
  readonly deviceNumber = 0;
  readonly blockSize = 4096;

  become(nodeid: number): this {
    const kind = nodeid === ROOT ? DIRECTORY : (Math.floor(nodeid / KINDS_APART) as Kind);
    this.inode = nodeid;
    this.mode = MODES[kind] ?? MODES[FILE];
    this.size = SIZES[kind] ?? FILE_SIZE;
    this.blocks = this.size / 512;
    return this;
  }
}
