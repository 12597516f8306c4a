import * as header from '../../protocol/fuse/header.js';
import { pageAlignedMemory } from './aligned-memory.js';

const PAGE = 4096;
/** fuse_in_header and fuse_write_in: what stands before the data of a WRITE. */
const BEFORE_WRITE_DATA = 80;

/**
 * The request being handled: one object over one buffer for the whole life of a session, so that a
 * request costs no allocation. What a handler wants to keep it has to copy.
 */
export class Request {
  /** The whole buffer; `view` and `bytes` have the same offsets. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where the request begins: such that the data of a WRITE begins on a page. */
  readonly start = PAGE - BEFORE_WRITE_DATA;
  /** The longest request that fits. */
  readonly capacity: number;

  opcode = 0;
  /** The request's identity, to be repeated in the reply, not to be interpreted. */
  uniqueLow = 0;
  uniqueHigh = 0;
  nodeid = 0;
  /** Whoever called, or INVALID_ID on mounts that can be idmapped (only creating requests carry it there). */
  uid = 0;
  gid = 0;
  /** Thread id of the caller, 0 for the kernel's own requests. */
  pid = 0;
  bodyOffset = 0;
  /** Length of the body without the extensions. */
  bodyLength = 0;
  extensionsLength = 0;
  /** First and second name of the body, for opcodes that have one: without NUL, never empty. */
  nameOffset = 0;
  nameLength = 0;
  secondNameOffset = 0;
  secondNameLength = 0;
  /** How often it was handled before: it was postponed, or lacked what the device had to read. */
  attempts = 0;
  /** Whether other requests wait to be handled. */
  othersWait: () => boolean = () => false;

  /** @param maximumWrite the largest data of a WRITE that is negotiated */
  constructor(maximumWrite: number) {
    this.capacity = Math.max(header.MINIMUM_READ_BUFFER, maximumWrite + PAGE);
    this.bytes = pageAlignedMemory(this.start + this.capacity);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
  }

  get isRepeated(): boolean {
    return this.attempts > 0;
  }

  /** @returns false if what was read cannot be a request; then nothing but `unique` may be used, if even that */
  decode(length: number): boolean {
    const { view, start } = this;
    if (length < header.IN_HEADER_SIZE) {
      this.opcode = 0;
      this.uniqueLow = 0;
      this.uniqueHigh = 0;
      return false;
    }
    this.opcode = header.inOpcode(view, start);
    this.uniqueLow = header.inUniqueLow(view, start);
    this.uniqueHigh = header.inUniqueHigh(view, start);
    this.nodeid = header.inNodeid(view, start);
    this.uid = header.inUid(view, start);
    this.gid = header.inGid(view, start);
    this.pid = header.inPid(view, start);
    this.bodyOffset = start + header.IN_HEADER_SIZE;
    this.extensionsLength = header.inExtensionUnits(view, start) * 8;
    this.bodyLength = length - header.IN_HEADER_SIZE - this.extensionsLength;
    return header.inLength(view, start) === length && this.bodyLength >= 0;
  }

  /** The whole request, as it came. */
  copy(): Uint8Array {
    return this.bytes.slice(this.start, this.bodyOffset + this.bodyLength + this.extensionsLength);
  }

  /** The request as if its body had no more than so many bytes. */
  copyOfHead(fixedSize: number): Uint8Array {
    const copy = this.bytes.slice(this.start, this.bodyOffset + fixedSize);
    header.setInLengths(new DataView(copy.buffer), copy.length);
    return copy;
  }

  /** Finds the names that follow the fixed part. @returns false if one is missing, empty or without its NUL */
  locateNames(fixedSize: number, count: 0 | 1 | 2): boolean {
    if (count === 0) return true;
    const end = this.bodyOffset + this.bodyLength;
    this.nameOffset = this.bodyOffset + fixedSize;
    this.nameLength = this.lengthOfString(this.nameOffset, end);
    if (this.nameLength <= 0) return false;
    if (count === 1) return true;
    this.secondNameOffset = this.nameOffset + this.nameLength + 1;
    this.secondNameLength = this.lengthOfString(this.secondNameOffset, end);
    return this.secondNameLength > 0;
  }

  private lengthOfString(from: number, end: number): number {
    const { bytes } = this;
    for (let at = from; at < end; at++) if (bytes[at] === 0) return at - from;
    return -1;
  }
}
