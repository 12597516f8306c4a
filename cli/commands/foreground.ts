import { rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { MountError } from '../../helper/mount/errors.js';
import { howItEnded } from '../../helper/mount/mount-failure.js';
import type { MountResult } from '../../helper/mount/mount-opened.js';
import { unmount } from '../../helper/mount/unmount.js';
import type { Output } from '../output.js';

/**
 * Signals to a mount in the foreground: the first unmounts, a second one detaches what is in use.
 * Made before the mount, so that none is lost in between.
 */
export class ForegroundSignals {
  #received = 0;
  #act: ((received: number) => void) | undefined;

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        this.#received++;
        this.#act?.(this.#received);
      });
    }
  }

  obey(act: (received: number) => void): void {
    this.#act = act;
    if (this.#received > 0) act(this.#received);
  }
}

/** Waits for the server's end. */
export async function serveInForeground(
  { source, target, statusSocket, server }: MountResult,
  signals: ForegroundSignals,
  output: Output,
): Promise<void> {
  signals.obey((received) => {
    try {
      unmount({ target, lazy: received > 1 });
    } catch (error) {
      output.fail(error);
      if (received === 1) output.note('interrupt again to detach it');
    }
  });
  const exit = server === undefined ? await hangUp(statusSocket) : await server.exit;
  if (statusSocket !== undefined) removeName(statusSocket);
  if (exit !== undefined && exit.status !== 0) {
    throw new MountError('SERVER_FAILED', `the server of ${source} failed${howItEnded(exit)}`, 'it said why above');
  }
}

function removeName(socket: string): void {
  try {
    rmSync(socket, { force: true });
  } catch {
    // The broker's.
  }
}

/** A server that the service manager runs is not ours to wait for; it closes its status connections when it ends. */
async function hangUp(socket: string | undefined): Promise<undefined> {
  if (socket === undefined) return;
  await new Promise<void>((resolve) => createConnection(socket).on('error', () => undefined).on('data', () => undefined).on('close', () => resolve()));
}
