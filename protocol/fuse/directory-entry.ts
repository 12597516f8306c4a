/**
 *   fuse_dirent      ino8@0 off8@8 namelen4@16 type4@20 name@24, padded to 8
 *   fuse_direntplus  fuse_entry_out@0 fuse_dirent@128, padded to 8
 *
 * `off` is what the kernel sends back to go on after the entry. The kernel answers EIO for a name that
 * is empty, contains "/", or is too long (parse_dirfile()), and for READDIRPLUS takes a nodeid of 0 as
 * "no attributes supplied".
 */
import { ENTRY_OUT_SIZE } from './attributes.js';
import { write64 } from './word64.js';

const DIRENT_NAME = 24;

const padded = (length: number): number => (length + 7) & ~7;

export const direntSize = (nameLength: number): number => padded(DIRENT_NAME + nameLength);
export const direntPlusSize = (nameLength: number): number => ENTRY_OUT_SIZE + direntSize(nameLength);

/**
 * The caller has made sure that direntSize() bytes are free at `at`. In a direntplus it goes
 * ENTRY_OUT_SIZE behind the entry.
 * @param type DT_*, the file type of the mode shifted right by 12
 * @returns the length written
 */
export function writeDirent(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  inode: number,
  cookie: number,
  type: number,
  name: Uint8Array,
  nameOffset: number,
  nameLength: number,
): number {
  write64(view, at, inode);
  write64(view, at + 8, cookie);
  view.setUint32(at + 16, nameLength, true);
  view.setUint32(at + 20, type, true);
  let to = at + DIRENT_NAME;
  for (let from = nameOffset; from < nameOffset + nameLength; from++) bytes[to++] = name[from] ?? 0;
  const end = at + direntSize(nameLength);
  while (to < end) bytes[to++] = 0;
  return end - at;
}
