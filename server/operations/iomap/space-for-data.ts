import { logicalBlock, physicalBlock } from '../../ext4/units.js';
import type { Inode } from '../../ext4/inode.js';
import type { Request } from '../../session/request.js';
import { isPrivileged, ROOT_USER, UNKNOWN_USER, type WritableVolume } from '../writable-volume.js';
import type { SpaceForData } from './begin.js';

/** Reserves blocks for what the kernel is about to write. */
export function spaceForData(volume: WritableVolume): SpaceForData {
  const { writable, staleAttributes, nodes } = volume;
  const { externalData, writer, space, transactions, contents } = writable;
  /** A change of which blocks a file has: the kernel does not make itself ask how many there are now. @param isWriteback whoever wrote to the page cache is not the one who writes it back: the owner answers for that */
  const givingBlocks = ({ uid: caller, gid }: Request, inode: Inode, isWriteback: boolean, give: (mayUseReserve: boolean) => void): void => {
    const uid = isWriteback ? UNKNOWN_USER : caller;
    const mayUseReserve = isPrivileged(volume, uid, gid, inode);
    const isLimited = (isWriteback ? inode.uid : uid) !== ROOT_USER;
    const { sectors } = inode;
    writable.change(() => give(mayUseReserve), isLimited);
    if (inode.sectors !== sectors) staleAttributes.add(nodes.nodeidOf(inode.number));
  };
  return {
    mostBytes: (inode) => writer.maxSize(inode),
    isFileSpace: (first, length) => space.isFileSpace(physicalBlock(first), length),
    reserve: (request, inode, first, end, isWriteback) => {
      givingBlocks(request, inode, isWriteback, (mayUseReserve) => externalData.reserve(inode, logicalBlock(first), end, mayUseReserve));
    },
    beginInline: (inode, length) => {
      const can = contents.canBeginInline(inode, length);
      if (can) writable.change(() => contents.beginInline(inode));
      return can;
    },
    holdsInline: (inode, length) => contents.holdsInline(inode, length),
    zeroInline: (inode, from, end) => writable.change(() => contents.zeroInline(inode, from, end)),
    moveOut: (request, inode, isWriteback) => {
      givingBlocks(request, inode, isWriteback, (mayUseReserve) => contents.moveOut(inode, mayUseReserve));
    },
    get isUncommitted() {
      return !transactions.isDurable;
    },
    commit: () => writable.commit(),
  };
}
