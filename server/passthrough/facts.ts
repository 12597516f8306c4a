import type { BirthAttributes } from '../../protocol/fuse/statx.js';
import { orFail } from './errors.js';
import type { Decision } from './policy.js';
import { treeShim } from './tree-shim.js';

const COUNT = 16;
const PERMISSION_TO_EXECUTE = 0o111;
const TYPE = 0o170000;
const REGULAR = 0o100000;
const SET_ID = 0o6000;
const OVERFLOW_ID = 65534;
const HIGHEST_ID = 2 ** 32 - 2;

/** What fstat(2) last said, and the same as the mount shows it under a decision; one object for all files. */
export class Facts implements BirthAttributes {
  birthKnown = false;
  readonly #values = new Float64Array(COUNT);
  readonly #bytes = new Uint8Array(this.#values.buffer);
  readonly #birth = new Float64Array(2);
  readonly #birthBytes = new Uint8Array(this.#birth.buffer);
  #decision!: Decision;

  /** @param decision what holds for the file. @throws TreeError */
  read(descriptor: number, decision: Decision): this {
    orFail(treeShim.stat(descriptor, this.#bytes), 'fstatat');
    this.#decision = decision;
    return this;
  }

  /** With the time of birth. @throws TreeError */
  readAll(descriptor: number, decision: Decision): this {
    this.birthKnown = orFail(treeShim.birth(descriptor, this.#birthBytes), 'statx') > 0;
    return this.read(descriptor, decision);
  }

  /** As before, under another decision. */
  under(decision: Decision): this {
    this.#decision = decision;
    return this;
  }

  get inode(): number { return this.#at(0); }
  get size(): number { return this.#at(1); }
  get blocks(): number { return this.#at(2); }
  get atime(): number { return this.#at(3); }
  get mtime(): number { return this.#at(4); }
  get ctime(): number { return this.#at(5); }
  get atimeNanoseconds(): number { return this.#at(6); }
  get mtimeNanoseconds(): number { return this.#at(7); }
  get ctimeNanoseconds(): number { return this.#at(8); }
  get mode(): number { return this.#decision.noExec && this.isRegular ? this.realMode & ~PERMISSION_TO_EXECUTE : this.realMode; }
  get links(): number { return this.#at(10); }
  get uid(): number { return shifted(this.#at(11), this.#decision.uidShift); }
  get gid(): number { return shifted(this.#at(12), this.#decision.gidShift); }
  get deviceNumber(): number { return this.#at(13); }
  get blockSize(): number { return this.#at(14); }
  get birth(): number { return this.#birth[0] ?? 0; }
  get birthNanoseconds(): number { return this.#birth[1] ?? 0; }

  get realMode(): number { return this.#at(9); }
  get isRegular(): boolean { return (this.realMode & TYPE) === REGULAR; }
  get hasSetId(): boolean { return this.isRegular && (this.realMode & SET_ID) !== 0; }
  /** The kernel's number of the filesystem. */
  get device(): number { return this.#at(15); }

  #at(index: number): number {
    return this.#values[index] ?? 0;
  }
}

/** An owner as the mount shows it; who is out of range is nobody. */
export function shifted(id: number, by: number): number {
  const result = id + by;
  return result >= 0 && result <= HIGHEST_ID ? result : OVERFLOW_ID;
}
