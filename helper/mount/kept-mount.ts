import { closeSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import type { MountPoint } from './mount-point.js';

/** Instead of a mount point: the mount stays detached, for somebody else to attach. */
export class KeptMount implements MountPoint {
  readonly descriptor = -1;
  /** Where that will be, for messages and for the server; it may be unknown. */
  readonly path: string;
  #mount: number | undefined;

  constructor(path: string) {
    this.path = path === '' ? '(detached)' : path;
  }

  attach(mount: number): void {
    const copy = shim.duplicate(mount);
    if (copy < 0) throw new MountError('SYSTEM', `cannot keep the mount: ${errorText(copy)}`);
    this.#mount = copy;
  }

  /** The mount, which is the taker's to close: with its last descriptor it vanishes, unless it was attached, and its server ends. */
  take(): number {
    const mount = this.#mount;
    if (mount === undefined) throw new MountError('INTERNAL', 'there is no mount');
    this.#mount = undefined;
    return mount;
  }

  close(): void {
    if (this.#mount !== undefined) closeSync(this.#mount);
  }
}
