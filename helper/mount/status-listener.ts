import { chownSync, closeSync, constants, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, basename } from 'node:path';
import { shim } from '../native/shim.js';
import { fileAt, removeIfSame } from './file-at-name.js';
import { makeRuntimeDirectory, statusSocketOf } from './runtime.js';

/** The listening socket on which the server will answer status requests; the name stays when we are gone. */
export interface StatusListener {
  readonly descriptor: number;
  readonly path: string;
  close(): void;
  /** Removes the name as well: there is no mount. */
  discard(): void;
}

/** Undefined where there is no place for it: the mount works without. */
export function listenForStatus(directory: string | undefined, device: string, owner?: number): StatusListener | undefined {
  if (directory === undefined) return undefined;
  const path = statusSocketOf(directory, device);
  // A socket has its name before it listens, and whoever found it then would take its server for dead.
  const prepared = `${path}.new`;
  try {
    makeRuntimeDirectory(directory);
    rmSync(prepared, { force: true });
    const descriptor = withShortName(prepared, shim.listenStream);
    if (descriptor < 0) return undefined;
    const close = (): void => closeSync(descriptor);
    // Whose mount it is may ask; the directory is root's, so that the name says who that is.
    if (owner !== undefined) chownSync(prepared, owner, 0);
    const socket = { path, inode: fileAt(prepared).inode };
    // An earlier mount with this number may have left its own behind: the kernel gives numbers again.
    renameSync(prepared, path);
    return {
      descriptor,
      path,
      close,
      discard: () => {
        close();
        removeIfSame(socket);
      },
    };
  } catch {
    return undefined;
  }
}

/** Names of sockets are limited to 107 bytes; a name through an open directory is always short enough. */
export function withShortName<Result>(path: string, act: (name: string) => Result): Result {
  const directory = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return act(`/proc/self/fd/${directory}/${basename(path)}`);
  } finally {
    closeSync(directory);
  }
}
