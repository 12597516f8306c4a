import { closeSync, readSync } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;

/** A filesystem being configured: fsopen(2), fsconfig(2), fsmount(2), and what the kernel has to say about it. */
export class FilesystemContext {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** One that was opened elsewhere. */
  static adopt(descriptor: number): FilesystemContext {
    return new FilesystemContext(descriptor);
  }

  /** Undefined where the kernel has no such system calls (before 5.2), or a filter hides them. */
  static open(type: string): FilesystemContext | undefined {
    const descriptor = shim.fsopen(type);
    if (descriptor >= 0) return new FilesystemContext(descriptor);
    if (descriptor === -ENOSYS) return undefined;
    throw mountRefusal(type, descriptor, []);
  }

  set(key: string, value?: string): void {
    const command = value === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    this.#check(shim.fsconfig(this.#descriptor, command, key, value ?? ''), value === undefined ? key : `${key}=${value}`);
  }

  /** Returns the descriptor of a mount that is not attached anywhere, and vanishes with it. */
  create(attributes: number): number {
    this.#check(shim.fsconfig(this.#descriptor, FSCONFIG_CMD_CREATE, '', ''), '');
    return this.#check(shim.fsmount(this.#descriptor, attributes), '');
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #check(result: number, what: string): number {
    if (result < 0) throw mountRefusal(what, result, this.#messages());
    return result;
  }

  /** The kernel keeps one message per read: a letter for the level, a space, a text. */
  #messages(): string[] {
    const messages: string[] = [];
    const buffer = Buffer.alloc(1024);
    try {
      while (messages.length < 16) {
        const length = readSync(this.#descriptor, buffer);
        messages.push(buffer.toString('utf8', 0, length).replace(/^[ewi] /, '').trim());
      }
    } catch {
      // ENODATA: that was all.
    }
    return messages;
  }
}

const EPERM = 1;
const EBUSY = 16;
const ENODEV = 19;
const ENOSYS = 38;

/** What went wrong, in the kernel's own words where it had some. */
export function mountRefusal(what: string, result: number, messages: readonly string[]): MountError {
  const said = messages.length > 0 ? messages.join('; ') : errorText(result);
  const about = what === '' ? '' : ` (${what})`;
  switch (-result) {
    case ENODEV:
      return new MountError('NO_FUSE', `unknown filesystem type 'fuse'`, 'load the module: modprobe fuse', undefined, -result);
    case EPERM:
      return new MountError('PERMISSION', `the kernel does not permit the mount: ${said}${about}`, 'mounting needs CAP_SYS_ADMIN', undefined, -result);
    case EBUSY:
      return new MountError('SOURCE_BUSY', `already mounted or mount point busy: ${said}${about}`, '', undefined, -result);
    default:
      return new MountError('MOUNT_REFUSED', `the kernel refused the mount: ${said}${about}`, '', undefined, -result);
  }
}
