/**
 * Asks for files to be registered with the mount, for the kernel to read and write them itself (register-backing.c has
 * the packets, and the checks). Where that is refused for good, or nobody answers, the files are served by requests.
 */
import { constants } from 'node:os';
import { log } from '../log.js';
import { treeShim } from './tree-shim.js';

const { ELOOP, EPERM, ENOTTY, EACCES, EXDEV, EINVAL, EBADF, EDQUOT, ENOMEM, ENFILE } = constants.errno;

const REGISTER = 1;
const FORGET = 2;
const HEADER = 8;
const LONGEST_PATH = 4095;
const PATIENCE = 5000;

/** It is about that file, or that moment. */
const PASSING: readonly number[] = [EACCES, EXDEV, EINVAL, EBADF, EDQUOT, ENOMEM, ENFILE];
/** The kernel does not do it on this mount, or over this filesystem. */
const FOR_GOOD: readonly number[] = [ELOOP, EPERM, ENOTTY];

export class Registrar {
  #socket: number | undefined;
  #count = 0;
  readonly #packet = new Uint8Array(HEADER + LONGEST_PATH);
  readonly #view = new DataView(this.#packet.buffer);

  constructor(socket: number) {
    this.#socket = socket;
  }

  /** Files that the kernel has. */
  get count(): number {
    return this.#count;
  }

  /** @param path from the root of the tree, with its "/". @returns the id, or undefined where the server has to read and write */
  register(descriptor: number, path: string): number | undefined {
    if (this.#socket === undefined || path.length < 2 || path.length > LONGEST_PATH) return undefined;
    this.#view.setUint32(0, REGISTER, true);
    this.#view.setUint32(4, 0, true);
    const length = Buffer.from(this.#packet.buffer).write(path.slice(1), HEADER, 'latin1');
    const id = this.#exchange(descriptor, HEADER + length);
    if (id <= 0) return undefined;
    this.#count++;
    return id;
  }

  forget(id: number): void {
    if (this.#socket === undefined) return;
    this.#view.setUint32(0, FORGET, true);
    this.#view.setUint32(4, id, true);
    this.#exchange(-1, HEADER);
    this.#count--;
  }

  close(): void {
    if (this.#socket !== undefined) treeShim.close(this.#socket);
    this.#socket = undefined;
  }

  #exchange(descriptor: number, length: number): number {
    const answer = treeShim.exchange(this.#socket ?? -1, descriptor, this.#packet, length, PATIENCE);
    if (answer >= 0 || PASSING.includes(-answer)) return answer;
    log(FOR_GOOD.includes(-answer) ? 'notice' : 'warning', `the kernel does not read and write files itself: errno ${-answer}`);
    this.close();
    return answer;
  }
}
