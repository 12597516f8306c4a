import { getSystemErrorMap } from 'node:util';
import { loadShim } from '../../native/load.js';

/** Every function returns what the system call does, or a negative errno; see helper.c and the files beside it. */
interface HelperShim {
  fsopen(type: string): number;
  fsconfig(context: number, command: number, key: string, value: string): number;
  fsmount(context: number, attributes: number): number;
  attach(mount: number, target: number): number;
  cloneTree(directory: number, attributesSet: number, attributesCleared: number): number;
  mount(source: string, target: string, type: string, flags: number, data: string): number;
  umount2(target: string, flags: number): number;
  deviceNumber(fd: number): number;
  fuseClone(fd: number, mounted: number): number;
  fuseAddIomap(fd: number): number;
  blockDevice(fd: number, bytesSectorReadOnly: Float64Array): number;
  enterNamespace(fd: number, type: number): number;
  namespaceType(fd: number): number;
  namespaceOwner(fd: number): number;
  namespaceParent(fd: number): number;
  namespaceMaker(fd: number): number;
  fuseInside(userNamespace: number, mountNamespace: number, milliseconds: number, opened: Uint8Array): number;
  duplicate(fd: number): number;
  changeDirectory(fd: number): number;
  mountId(fd: number, name: string): number;
  seals(fd: number): number;
  setBlockSize(fd: number, bytes: number): number;
  /** Of a whole disk. */
  ejectMedium(fd: number): number;
  /** It goes when nobody has it open any more. */
  detachLoop(fd: number): number;
  sealedFile(name: string, contents: Uint8Array): number;
  setAttribute(fd: number, name: string, value: Uint8Array): number;
  flock(fd: number, operation: number): number;
  closeOnExecFrom(first: number): number;
  listenStream(path: string): number;
  connectStream(path: string, milliseconds: number): number;
  socketpairStream(ends: Uint8Array): number;
  receiveStream(fd: number, buffer: Uint8Array, about: Uint8Array): number;
  exitWhenInterrupted(status: number, unlink: string, unmount: string): number;
}

export const shim = loadShim<HelperShim>('helper');

/** Name and text of a negative errno, for example ['EACCES', 'permission denied']. */
const lookUp = (result: number): readonly [string, string] =>
  getSystemErrorMap().get(result) ?? beyondNode.get(result) ?? [`errno ${-result}`, `error ${-result}`];

/** What libuv has no name for and mounting meets. */
const beyondNode: ReadonlyMap<number, readonly [string, string]> = new Map([
  [-15, ['ENOTBLK', 'block device required']],
  [-117, ['EUCLEAN', 'structure needs cleaning']],
  [-123, ['ENOMEDIUM', 'no medium found']],
  [-124, ['EMEDIUMTYPE', 'wrong medium type']],
]);

export const errorName = (result: number): string => lookUp(result)[0];
export const errorText = (result: number): string => lookUp(result)[1];
