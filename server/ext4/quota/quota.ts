import type { Clock } from '../clock.js';
import { errno, OperationError } from '../errors.js';
import type { TransactionListener } from '../journal/transaction-listener.js';
import * as layout from '../layout/quota.js';
import { Dquot } from '../layout/quota.js';
import type { QuotaFile } from './quota-file.js';
import { QuotaTree, type QuotaKind } from './quota-tree.js';

/** What one id has and may have. */
export interface QuotaReport {
  readonly id: number;
  readonly space: number;
  readonly inodes: number;
  readonly spaceSoft: number;
  readonly spaceHard: number;
  readonly inodesSoft: number;
  readonly inodesHard: number;
  /** When a soft limit that is exceeded begins to refuse, in seconds since 1970; 0 while it is not. */
  readonly spaceDeadline: number;
  readonly inodesDeadline: number;
}

/** Bytes and numbers of inodes; 0 is no limit. */
export type QuotaLimits = Pick<QuotaReport, 'spaceSoft' | 'spaceHard' | 'inodesSoft' | 'inodesHard'>;

/** Ids whose entry's place is remembered. */
const CAPACITY = 16384;

/**
 * The account of users, of groups, or of projects. It is always kept; limits count where the mount
 * says so. An entry is made when its id is charged first, and goes when it says nothing any more.
 */
export class Quota implements TransactionListener {
  readonly kind: QuotaKind;
  /** Whether limits are enforced. */
  readonly isEnforced: boolean;
  readonly #file: QuotaFile;
  readonly #tree: QuotaTree;
  readonly #clock: Clock;
  readonly #positions = new Map<number, number>();
  readonly #dquot = new Dquot();

  /** @throws CorruptionError */
  constructor(kind: QuotaKind, file: QuotaFile, clock: Clock, isEnforced: boolean) {
    this.kind = kind;
    this.isEnforced = isEnforced;
    this.#file = file;
    this.#tree = new QuotaTree(file, kind);
    this.#clock = clock;
  }

  /**
   * @param limited whether limits that are exceeded refuse; a soft limit's grace time begins all the same
   * @throws OperationError EDQUOT
   */
  charge(id: number, bytes: number, inodes: number, limited: boolean): void {
    let position = this.#position(id);
    if (position === 0) {
      // Something of which nobody took account goes: that is for e2fsck to say.
      if (bytes <= 0 && inodes <= 0) return;
      position = this.#tree.insert(id);
      this.#positions.set(id, position);
    }
    const dquot = this.#load(position);
    if (inodes > 0) this.#addInodes(id, inodes, limited);
    else if (inodes < 0) this.#removeInodes(-inodes);
    if (bytes > 0) this.#addSpace(id, bytes, limited);
    else if (bytes < 0) this.#removeSpace(-bytes);
    if (dquot.isEmpty) this.#remove(id, position);
    else this.#store(position);
  }

  report(id: number): QuotaReport | undefined {
    const position = this.#position(id);
    return position === 0 ? undefined : this.#reportAt(position);
  }

  /** Everyone who has an entry, in the order of ids. */
  *all(): Generator<QuotaReport> {
    for (const position of this.#tree.positions()) yield this.#reportAt(position);
  }

  /** In a handle. Where more is in use than a new soft limit allows, its grace time begins. */
  setLimits(id: number, limits: QuotaLimits): void {
    let position = this.#position(id);
    if (position === 0) {
      position = this.#tree.insert(id);
      this.#positions.set(id, position);
    }
    const dquot = this.#load(position);
    Object.assign(dquot, limits);
    const { info } = this.#tree;
    if (dquot.spaceSoft === 0 || dquot.space <= dquot.spaceSoft) dquot.spaceDeadline = 0;
    else dquot.spaceDeadline ||= this.#clock.seconds + layout.spaceGrace(info.view, 0);
    if (dquot.inodesSoft === 0 || dquot.inodes <= dquot.inodesSoft) dquot.inodesDeadline = 0;
    else dquot.inodesDeadline ||= this.#clock.seconds + layout.inodeGrace(info.view, 0);
    if (dquot.isEmpty) {
      this.#remove(id, position);
      return;
    }
    const { view, at } = this.#entry(position);
    dquot.writeLimits(view, at);
    dquot.writeUsage(view, at);
  }

  undone(): void {
    this.#positions.clear();
  }

  #addInodes(id: number, count: number, limited: boolean): void {
    const dquot = this.#dquot;
    const inodes = dquot.inodes + count;
    if (this.isEnforced) {
      const { inodesHard: hard, inodesSoft: soft, inodesDeadline: deadline } = dquot;
      if (limited && hard > 0 && inodes > hard) this.#refuse(id, `${inodes} inodes, of ${hard} at most`);
      if (soft > 0 && inodes > soft) {
        if (deadline === 0) dquot.inodesDeadline = this.#clock.seconds + layout.inodeGrace(this.#tree.info.view, 0);
        else if (limited && this.#clock.seconds >= deadline) this.#refuse(id, `more than ${soft} inodes for too long`);
      }
    }
    dquot.inodes = inodes;
  }

  #addSpace(id: number, bytes: number, limited: boolean): void {
    const dquot = this.#dquot;
    const space = dquot.space + bytes;
    if (this.isEnforced) {
      const { spaceHard: hard, spaceSoft: soft, spaceDeadline: deadline } = dquot;
      if (limited && hard > 0 && space > hard) this.#refuse(id, `${space} bytes, of ${hard} at most`);
      if (soft > 0 && space > soft) {
        if (deadline === 0) dquot.spaceDeadline = this.#clock.seconds + layout.spaceGrace(this.#tree.info.view, 0);
        else if (limited && this.#clock.seconds >= deadline) this.#refuse(id, `more than ${soft} bytes for too long`);
      }
    }
    dquot.space = space;
  }

  #removeInodes(count: number): void {
    const dquot = this.#dquot;
    dquot.inodes = Math.max(0, dquot.inodes - count);
    if (dquot.inodes <= dquot.inodesSoft) dquot.inodesDeadline = 0;
  }

  #removeSpace(bytes: number): void {
    const dquot = this.#dquot;
    dquot.space = Math.max(0, dquot.space - bytes);
    if (dquot.space <= dquot.spaceSoft) dquot.spaceDeadline = 0;
  }

  #refuse(id: number, what: string): never {
    throw new OperationError(errno.EDQUOT, `${this.kind} ${id} would have ${what}`);
  }

  #remove(id: number, position: number): void {
    this.#positions.delete(id);
    this.#tree.remove(id, position);
  }

  /** 0 where there is none. */
  #position(id: number): number {
    const known = this.#positions.get(id);
    if (known !== undefined) return known;
    const position = this.#tree.find(id);
    if (position === 0) return 0;
    if (this.#positions.size >= CAPACITY) this.#positions.clear();
    this.#positions.set(id, position);
    return position;
  }

  #load(position: number): Dquot {
    this.#dquot.read(this.#file.read(indexOf(position)).view, this.#offsetOf(position), this.#file.number);
    return this.#dquot;
  }

  #store(position: number): void {
    this.#dquot.writeUsage(this.#file.modify(indexOf(position)).view, this.#offsetOf(position));
  }

  #entry(position: number): { view: DataView; at: number } {
    return { view: this.#file.modify(indexOf(position)).view, at: this.#offsetOf(position) };
  }

  #reportAt(position: number): QuotaReport {
    const id = layout.entryId(this.#file.read(indexOf(position)).view, this.#offsetOf(position));
    return { id, ...this.#load(position) };
  }

  /** Within the filesystem's block that holds the position of the file. */
  #offsetOf(position: number): number {
    return this.#file.offset(indexOf(position)) + (position % layout.QUOTA_BLOCK_SIZE);
  }
}

/** The quota block that holds a position of the file. */
const indexOf = (position: number): number => Math.floor(position / layout.QUOTA_BLOCK_SIZE);
