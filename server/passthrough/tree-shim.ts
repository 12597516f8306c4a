import { loadShim } from '../../native/load.js';

/**
 * native/tree.c and the files beside it. Every call returns its result, or a negative errno. Names and other texts are
 * given as an array and where in it they begin; their NUL is in the array.
 */
export interface TreeShim {
  /** Of a name in a directory. */
  openBelow(directory: number, bytes: Uint8Array, name: number, flags: number, mode: number): number;
  /** 0, or -ESTALE for a directory that was moved out of the tree. All that is done to names asks for that first. */
  isInTree(directory: number): number;
  openUnnamed(directory: number, flags: number, mode: number): number;
  makeDirectory(directory: number, bytes: Uint8Array, name: number, mode: number): number;
  /** The device as FUSE has it. */
  makeNode(directory: number, bytes: Uint8Array, name: number, mode: number, device: number): number;
  makeSymlink(directory: number, bytes: Uint8Array, name: number, target: number): number;
  link(descriptor: number, directory: number, bytes: Uint8Array, name: number): number;
  remove(directory: number, bytes: Uint8Array, name: number, isDirectory: 0 | 1): number;
  rename(directory: number, bytes: Uint8Array, name: number, newDirectory: number, newName: number, flags: number): number;

  /** Opens anew what a descriptor is open on. */
  reopen(descriptor: number, flags: number): number;
  /** Into sixteen doubles (Facts). */
  stat(descriptor: number, facts: Uint8Array): number;
  /** Seconds and nanoseconds into two. @returns 1, or 0 where that is not known */
  birth(descriptor: number, time: Uint8Array): number;
  /** Into eight: blocks, free, available, files, free files, block size, longest name, fragment size. */
  statfs(descriptor: number, facts: Uint8Array): number;
  readLink(descriptor: number, bytes: Uint8Array, offset: number, length: number): number;
  changeMode(descriptor: number, mode: number): number;
  /** -1 leaves one as it is. */
  changeOwner(descriptor: number, uid: number, gid: number): number;
  setTimes(descriptor: number, accessSeconds: number, accessNanoseconds: number, modificationSeconds: number, modificationNanoseconds: number): number;
  getAttribute(descriptor: number, names: Uint8Array, name: number, bytes: Uint8Array, offset: number, length: number): number;
  listAttributes(descriptor: number, bytes: Uint8Array, offset: number, length: number): number;
  setAttribute(descriptor: number, bytes: Uint8Array, name: number, value: number, size: number, flags: number): number;
  removeAttribute(descriptor: number, bytes: Uint8Array, name: number): number;

  read(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  write(descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /** Entries as getdents64(2) has them, from the position on that eight bytes of the request say. */
  list(descriptor: number, request: Uint8Array, position: number, bytes: Uint8Array): number;
  truncate(descriptor: number, size: number): number;
  allocate(descriptor: number, mode: number, offset: number, length: number): number;
  seek(descriptor: number, offset: number, whence: number): number;
  copy(from: number, offset: number, to: number, offsetTo: number, length: number): number;
  sync(descriptor: number, dataOnly: 0 | 1): number;
  close(descriptor: number): number;
  /** How many this process may have. */
  descriptorLimit(): number;

  /** Sends a packet, with a descriptor unless that is -1, and waits for the number that is the answer. */
  exchange(socket: number, descriptor: number, bytes: Uint8Array, length: number, milliseconds: number): number;

  /** Files that this thread makes belong to them from now on. */
  actAs(uid: number, gid: number, umask: number): number;
  actAsRoot(): number;
}

export const treeShim: TreeShim = loadShim<TreeShim>('passthrough');

/* asm-generic/fcntl.h; Node has no name for it. */
export const O_PATH = 0o10000000;
