import { ENTRY_OUT_SIZE, writeEntryOut, writeUnknownEntryOut } from '../../protocol/fuse/attributes.js';
import { direntPlusSize, direntSize, writeDirent } from '../../protocol/fuse/directory-entry.js';
import { readOffset, readOpenFlags, readSize } from '../../protocol/fuse/requests.js';
import { BEGUN_READING } from '../ext4/cache/block-cache.js';
import type { DirectoryEntry } from '../ext4/directory/directory.js';
import { errno, FilesystemError } from '../ext4/errors.js';
import type { Inode } from '../ext4/inode.js';
import { inodeNumber } from '../ext4/units.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import type { Volume } from './volume.js';

const DOT = 0x2e;

/** DT_* by the file type of a directory entry (EXT4_FT_*); 0 is "unknown" in both. */
const DIRENT_TYPE: readonly number[] = [0, 8, 4, 2, 6, 1, 12, 10];

/** READDIR and READDIRPLUS. */
export function directoryOperations(volume: Volume): OperationTable {
  const listing = new ReplyListing(volume);
  return {
    READDIR: (request, reply) => listing.fill(request, reply, false),
    READDIRPLUS: (request, reply) => listing.fill(request, reply, true),
  };
}

/** Packs the entries of a directory into a reply until no more fit. */
class ReplyListing {
  readonly #volume: Volume;
  readonly #take = (entry: DirectoryEntry): boolean => this.#append(entry);
  #reply!: Reply;
  #directory!: Inode;
  #withAttributes = false;
  #at = 0;
  #end = 0;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  fill({ nodeid, view, bodyOffset }: Request, reply: Reply, withAttributes: boolean): number {
    const { nodes, directories, accessTimes } = this.#volume;
    const directory = nodes.get(nodeid);
    if (!directory.isDirectory) return -errno.ENOTDIR;
    const position = readOffset(view, bodyOffset);
    if (!Number.isSafeInteger(position)) return -errno.EINVAL;
    this.#reply = reply;
    this.#directory = directory;
    this.#withAttributes = withAttributes;
    this.#at = reply.body;
    this.#end = reply.body + Math.min(readSize(view, bodyOffset), reply.capacity);
    // A long listing trims the caches, and the inode would not be valid behind it.
    accessTimes.accessed(directory, readOpenFlags(view, bodyOffset));
    try {
      directories.iterate(directory, position, this.#take);
    } catch (error) {
      // What was found before the damage, or before what the device has yet to read, is given; the request that goes on
      // from there reports it, or comes again.
      if (!(error instanceof FilesystemError || error === BEGUN_READING) || this.#at === reply.body) throw error;
    }
    return this.#at - reply.body;
  }

  #append({ inode, fileType, position, bytes, nameOffset, nameLength }: DirectoryEntry): boolean {
    const { view, bytes: target } = this.#reply;
    const size = this.#withAttributes ? direntPlusSize(nameLength) : direntSize(nameLength);
    if (this.#at + size > this.#end) return false;
    if (this.#withAttributes) {
      if (isDots(bytes, nameOffset, nameLength) || !this.#appendAttributes(inode)) writeUnknownEntryOut(view, this.#at);
      this.#at += ENTRY_OUT_SIZE;
    }
    const type = DIRENT_TYPE[fileType] ?? 0;
    this.#at += writeDirent(view, target, this.#at, inode, position, type, bytes, nameOffset, nameLength);
    return true;
  }

  /** An entry whose inode is damaged is listed all the same; whoever looks at it gets the error. */
  #appendAttributes(number: number): boolean {
    const { nodes, attributes, lookups } = this.#volume;
    try {
      const inode = nodes.child(this.#directory, inodeNumber(number));
      const shown = attributes.of(inode);
      lookups.add(inode.number);
      writeEntryOut(this.#reply.view, this.#at, nodes.nodeidOf(inode.number), inode.generation, shown);
      return true;
    } catch (error) {
      if (error instanceof FilesystemError) return false;
      throw error;
    }
  }
}

/** "." and "..": the kernel has both already. */
function isDots(bytes: Uint8Array, offset: number, length: number): boolean {
  return length <= 2 && bytes[offset] === DOT && bytes[offset + length - 1] === DOT;
}
