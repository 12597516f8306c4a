import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';

const O_PATH = 0o10000000;

/** Something that is there, held without being opened: a FIFO does not block, a device does nothing. */
export interface Entry {
  readonly descriptor: number;
  readonly stats: Stats;
  close(): void;
}

/** A directory that no pod can replace: the kubelet made it, and it is a mount point in the pod. */
export function openDirectory(path: string): Entry | undefined {
  return hold(path, constants.O_DIRECTORY | constants.O_NOFOLLOW);
}

/**
 * One entry of a directory whose contents belong to a pod. A symbolic link is what it is, and not what it
 * leads to.
 */
export function openEntry(directory: Entry, name: string): Entry | undefined {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) return undefined;
  return hold(`${pathOf(directory)}/${name}`, constants.O_NOFOLLOW);
}

/** A name by which it can be opened again, mounted on or connected to, whatever has become of its own. */
export const pathOf = ({ descriptor }: Entry): string => `/proc/self/fd/${descriptor}`;

function hold(path: string, flags: number): Entry | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, O_PATH | flags);
  } catch {
    return undefined;
  }
  return { descriptor, stats: fstatSync(descriptor), close: () => closeSync(descriptor) };
}
