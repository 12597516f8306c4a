import type { BlockSpace } from '../allocation/block-space.js';
import type { BlockCache } from '../cache/block-cache.js';
import type { InodeCache } from '../cache/inode-cache.js';
import type { Clock } from '../clock.js';
import type { Geometry } from '../geometry.js';
import { InodeEditor } from '../inode-editor.js';
import type { Inode } from '../inode.js';
import type { Transactions } from '../journal/transactions.js';
import type { Superblock } from '../layout/superblock.js';
import { BlockMapEditor } from '../mapping/block-map-editor.js';
import { ExtentEditor } from '../mapping/extent-editor.js';
import { FileMapping } from '../mapping/file-mapping.js';
import { FileSpace } from '../mapping/file-space.js';
import { inodeNumber, ROOT_INODE } from '../units.js';
import type { QuotaCharges } from './charges.js';
import { QuotaFile, type QuotaFileParts } from './quota-file.js';
import { Quota } from './quota.js';
import type { QuotaKind } from './quota-tree.js';

const SECTOR_SIZE = 512;

/** Kinds of quotas whose limits are enforced. */
export type EnforcedQuotas = Partial<Readonly<Record<QuotaKind, boolean>>>;

export interface QuotasParts {
  readonly superblock: Superblock;
  readonly geometry: Geometry;
  readonly cache: BlockCache;
  readonly inodes: InodeCache;
  readonly transactions: Transactions;
  readonly space: BlockSpace;
  readonly clock: Clock;
  readonly enforced: EnforcedQuotas;
  /** How many values of an inode's attributes are in inodes of their own. */
  readonly valueInodes: (inode: Inode) => number;
}

/** What an inode's owner, group and project are to be; what is left out stays. */
export interface NewOwners {
  readonly uid?: number;
  readonly gid?: number;
  readonly project?: number;
}

/**
 * The quota files of a filesystem with the feature quota. What an inode has in the account is its
 * i_blocks, and one inode. The files themselves, reserved inodes, and inodes that hold values of
 * attributes are in no account; the owner of an attribute pays for its value.
 */
export class Quotas implements QuotaCharges {
  readonly user: Quota | undefined;
  readonly group: Quota | undefined;
  readonly project: Quota | undefined;
  /** Whether whoever asks for the open handle's changes has to keep within limits. */
  isLimited = false;
  readonly #firstInode: number;
  readonly #projectFile: number;
  readonly #valueInodes: (inode: Inode) => number;

  /** @throws CorruptionError where a file is not what the superblock says it is */
  constructor({ superblock, geometry, cache, inodes, transactions, space, clock, enforced, valueInodes }: QuotasParts) {
    this.#firstInode = superblock.firstInode;
    this.#projectFile = superblock.projectQuotaInode;
    this.#valueInodes = valueInodes;
    // Editors of their own: those of the change that is charged are busy with it, and would charge again.
    const editor = new InodeEditor(superblock, transactions);
    const mapping = new FileMapping(cache, geometry, superblock.features.hasRoCompat('METADATA_CSUM'));
    const extents = new ExtentEditor(mapping.extents, cache, transactions, editor, space, geometry.clusterRatio);
    const blockMap = new BlockMapEditor(cache, transactions, editor, space);
    const files = new FileSpace(geometry, mapping, extents, blockMap, editor, space, transactions);
    const parts: QuotaFileParts = { cache, inodes, mapping, files, editor, space, transactions };
    const open = (kind: QuotaKind, number: number): Quota | undefined => {
      if (number === 0) return undefined;
      const quota = new Quota(kind, new QuotaFile(parts, inodeNumber(number)), clock, enforced[kind] ?? false);
      transactions.listen(quota);
      return quota;
    };
    this.user = open('user', superblock.userQuotaInode);
    this.group = open('group', superblock.groupQuotaInode);
    this.project = superblock.features.hasRoCompat('PROJECT') ? open('project', superblock.projectQuotaInode) : undefined;
  }

  chargeSpace(inode: Inode, bytes: number, forced: boolean): void {
    if (this.#isAccounted(inode)) this.#charge(inode, bytes, 0, this.isLimited && !forced);
  }

  chargeInodes(inode: Inode, count: number): void {
    if (this.#isAccounted(inode)) this.#charge(inode, 0, count, this.isLimited);
  }

  /** To be called before the inode changes hands. @throws OperationError EDQUOT */
  transfer(inode: Inode, { uid = inode.uid, gid = inode.gid, project = inode.projectId }: NewOwners): void {
    if (!this.#isAccounted(inode)) return;
    const bytes = inode.sectors * SECTOR_SIZE;
    const inodes = 1 + this.#valueInodes(inode);
    this.#move(this.user, inode.uid, uid, bytes, inodes);
    this.#move(this.group, inode.gid, gid, bytes, inodes);
    this.#move(this.project, inode.projectId, project, bytes, inodes);
  }

  #charge(inode: Inode, bytes: number, inodes: number, limited: boolean): void {
    this.user?.charge(inode.uid, bytes, inodes, limited);
    this.group?.charge(inode.gid, bytes, inodes, limited);
    this.project?.charge(inode.projectId, bytes, inodes, limited);
  }

  #move(quota: Quota | undefined, from: number, to: number, bytes: number, inodes: number): void {
    if (quota === undefined || from === to) return;
    quota.charge(to, bytes, inodes, this.isLimited);
    quota.charge(from, -bytes, -inodes, false);
  }

  #isAccounted(inode: Inode): boolean {
    const { number } = inode;
    if (number === this.#projectFile || (number < this.#firstInode && number !== ROOT_INODE)) return false;
    return !inode.hasFlag('EA_INODE');
  }
}
