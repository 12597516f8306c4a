import { constants } from 'node:fs';
import { ROOT_NODEID } from '../../protocol/fuse/header.js';
import { ENOENT, EOVERFLOW, ESTALE, EXDEV, orFail, TreeError } from './errors.js';
import { Facts } from './facts.js';
import { childPath, type TreeNode } from './node.js';
import { both, FREE, type Decision, type Policy } from './policy.js';
import { O_PATH, treeShim } from './tree-shim.js';
import type { Watcher } from './watcher.js';

/** The rest is for open files, and for what the kernel is about to forget. */
const SHARE_OF_DESCRIPTORS = 0.6;
const NAMED_AT_ONCE = 128;

function* take<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  let count = 0;
  for (const item of items) {
    if (count++ === most) return;
    yield item;
  }
}

/**
 * The files that the kernel of the mount knows, by nodeid and by inode number. Each holds its inode by a descriptor, so
 * a number that is found again is the same file. Nodeids are given once.
 */
export class Nodes {
  readonly facts = new Facts();
  readonly policy: Policy;
  readonly root: TreeNode;
  /** Undefined where nobody watches. */
  watcher: Watcher | undefined;
  readonly #byNodeid = new Map<number, TreeNode>();
  readonly #byInode = new Map<number, TreeNode>();
  readonly #device: number;
  #next = ROOT_NODEID + 1;
  /** How many there may be before the kernel is asked to forget some. */
  readonly #many: number;
  /** Since it was asked last. */
  #added = 0;

  /** @param descriptor of the root */
  constructor(descriptor: number, policy: Policy) {
    this.policy = policy;
    this.#many = Math.floor(treeShim.descriptorLimit() * SHARE_OF_DESCRIPTORS);
    const decision = policy.decide('/');
    const { inode, realMode, device } = this.facts.read(descriptor, decision);
    this.#device = device;
    this.root = { nodeid: ROOT_NODEID, inode, descriptor, mode: realMode, lookups: Infinity, parent: undefined, name: '', decision, cachedOpens: 0, backing: undefined, isWatched: false, watchedFrom: 0, usedAt: 0 };
    this.#byNodeid.set(ROOT_NODEID, this.root);
    this.#byInode.set(inode, this.root);
  }

  /** Those that were found first, or looked at here longest ago, as soon as descriptors become few. */
  takeUnneeded(): readonly number[] | undefined {
    if (this.#added < NAMED_AT_ONCE / 2 || this.count <= this.#many) return undefined;
    this.#added = 0;
    const oldest = [...take(this.#byNodeid.values(), NAMED_AT_ONCE)].filter((node) => node !== this.root);
    for (const node of oldest) {
      // It comes to its turn again after all others, should it be in use.
      this.#byNodeid.delete(node.nodeid);
      this.#byNodeid.set(node.nodeid, node);
    }
    return oldest.map(({ nodeid }) => nodeid);
  }

  get count(): number {
    return this.#byNodeid.size;
  }

  /** @throws TreeError */
  get(nodeid: number): TreeNode {
    const node = this.#byNodeid.get(nodeid);
    if (node === undefined) throw new TreeError(ESTALE, `node ${nodeid} is not known`);
    return node;
  }

  decide(directory: TreeNode, name: string): Decision {
    return this.policy.isEmpty ? FREE : this.policy.decide(childPath(directory, name));
  }

  /**
   * Finds a name, and counts that the kernel is told of it. `facts` are its.
   * @param at where the name lies in the bytes, with its NUL
   * @throws TreeError
   */
  find(directory: TreeNode, bytes: Uint8Array, at: number, name: string): TreeNode {
    const decision = this.decide(directory, name);
    if (decision.hidden) throw new TreeError(ENOENT, 'hidden');
    const descriptor = orFail(treeShim.openBelow(directory.descriptor, bytes, at, O_PATH, 0), 'openat2');
    return this.#adopt(descriptor, directory, name, decision);
  }

  /** Takes an open file of any kind for a node, and counts that the kernel is told of it; the descriptor stays the caller's. */
  ofOpened(opened: number, directory: TreeNode, name: string, decision: Decision): TreeNode {
    return this.#adopt(orFail(treeShim.reopen(opened, O_PATH), 'reopening'), directory, name, decision);
  }

  /** Of an inode that was found elsewhere, where it is known: tells where it is now. */
  moved(directory: TreeNode, bytes: Uint8Array, at: number, name: string): void {
    const descriptor = treeShim.openBelow(directory.descriptor, bytes, at, O_PATH, 0);
    if (descriptor < 0) return;
    const node = this.#byInode.get(this.facts.read(descriptor, FREE).inode);
    treeShim.close(descriptor);
    if (node === undefined || node === this.root) return;
    node.parent = directory;
    node.name = name;
  }

  /** Whether a name is a directory's at the moment. */
  isDirectory(directory: TreeNode, bytes: Uint8Array, at: number): boolean {
    const descriptor = treeShim.openBelow(directory.descriptor, bytes, at, O_PATH | constants.O_DIRECTORY, 0);
    if (descriptor >= 0) treeShim.close(descriptor);
    return descriptor >= 0;
  }

  forget(nodeid: number, lookups: number): void {
    const node = this.#byNodeid.get(nodeid);
    if (node === undefined) return;
    node.lookups -= lookups;
    if (node.lookups > 0) return;
    this.#byNodeid.delete(nodeid);
    this.#byInode.delete(node.inode);
    this.watcher?.forget(node);
    treeShim.close(node.descriptor);
  }

  #adopt(descriptor: number, directory: TreeNode, name: string, decision: Decision): TreeNode {
    const { inode, realMode, links } = this.#identify(descriptor, decision);
    const known = this.#byInode.get(inode);
    if (known === undefined) {
      const node: TreeNode = { nodeid: this.#next++, inode, descriptor, mode: realMode, lookups: 1, parent: directory, name, decision, cachedOpens: 0, backing: undefined, isWatched: false, watchedFrom: 0, usedAt: 0 };
      this.#byNodeid.set(node.nodeid, node);
      this.#byInode.set(inode, node);
      this.#added++;
      return node;
    }
    treeShim.close(descriptor);
    if (known !== this.root) this.#found(known, directory, name, decision, links);
    this.facts.under(known.decision);
    known.lookups++;
    return known;
  }

  /** What cannot be a node is closed. */
  #identify(descriptor: number, decision: Decision): Facts {
    try {
      const { inode, device } = this.facts.read(descriptor, decision);
      if (device !== this.#device) throw new TreeError(EXDEV, 'another filesystem is mounted there');
      if (!Number.isSafeInteger(inode)) throw new TreeError(EOVERFLOW, 'an inode number beyond 2^53');
      return this.facts;
    } catch (error) {
      treeShim.close(descriptor);
      throw error;
    }
  }

  /** Under another name of several it keeps what was forbidden under the first. */
  #found(node: TreeNode, directory: TreeNode, name: string, decision: Decision, links: number): void {
    const isSameName = node.parent === directory && node.name === name;
    node.decision = isSameName || links <= 1 || this.policy.isEmpty ? decision : both(node.decision, decision);
    node.parent = directory;
    node.name = name;
  }
}
