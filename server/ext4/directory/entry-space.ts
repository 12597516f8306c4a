import * as layout from '../layout/directory-entry.js';
import type { Name } from '../namespace/name.js';
import type { EntryRun } from './entry-run.js';

/** Room among the entries of one run: finding it, filling it, giving it back. The caller has made the block part of the transaction. */
export class EntrySpace {
  readonly #blockSize: number;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  /** Makes the run one unused entry. */
  clear(run: EntryRun): void {
    run.bytes.fill(0, run.start, run.end);
    if (run.end > run.start) layout.setRecordLength(run.view, run.start, run.end - run.start);
  }

  /** The entry behind which, or in which, `needed` bytes are free; -1 where the run is full. */
  findRoom(run: EntryRun, needed: number, storedHash: boolean): number {
    const { view, start, end } = run;
    for (let entry = start; entry < end; ) {
      const record = layout.recordLength(view, entry, this.#blockSize);
      if (record - this.#used(run, entry, storedHash) >= needed) return entry;
      entry += record;
    }
    return -1;
  }

  /** Writes an entry into the room that `findRoom` found. */
  place(run: EntryRun, room: number, name: Name, inode: number, type: number, storedHash: boolean): void {
    const { view, bytes } = run;
    const record = layout.recordLength(view, room, this.#blockSize);
    const used = this.#used(run, room, storedHash);
    if (used > 0) layout.setRecordLength(view, room, used);
    layout.writeEntry(view, bytes, room + used, record - used, inode, type, name.bytes, name.offset, name.length);
  }

  /** Takes an entry out: the one before it grows over it, the first becomes unused. */
  remove(run: EntryRun, target: number): void {
    const { view, bytes, start } = run;
    const record = layout.recordLength(view, target, this.#blockSize);
    let previous = -1;
    for (let entry = start; entry < target; entry += layout.recordLength(view, entry, this.#blockSize)) previous = entry;
    bytes.fill(0, target, target + layout.ENTRY_HEADER_SIZE + layout.nameLength(view, target));
    if (previous < 0) layout.setRecordLength(view, target, record);
    else layout.setRecordLength(view, previous, layout.recordLength(view, previous, this.#blockSize) + record);
  }

  #used({ view }: EntryRun, entry: number, storedHash: boolean): number {
    return layout.entryInode(view, entry) === 0 ? 0 : layout.entrySize(layout.nameLength(view, entry), storedHash);
  }
}
