import { chownSync, closeSync, constants, openSync, rmSync } from 'node:fs';
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
  try {
    makeRuntimeDirectory(directory);
    // What an earlier mount with this number left behind: the kernel gives numbers again.
    rmSync(path, { force: true });
    const descriptor = withShortName(path, shim.listenStream);
    if (descriptor < 0) return undefined;
    const close = (): void => closeSync(descriptor);
    const socket = fileAt(path);
    // Whose mount it is may ask; the directory is root's, so that the name says who that is.
    if (owner !== undefined) chownSync(path, owner, 0);
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
