import { Verified } from '../cache/block-cache.js';
import type { InlineDataEditor } from '../inline-data-editor.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import * as layout from '../layout/directory-entry.js';
import { I_BLOCK_SIZE } from '../layout/inode.js';
import type { Superblock } from '../layout/superblock.js';
import { inodeNumber, type InodeNumber } from '../units.js';
import type { DirectoryBlockEditor } from './block-editor.js';
import type { EntryRules, EntryRun } from './entry-run.js';
import { InlineEntries } from './inline-entries.js';

export interface InlineDirectoryEditorParts {
  readonly superblock: Superblock;
  readonly rules: EntryRules;
  readonly entries: InlineEntries;
  readonly contents: InlineDataEditor;
  readonly blocks: DirectoryBlockEditor;
  readonly inodes: InodeEditor;
}

const DOTS = Uint8Array.of(0x2e, 0x2e);

/** Directories that their inode holds (feature inline_data): how they begin, grow, and get a block. */
export class InlineDirectoryEditor {
  readonly #parts: InlineDirectoryEditorParts;
  readonly #isUsed: boolean;
  readonly #scratch: Uint8Array;

  constructor(parts: InlineDirectoryEditorParts) {
    this.#parts = parts;
    this.#isUsed = parts.superblock.features.hasIncompat('INLINE_DATA');
    this.#scratch = new Uint8Array(parts.superblock.inodeSize);
  }

  /** Makes a new directory one with a parent and room for entries. @returns false where it needs a block */
  begin(dir: Inode, parent: InodeNumber, run: EntryRun): boolean {
    const { entries, contents } = this.#parts;
    if (!this.#isUsed || !contents.start(dir)) return false;
    contents.resize(dir, I_BLOCK_SIZE);
    entries.setParent(dir, parent);
    entries.locate(dir, 0, run);
    layout.setRecordLength(run.view, run.start, run.end - run.start);
    return true;
  }

  /** Takes up what room the inode has left. @returns false where there is none worth it */
  grow(dir: Inode, run: EntryRun): boolean {
    const { entries, contents } = this.#parts;
    entries.locate(dir, 1, run);
    const before = run.end - run.start;
    const after = (contents.capacity(dir) - I_BLOCK_SIZE) & ~3;
    if (after - before < layout.MIN_ENTRY_SIZE) return false;
    const last = before === 0 ? 0 : this.#lastEntry(run) - run.start;
    contents.resize(dir, I_BLOCK_SIZE + after);
    entries.locate(dir, 1, run);
    layout.setRecordLength(run.view, run.start + last, after - last);
    return true;
  }

  /** Gives the directory a block; its entries keep their positions. */
  moveOut(dir: Inode, run: EntryRun): void {
    const { entries, contents, blocks, inodes, rules } = this.#parts;
    const parent = inodeNumber(entries.parent(dir));
    let length = 0;
    let last = 0;
    for (let index = 0; index < InlineEntries.RUNS; index++) {
      const damage = entries.entries(dir, index, run);
      if (damage !== undefined) throw damage;
      if (run.end === run.start) continue;
      last = length + this.#lastEntry(run) - run.start;
      this.#scratch.set(run.bytes.subarray(run.start, run.end), length);
      length += run.end - run.start;
    }
    contents.end(dir);
    inodes.setSize(dir, 0);
    const { block } = blocks.append(dir, Verified.DirectoryLeaf);
    blocks.initialiseLeaf(block, run);
    const { view, bytes, end } = run;
    const type = rules.hasFileType ? layout.EntryType.DIRECTORY : 0;
    layout.writeEntry(view, bytes, 0, layout.MIN_ENTRY_SIZE, dir.number, type, DOTS, 0, 1);
    layout.writeEntry(view, bytes, layout.MIN_ENTRY_SIZE, layout.MIN_ENTRY_SIZE, parent, type, DOTS, 0, 2);
    const first = 2 * layout.MIN_ENTRY_SIZE;
    bytes.set(this.#scratch.subarray(0, length), first);
    layout.setRecordLength(view, first + last, end - first - last);
  }

  #lastEntry({ view, start, end }: EntryRun): number {
    let last = start;
    for (let entry = start; entry < end; entry += layout.recordLength(view, entry, this.#parts.rules.blockSize)) last = entry;
    return last;
  }
}
