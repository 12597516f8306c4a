import { ENTRY_OUT_SIZE, writeUnknownEntryOut } from '../../protocol/fuse/attributes.js';
import { direntPlusSize, direntSize } from '../../protocol/fuse/directory-entry.js';
import { readSize, requestHandle } from '../../protocol/fuse/requests.js';
import { isExpected } from '../session/failure.js';
import type { OperationTable } from '../session/handler.js';
import type { Reply } from '../session/reply.js';
import type { Request } from '../session/request.js';
import { writeNode } from './lookup.js';
import type { TreeNode } from './node.js';
import type { Tree } from './tree.js';
import { treeShim } from './tree-shim.js';

/* linux_dirent64 of getdents64(2): ino8@0 off8@8 reclen2@16 type1@18 name@19 */
const NAME = 19;
/* fuse_dirent begins with the same sixteen bytes. */
const FUSE_NAME = 24;
const READ_OFFSET = 8;
const DOT = 0x2e;

/** READDIR and READDIRPLUS. */
export function listingOperations(tree: Tree): OperationTable {
  const listing = new Listing(tree);
  return {
    READDIR: (request, reply) => listing.fill(request, reply, false),
    READDIRPLUS: (request, reply) => listing.fill(request, reply, true),
  };
}

/**
 * Copies entries into a reply until no more fit. Positions are the tree's own, all 64 bits of them: those of ext4 are
 * more than a number can hold.
 */
class Listing {
  readonly #tree: Tree;
  readonly #found = new Uint8Array(32 * 1024);
  readonly #view = new DataView(this.#found.buffer);

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  fill({ view, bytes, bodyOffset }: Request, reply: Reply, withAttributes: boolean): number {
    const { node, descriptor } = this.#tree.files.get(requestHandle(view, bodyOffset));
    const room = Math.min(readSize(view, bodyOffset), reply.capacity);
    // Nearly as long in both forms; what does not fit is read again next time.
    const wanted = this.#found.subarray(0, Math.min(this.#found.length, Math.max(room, 1024)));
    const length = treeShim.list(descriptor, bytes, bodyOffset + READ_OFFSET, wanted);
    if (length <= 0) return length;
    const end = reply.body + room;
    const isWatched = withAttributes && this.#tree.nodes.watcher?.covers(node) === true;
    let to = reply.body;
    for (let at = 0; at < length; at += this.#view.getUint16(at + 16, true)) {
      const nameLength = this.#nameLength(at);
      if (to + (withAttributes ? direntPlusSize(nameLength) : direntSize(nameLength)) > end) break;
      to = this.#copy(node, at, nameLength, reply, to, withAttributes, isWatched);
    }
    return to - reply.body;
  }

  /** @returns where the next entry goes: the same place, if this one is hidden */
  #copy(directory: TreeNode, at: number, nameLength: number, reply: Reply, start: number, withAttributes: boolean, isWatched: boolean): number {
    const { nodes } = this.#tree;
    const isDots = this.#isDots(at, nameLength);
    const needsName = !isDots && (withAttributes || !nodes.policy.isEmpty);
    const name = needsName ? Buffer.from(this.#found.buffer, at + NAME, nameLength).toString('latin1') : '';
    if (needsName && nodes.decide(directory, name).hidden) return start;
    let to = start;
    if (withAttributes) {
      if (isDots || !this.#writeAttributes(directory, at, name, reply, to, isWatched)) writeUnknownEntryOut(reply.view, to);
      to += ENTRY_OUT_SIZE;
    }
    const { bytes, view } = reply;
    const found = this.#found;
    for (let offset = 0; offset < 16; offset++) bytes[to + offset] = found[at + offset] ?? 0;
    view.setUint32(to + 16, nameLength, true);
    view.setUint32(to + 20, found[at + 18] ?? 0, true);
    const length = direntSize(nameLength);
    for (let offset = 0; offset < nameLength; offset++) bytes[to + FUSE_NAME + offset] = found[at + NAME + offset] ?? 0;
    bytes.fill(0, to + FUSE_NAME + nameLength, to + length);
    return to + length;
  }

  /** An entry that cannot be looked at now is listed all the same; whoever looks at it gets the error. */
  #writeAttributes(directory: TreeNode, at: number, name: string, reply: Reply, to: number, isWatched: boolean): boolean {
    try {
      writeNode(this.#tree, reply, to, this.#tree.nodes.find(directory, this.#found, at + NAME, name), isWatched);
      return true;
    } catch (error) {
      if (isExpected(error)) return false;
      throw error;
    }
  }

  #nameLength(at: number): number {
    const end = at + this.#view.getUint16(at + 16, true);
    let length = 0;
    while (at + NAME + length < end && this.#found[at + NAME + length] !== 0) length++;
    return length;
  }

  #isDots(at: number, length: number): boolean {
    return length <= 2 && this.#found[at + NAME] === DOT && this.#found[at + NAME + length - 1] === DOT;
  }
}
