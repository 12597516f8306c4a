import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Test } from 'tap';
import { attempt, run } from './command.js';
import { fuse4fs } from './mount.js';
import { mountSource, type MountSource } from './mount-source.js';
import { released } from './released.js';
import { serverOf } from './server.js';

/** A mount whose server may be killed while programs use it, and that is made again afterwards. */
export class ServedMount {
  readonly #image: string;
  readonly #options: readonly string[];
  readonly target: string;
  #server: number | undefined;
  #source: MountSource | undefined;

  constructor(t: Test, image: string, target: string, options: readonly string[] = []) {
    this.#image = image;
    this.#options = options;
    this.target = target;
    t.teardown(async () => {
      if (this.#server !== undefined) await attempt('umount', ['-l', target]);
    });
  }

  async mount(): Promise<void> {
    this.#source = mountSource(this.#image);
    await run(process.execPath, [fuse4fs, ...this.#source.words(this.target, this.#options)]);
    this.#server = await serverOf(this.target);
  }

  async unmount(): Promise<void> {
    await run(process.execPath, [fuse4fs, 'umount', this.target]);
    this.#source?.release();
    this.#server = undefined;
    await released(this.#image);
  }

  /** At this moment, without a chance to write anything more; who uses the mount then gets ENOTCONN. */
  killServer(): void {
    if (this.#server === undefined) throw new Error(`${this.target} is not mounted`);
    process.kill(this.#server, 'SIGKILL');
  }

  /** After killServer(), when nobody uses the mount any more. */
  async mountAgain(): Promise<void> {
    while (existsSync(`/proc/${this.#server}`)) await pause(5);
    await run('umount', [this.target]);
    this.#source?.release();
    this.#server = undefined;
    await this.mount();
  }
}
