/**
 * Has nodes watched that the kernel asks for again: what others change of them is told to the kernel, past this server, and
 * what the kernel knows of them can hold for long (watch-tree.c has the packets, the checks, and what is told). Where that is
 * refused, it holds for as short a time as ever.
 */
import { constants } from 'node:os';
import { log } from '../log.js';
import type { StaleNodes } from '../session/filesystem.js';
import type { TreeNode } from './node.js';
import { treeShim } from './tree-shim.js';

const { ETIMEDOUT, EPIPE, ECONNRESET } = constants.errno;

const WATCH = 1;
const UNWATCH = 2;
const PACKET_SIZE = 16;
const PATIENCE = 5000;

/** In milliseconds. Whoever looks at everything once shall not pay for it. */
const INTEREST = 1000;
const AFTER_WRITING = 10_000;
const AFTER_REFUSAL = 60_000;
/** How long the kernel believes what it is told of a watched node: nobody tells of access times, and of what is written through mappings. */
export const WATCHED_VALIDITY = 60_000;
/** After so long without a question the kernel believes nothing of a node any more, and need not be told. */
const UNUSED = 2 * WATCHED_VALIDITY;

/** As many as the other end marks. */
const MOST = 65_536;
/** How many are looked at for one that is unused. */
const LOOKS = 16;

export class Watcher {
  readonly #socket: number;
  readonly #packet = new Uint8Array(PACKET_SIZE);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #stale = new Set<number>();
  /** In the order in which they were found in use. */
  readonly #watched = new Set<TreeNode>();
  readonly #most: number;
  readonly #now: () => number;
  #isLost = false;

  constructor(socket: number, most = MOST, now = (): number => performance.now()) {
    this.#socket = socket;
    this.#most = most;
    this.#now = now;
  }

  /** Nodes that are watched. */
  get count(): number {
    return this.#watched.size;
  }

  /** It is not, as soon as its other end is gone. */
  get isAtWork(): boolean {
    return !this.#isLost;
  }

  /**
   * Whether a node is watched, as it is from now on if it was asked for before: what is read of it after this call holds
   * until the kernel is told otherwise.
   */
  covers(node: TreeNode): boolean {
    if (this.#isLost) return false;
    const now = this.#now();
    if (node.isWatched) {
      node.usedAt = now;
      return true;
    }
    if (node.watchedFrom === 0) node.watchedFrom = now + INTEREST;
    if (now < node.watchedFrom || node.backing?.isWritten === true) return false;
    node.isWatched = this.#hasRoom(now) && this.#ask(WATCH, node) === 0;
    if (!node.isWatched) {
      node.watchedFrom = now + AFTER_REFUSAL;
      return false;
    }
    node.usedAt = now;
    this.#watched.add(node);
    return true;
  }

  /** Others than this server are about to write it again and again on behalf of the mount: none of that is news. */
  pause(node: TreeNode): void {
    node.watchedFrom = this.#now() + AFTER_WRITING;
    if (!node.isWatched) return;
    this.forget(node);
    this.#stale.add(node.nodeid);
  }

  /** Nobody wants to know of it any more. */
  forget(node: TreeNode): void {
    if (!node.isWatched) return;
    node.isWatched = false;
    this.#watched.delete(node);
    if (!this.#isLost) this.#ask(UNWATCH, node);
  }

  /** There is, or is made where one of those that were found in use longest ago has not been used since. */
  #hasRoom(now: number): boolean {
    let looks = 0;
    for (const node of this.#watched) {
      if (this.#watched.size < this.#most || looks++ === LOOKS) break;
      if (now - node.usedAt > UNUSED) {
        this.forget(node);
      } else {
        this.#watched.delete(node);
        this.#watched.add(node);
      }
    }
    return this.#watched.size < this.#most;
  }

  /** Nodes of which the kernel believes for long what is not watched any more. */
  readonly stale: StaleNodes = ((stale: Set<number>) => ({
    get dueIn() {
      return stale.size > 0 ? 0 : Infinity;
    },
    tell: (notify: (nodeid: number) => void) => {
      for (const nodeid of stale) notify(nodeid);
      stale.clear();
    },
  }))(this.#stale);

  /** Only where nothing is served any more: the other end takes this for the server's death. */
  close(): void {
    treeShim.close(this.#socket);
  }

  #ask(operation: number, { nodeid, descriptor }: TreeNode): number {
    this.#view.setUint32(0, operation, true);
    this.#view.setUint32(8, nodeid % 2 ** 32, true);
    this.#view.setUint32(12, Math.floor(nodeid / 2 ** 32), true);
    const answer = treeShim.exchange(this.#socket, descriptor, this.#packet, PACKET_SIZE, PATIENCE);
    if ([ETIMEDOUT, EPIPE, ECONNRESET].includes(-answer)) {
      log('notice', `nobody watches the directory: what the kernel knows of it holds for a second`);
      this.#isLost = true;
    }
    return answer;
  }
}
