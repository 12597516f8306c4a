import type { Inode } from '../inode.js';

/** Whoever keeps account of what users, groups and projects have. Called inside the handle of the change itself. */
export interface QuotaCharges {
  /**
   * The inode has so much more space, or less.
   * @param forced whether limits count for nothing: metadata, without which data that is there already would be lost
   * @throws OperationError EDQUOT
   */
  chargeSpace(inode: Inode, bytes: number, forced: boolean): void;
  /** An inode was made, or is about to be freed; or a value of one of its attributes is in an inode of its own. */
  chargeInodes(inode: Inode, count: number): void;
}

/** Nobody asks. */
export const UNCHARGED: QuotaCharges = { chargeSpace: () => undefined, chargeInodes: () => undefined };
