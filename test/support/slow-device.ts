import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { attempt } from './command.js';

/** A length of writes that none has. */
export const NO_WRITE = Number.MAX_SAFE_INTEGER;

/** From one byte up to another. */
type Range = readonly [from: number, to: number];

export interface SlowDeviceOrder {
  /** Reads that touch one of these are not answered, until it is let go. */
  hold: readonly Range[];
  /** Reads that touch one of these fail. */
  fail: readonly Range[];
  /** What becomes of writes that are at least so long, in bytes. */
  holdWritesFrom: number;
  failWritesFrom: number;
}

export type SlowDeviceMessage = { readonly held: number } | { readonly done: true };

/** An image behind a FUSE server of its own, which answers reads and writes when it is told to. */
export class SlowDevice {
  /** The image, to be mounted. */
  readonly path: string;
  readonly #server: ChildProcess;
  #held = 0;

  static async make(t: Test, image: string): Promise<SlowDevice> {
    const path = join(dirname(image), 'slow.img');
    writeFileSync(path, '');
    const server = fork(fileURLToPath(new URL('slow-device-server.js', import.meta.url)), [image, path]);
    t.teardown(async () => {
      server.kill('SIGKILL');
      await attempt('umount', ['-l', path]);
    });
    const device = new SlowDevice(server, path);
    await device.#done();
    return device;
  }

  private constructor(server: ChildProcess, path: string) {
    this.#server = server;
    this.path = path;
    server.on('message', (message: SlowDeviceMessage) => {
      if ('held' in message) this.#held = message.held;
    });
  }

  /** What is not said stays as it was. */
  async order(order: Partial<SlowDeviceOrder>): Promise<void> {
    this.#server.send(order);
    await this.#done();
    if (order.hold?.length === 0 || order.holdWritesFrom === NO_WRITE) this.#held = 0;
  }

  /** Waits until so many are held. */
  async holding(count: number): Promise<void> {
    while (this.#held < count) await once(this.#server, 'message');
  }

  async #done(): Promise<void> {
    for (;;) {
      const [message] = (await once(this.#server, 'message')) as [SlowDeviceMessage];
      if ('done' in message) return;
    }
  }
}
