import type { LogicalBlock, PhysicalBlock } from '../units.js';
import { logicalBlock, physicalBlock } from '../units.js';

/** What a range of a file is: nothing, data, or space that was reserved and reads as zeros. */
export const RangeState = { Hole: 0, Written: 1, Unwritten: 2 } as const;
export type RangeState = (typeof RangeState)[keyof typeof RangeState];

/**
 * The answer to "where is this block?": one run of blocks of the same state, contiguous on the
 * device. A caller makes one and passes it in again and again, since this is the hottest question.
 */
export class MappedRange {
  logical: LogicalBlock = logicalBlock(0);
  /** Blocks, at least 1. */
  length = 0;
  state: RangeState = RangeState.Hole;
  /** First block on the device; 0 for a hole. */
  physical: PhysicalBlock = physicalBlock(0);
  /** As many blocks before `logical` belong to the same run of blocks on the device, as far as is known at no cost. */
  before = 0;

  set(logical: LogicalBlock, length: number, state: RangeState, physical: PhysicalBlock, before = 0): void {
    this.logical = logical;
    this.length = length;
    this.state = state;
    this.physical = physical;
    this.before = before;
  }
}

/** Logical blocks are 32 bits wide: files end before this one. */
export const LOGICAL_BLOCK_LIMIT = 0x100000000;
