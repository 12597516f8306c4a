/**
 * ioctls on /dev/fuse that the iomap extension adds or uses, as the usual encoding has them.
 *
 *   BACKING_OPEN (16)           fd4@0 flags4@4 padding8@8
 *   BACKING_CLOSE (4)           id4@0
 *   IOMAP_SUPPORT (16)          flags8@0 padding8@8
 *   SET_NOFS (4)                on4@0
 *   BACKING_SET_BLOCKSIZE (8)   backing_id4@0 blocksize4@4
 */
export const FuseIoctl = {
  BACKING_OPEN: 0x4010_e501,
  BACKING_CLOSE: 0x4004_e502,
  IOMAP_SUPPORT: 0x8010_e563,
  SET_NOFS: 0x4004_e564,
  /** Before the mount, by whoever may decide it: the connection made of this descriptor can use iomap. */
  ADD_IOMAP: 0x0000_e565,
  BACKING_SET_BLOCKSIZE: 0x4008_e566,
} as const;

/** What IOMAP_SUPPORT says. */
export const IomapSupport = { FILE_IO: 0x1, ATOMIC: 0x2 } as const;

/** BACKING_OPEN: the low byte of its flags. */
const BACKING_TYPE_IOMAP = 1;

export const BACKING_OPEN_SIZE = 16;
export function writeBackingOpen(view: DataView, at: number, descriptor: number): void {
  view.setInt32(at, descriptor, true);
  view.setUint32(at + 4, BACKING_TYPE_IOMAP, true);
  view.setUint32(at + 8, 0, true);
  view.setUint32(at + 12, 0, true);
}

export const SUPPORT_SIZE = 16;
export const supportFlags = (view: DataView, at: number): number => view.getUint32(at, true);

export const SET_BLOCKSIZE_SIZE = 8;
export function writeSetBlockSize(view: DataView, at: number, backing: number, blockSize: number): void {
  view.setUint32(at, backing, true);
  view.setUint32(at + 4, blockSize, true);
}

export const SET_NOFS_SIZE = 4;
