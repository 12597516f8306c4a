import type { InodeNumber, PhysicalBlock } from '../units.js';
import { physicalBlock } from '../units.js';

/** A run of blocks that was handed out; made once by a caller and filled again and again. */
export class AllocatedRun {
  start: PhysicalBlock = physicalBlock(0);
  /** Blocks, at least 1; with bigalloc a multiple of the cluster. */
  length = 0;
}

/** Who asks, which decides about the reserved blocks and whose quota pays. */
export interface AllocationRequest {
  /** The file that the blocks will belong to. */
  readonly inode: InodeNumber;
  /** Where they would be best; 0 for anywhere. */
  goal: PhysicalBlock;
  /** Blocks wanted, at least 1: fewer may be given. */
  length: number;
  /** Root, or the reserved user or group: the reserved blocks may be used too. */
  privileged: boolean;
  /** For file data, whose next write probably continues here: space after the run is held for this file. */
  streaming: boolean;
  /** For a node of an extent tree: what is kept for those may be used. */
  isNode?: boolean;
}

/**
 * Free space as mapping code sees it. Allocation happens inside a handle; what is freed cannot be
 * handed out again before that transaction has committed.
 */
export interface BlockSpace {
  /** Whether whoever asked for the operation under way may use the reserved blocks. */
  callerIsPrivileged: boolean;
  /**
   * Clusters that stay free for the nodes of extent trees, whoever asks for others. They have to be there where data is on the
   * device before its extent is split.
   */
  keptForNodes: number;
  /** @throws OperationError ENOSPC, EDQUOT */
  allocate(request: AllocationRequest, run: AllocatedRun): void;
  /**
   * @param metadata the blocks went through the journal: they are revoked and forgotten
   * @throws CorruptionError where a block is free already or belongs to the filesystem itself
   */
  free(start: PhysicalBlock, length: number, metadata: boolean): void;
  /** Whether a file may own the range: it lies inside the filesystem and touches none of its structures. */
  isFileSpace(start: PhysicalBlock, length: number): boolean;
  /** Whether so many blocks or clusters could be had now, by whoever may use the reserved ones. */
  hasRoom(clusters: number): boolean;
  /** The file is no longer being written: what was held behind its last run can be used by others. */
  releaseWindow(inode: InodeNumber): void;
}
