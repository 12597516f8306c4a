import { logicalBlock, physicalBlock } from '../../ext4/units.js';
import type { Inode } from '../../ext4/inode.js';
import { isPrivileged, ROOT_USER, UNKNOWN_USER, type WritableVolume } from '../writable-volume.js';
import type { SpaceForData } from './begin.js';

/** Reserves blocks for what the kernel is about to write. */
export function spaceForData(volume: WritableVolume): SpaceForData {
  const { writable, staleAttributes, nodes } = volume;
  const { externalData, writer, space, transactions, contents } = writable;
  /** The kernel does not make itself ask how many blocks a file has now. */
  const watchingBlocks = (inode: Inode, change: () => void): void => {
    const { sectors } = inode;
    change();
    if (inode.sectors !== sectors) staleAttributes.add(nodes.nodeidOf(inode.number));
  };
  return {
    mostBytes: (inode) => writer.maxSize(inode),
    isFileSpace: (first, length) => space.isFileSpace(physicalBlock(first), length),
    reserve: (request, inode, first, end, isWriteback) => {
      // Whoever wrote to the page cache is not the one who writes it back: the owner answers for that.
      const uid = isWriteback ? UNKNOWN_USER : request.uid;
      const mayUseReserve = isPrivileged(volume, uid, request.gid, inode);
      const isLimited = (isWriteback ? inode.uid : uid) !== ROOT_USER;
      watchingBlocks(inode, () => writable.change(() => externalData.reserve(inode, logicalBlock(first), end, mayUseReserve), isLimited));
    },
    holdsInline: (inode, length) => contents.holdsInline(inode, length),
    moveOut: (inode) => watchingBlocks(inode, () => writable.change(() => contents.moveOut(inode))),
    get isUncommitted() {
      return !transactions.isDurable;
    },
    commit: () => writable.commit(),
  };
}
