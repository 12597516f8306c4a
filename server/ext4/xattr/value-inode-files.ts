import type { InodeAllocator } from '../allocation/inode-allocator.js';
import type { Clock } from '../clock.js';
import type { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { FileSpace } from '../mapping/file-space.js';
import { LOGICAL_BLOCK_LIMIT } from '../mapping/mapping.js';
import type { InodeCreator } from '../namespace/inode-creator.js';
import { logicalBlock } from '../units.js';
import type { ValueInodeAllocator } from './value-store.js';

/** More pieces than the largest value can have: a value is freed in one handle. */
const MOST_PIECES = 1024;

export interface ValueInodeFilesParts {
  readonly creator: InodeCreator;
  readonly allocator: InodeAllocator;
  readonly editor: InodeEditor;
  readonly files: FileSpace;
  readonly clock: Clock;
}

/** Inodes that hold values of attributes, made and freed like files, but without names and orphan list. */
export class ValueInodeFiles implements ValueInodeAllocator {
  readonly #parts: ValueInodeFilesParts;

  constructor(parts: ValueInodeFilesParts) {
    this.#parts = parts;
  }

  create(owner: Inode): Inode {
    return this.#parts.creator.createValueHolder(owner);
  }

  allocate(holder: Inode, count: number): void {
    this.#parts.files.fill(holder, logicalBlock(0), count, { unwritten: false, privileged: true, streaming: false });
  }

  release(holder: Inode): void {
    const { files, editor, allocator, clock } = this.#parts;
    // Values are written as metadata: older versions of their blocks must not be replayed.
    files.release(holder, logicalBlock(0), LOGICAL_BLOCK_LIMIT, MOST_PIECES, true);
    editor.setLinks(holder, 0);
    editor.setSize(holder, 0);
    editor.setDeletionTime(holder, clock.seconds >>> 0);
    allocator.free(holder.number, false);
  }
}
