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

export class Watcher {
  readonly #socket: number;
  readonly #packet = new Uint8Array(PACKET_SIZE);
  readonly #view = new DataView(this.#packet.buffer);
  readonly #stale = new Set<number>();
  #isLost = false;
  #count = 0;

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Nodes that are watched. */
  get count(): number {
    return this.#count;
  }

  /**
   * Whether a node is watched, as it is from now on if it was asked for before: what is read of it after this call holds
   * until the kernel is told otherwise.
   */
  covers(node: TreeNode): boolean {
    if (this.#isLost) return false;
    if (node.isWatched) return true;
    const now = performance.now();
    if (node.watchedFrom === 0) node.watchedFrom = now + INTEREST;
    if (now < node.watchedFrom || node.backing?.isWritten === true) return false;
    node.isWatched = this.#ask(WATCH, node) === 0;
    if (node.isWatched) this.#count++;
    else node.watchedFrom = now + AFTER_REFUSAL;
    return node.isWatched;
  }

  /** Others than this server are about to write it again and again on behalf of the mount: none of that is news. */
  pause(node: TreeNode): void {
    node.watchedFrom = performance.now() + AFTER_WRITING;
    if (!node.isWatched) return;
    this.forget(node);
    this.#stale.add(node.nodeid);
  }

  /** Nobody wants to know of it any more. */
  forget(node: TreeNode): void {
    if (!node.isWatched) return;
    node.isWatched = false;
    this.#count--;
    if (!this.#isLost) this.#ask(UNWATCH, node);
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
