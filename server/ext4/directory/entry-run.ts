import { CorruptionError, type Place } from '../errors.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/directory-entry.js';
import type { Superblock } from '../layout/superblock.js';

/**
 * A stretch of directory entries, one after the other without gaps: a block, or one of the two places
 * where an inode keeps a small directory. Made once and filled again for each stretch.
 */
export class EntryRun {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  start = 0;
  /** Where the sound entries end: all of them, unless the stretch is damaged. */
  end = 0;
  /** Block on the device, for messages. */
  block = 0;

  set(bytes: Uint8Array, view: DataView, start: number, end: number, block: number): void {
    this.bytes = bytes;
    this.view = view;
    this.start = start;
    this.end = end;
    this.block = block;
  }
}

/** What holds for the entries of one filesystem. */
export class EntryRules {
  readonly blockSize: number;
  readonly hasFileType: boolean;
  readonly hasChecksums: boolean;
  /** dir_index: directories that outgrow a block get an index. */
  readonly hasIndexes: boolean;
  readonly #inodesCount: number;

  constructor({ blockSize, features, inodesCount }: Superblock) {
    this.blockSize = blockSize;
    this.hasFileType = features.hasIncompat('FILETYPE');
    this.hasChecksums = features.hasRoCompat('METADATA_CSUM');
    this.hasIndexes = features.hasCompat('DIR_INDEX');
    this.#inodesCount = inodesCount;
  }

  /** Whether names in the directory are followed by their hashes, since no one without the key could compute them. */
  storesHashes(dir: Inode): boolean {
    return dir.hasFlag('ENCRYPT') && dir.hasFlag('CASEFOLD');
  }

  fileType(view: DataView, entry: number): number {
    const type = this.hasFileType ? layout.fileType(view, entry) : layout.EntryType.UNKNOWN;
    return type <= layout.EntryType.SYMLINK ? type : layout.EntryType.UNKNOWN;
  }

  /**
   * Walks the whole run. Where an entry cannot be right the run ends before it (`run.end`): what
   * came before can still be read, as the kernel does.
   *
   * @returns what is wrong, undefined where all is well
   */
  check(dir: Inode, run: EntryRun): CorruptionError | undefined {
    const { view, start, end } = run;
    const storesHashes = this.storesHashes(dir);
    for (let entry = start; entry < end; ) {
      const wrong = this.#entryFault(run, entry, storesHashes);
      if (wrong !== undefined) {
        run.end = entry;
        const place: Place = { inode: dir.number, block: run.block, offset: entry };
        return new CorruptionError('directory block', place, wrong);
      }
      entry += layout.recordLength(view, entry, this.blockSize);
    }
    return undefined;
  }

  #entryFault(run: EntryRun, entry: number, storesHashes: boolean): string | undefined {
    const { bytes, view, end } = run;
    if (end - entry < layout.MIN_ENTRY_SIZE) return `${end - entry} bytes before the end hold no entry`;
    const record = layout.recordLength(view, entry, this.blockSize);
    const length = layout.nameLength(view, entry);
    const inode = layout.entryInode(view, entry);
    if (record < layout.MIN_ENTRY_SIZE || record % 4 !== 0) return `rec_len ${record} cannot be`;
    if (record > end - entry) return `rec_len ${record} crosses the end of the block`;
    if (inode === 0) return undefined;
    const hashed = storesHashes && !layout.isDotName(bytes, layout.nameStart(entry), length);
    if (record < layout.entrySize(length, hashed)) return `rec_len ${record} is too small for a name of ${length} bytes`;
    if (inode > this.#inodesCount) return `there is no inode ${inode}`;
    return undefined;
  }
}
