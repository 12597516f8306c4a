/**
 * Reads ext2, ext3 and ext4 images without mounting them.
 *
 *     await using image = await openFilesystem('disk.img');
 *     console.log(await image.readFile('/etc/hostname', 'utf8'));
 */
export { openFilesystem, type ImageSource, type OpenFilesystemOptions } from './open.js';
export { ImageFilesystem, type ReaddirOptions, type ReadFileOptions } from './filesystem.js';
export { ImageError } from './errors.js';
export { ImageFile, type ReadOptions, type ReadResult, type StreamOptions } from './file.js';
export { ImageDirectory } from './directory.js';
export { ImageDirent } from './dirent.js';
export { ImageStats, type Timestamp } from './stats.js';
export type { ExtentFlag, FileExtent } from './extents.js';
export type { ImagePath } from './path.js';
export type { WalkEntry, WalkOptions } from './walk.js';
export type { BlockDevice } from '../server/device/block-device.js';
export type { Superblock } from '../server/ext4/layout/superblock.js';
export { CorruptionError, DeviceError, FilesystemError, NotExt4Error, OperationError, UnsupportedError } from '../server/ext4/errors.js';
