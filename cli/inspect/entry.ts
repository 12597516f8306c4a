import { ImageError, type ImageFilesystem, type ImageStats } from '../../library/index.js';
import { typeWords } from './mode.js';
import { jsonName } from './printable.js';
import { jsonTime } from './time.js';

/** One name with what its inode says. */
export interface Entry {
  readonly name: Buffer;
  readonly stats: ImageStats;
  /** Of a symbolic link. */
  readonly target?: Buffer;
}

export async function readEntry(filesystem: ImageFilesystem, path: string | Buffer, name: Buffer): Promise<Entry> {
  const stats = await filesystem.lstat(path);
  return stats.isSymbolicLink() ? { name, stats, target: await filesystem.readlink(path, 'buffer') } : { name, stats };
}

export type Complain = (error: ImageError) => void;

/** The result, or undefined where the image is damaged there. */
export async function tolerant<Result>(read: () => Promise<Result>, complain: Complain): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    complain(error);
    return undefined;
  }
}

export const isDeviceNode = (stats: ImageStats): boolean => stats.isBlockDevice() || stats.isCharacterDevice();

/** Major and minor number of a device node. */
export const deviceNumbers = ({ rdev }: ImageStats): readonly [number, number] => [(rdev >>> 8) & 0xfff, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)];

export function jsonEntry({ name, stats, target }: Entry): Record<string, unknown> {
  const { times } = stats;
  return {
    ...jsonName(name),
    type: typeWords(stats.mode),
    inode: stats.ino,
    mode: stats.mode,
    links: stats.nlink,
    uid: stats.uid,
    gid: stats.gid,
    size: stats.size,
    blocks: stats.blocks,
    ...(isDeviceNode(stats) && { device: deviceNumbers(stats).join(':') }),
    accessed: jsonTime(times.access),
    modified: jsonTime(times.modification),
    changed: jsonTime(times.change),
    born: jsonTime(times.birth),
    ...(target !== undefined && { target: jsonName(target).name }),
  };
}
