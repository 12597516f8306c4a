import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { cloneFuse, openAbort } from './fuse-device.js';
import { installedFile } from './server-root.js';

/** What the server of a directory tree can ask that takes privilege. */
export interface TreeBrokers {
  /** For the server. */
  readonly descriptors: { readonly registrar?: number; readonly watcher?: number };
  close(): void;
}

interface Wanted {
  /** Files are registered for the kernel to read and write itself. */
  readonly registers: boolean;
  /** The kernel is told what others change. */
  readonly watches: boolean;
  readonly readOnly: boolean;
}

/** Leaves processes behind that end with the server. @param device of the mount */
export function startTreeBrokers(fuse: number, tree: number, device: Parameters<typeof openAbort>[0], { registers, watches, readOnly }: Wanted): TreeBrokers {
  const registrar = registers ? leaveBehind('register-backing', [readOnly ? 'ro' : 'rw'], [fuse, tree]) : undefined;
  const watcher = watches ? startWatcher(fuse, tree, device) : undefined;
  return {
    descriptors: { ...(registrar && { registrar: registrar.fd }), ...(watcher && { watcher: watcher.fd }) },
    close: () => {
      registrar?.close();
      watcher?.close();
    },
  };
}

/** It has a clone: what the server was asked through its own is answered by the kernel as soon as the server is dead. */
function startWatcher(fuse: number, tree: number, device: Parameters<typeof openAbort>[0]): Channel | undefined {
  const abort = openAbort(device);
  if (abort === undefined) return undefined;
  const clones = cloneFuse(fuse, 1);
  try {
    return clones[0] === undefined ? undefined : leaveBehind('watch-tree', [], [clones[0], tree, abort]);
  } finally {
    closeDescriptors(clones);
    closeSync(abort);
  }
}

/**
 * The process has the other end of a socket as descriptor 3, and `descriptors` from 4 on. It ends with the last descriptor
 * of this end. One that could not be started answers nothing, and the server does without.
 * @returns the end for the server, which is the caller's to close
 */
function leaveBehind(program: string, words: readonly string[], descriptors: readonly number[]): Channel {
  const [ours, theirs] = Channel.pair();
  const child = spawn(installedFile(`build/Release/${program}`), words, {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['ignore', 'ignore', 'ignore', theirs.fd, ...descriptors],
  });
  theirs.close();
  child.on('error', () => undefined);
  child.unref();
  return ours;
}
