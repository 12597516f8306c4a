/** One file as the kernel has it: pages, sizes, and the I/O that mappings lead to. */
import { constants } from 'node:os';
import { AttributeFlag, CompletionFlag, IomapOperation, MappingFlag, MappingType, type Mapping } from '../../protocol/fuse/iomap.js';
import { readU64 } from '../../protocol/fuse/word64.js';
import { cString, pack } from '../support/fuse-caller.js';
import type { MappingCache } from './mapping-cache.js';
import type { KnownNode, SimulatedKernel } from './simulated-kernel.js';

const { EIO, ENOSYS } = constants.errno;
const { WRITE, DIRECT, ZERO, REPORT, FAULT } = IomapOperation;
const SECTOR = 512;
const PAGE = 4096;
const SETATTR_SIZE = 0x8;
export const KEEP_SIZE = 1;
export const PUNCH_HOLE = 2;
export const ZERO_RANGE = 16;

interface Page {
  readonly bytes: Uint8Array;
  dirty: boolean;
}

interface Completion {
  readonly position: number;
  written: number;
  readonly flags: number;
  readonly address: number;
}

const down = (value: number, unit: number): number => value - (value % unit);
const up = (value: number, unit: number): number => down(value + unit - 1, unit);

export class SimulatedFile implements KnownNode {
  readonly nodeid: number;
  readonly inode: number;
  readonly usesIomap: boolean;
  readonly name: string;
  cache: MappingCache | undefined;
  size: number;
  /** What the server has recorded, as far as the kernel knows. */
  diskSize: number;
  lookups = 1;
  /** AttributeFlag, as the server says. */
  readonly flags: number;
  readonly #kernel: SimulatedKernel;
  readonly #pages = new Map<number, Page>();
  readonly #completions: Completion[] = [];

  private constructor(kernel: SimulatedKernel, name: string, entry: DataView) {
    this.#kernel = kernel;
    this.name = name;
    this.nodeid = readU64(entry, 0);
    this.inode = readU64(entry, 40);
    this.size = this.diskSize = readU64(entry, 48);
    this.flags = entry.getUint32(124, true);
    const both = AttributeFlag.IOMAP | AttributeFlag.EXCLUSIVE;
    this.usesIomap = kernel.isIomap && (this.flags & both) === both;
    if (this.nodeid !== this.inode) throw kernel.violation('nodeid', EIO, `node ${this.nodeid} is inode ${this.inode}`);
    kernel.nodes.set(this.nodeid, this);
  }

  static lookUp(kernel: SimulatedKernel, parent: number, name: string): SimulatedFile {
    return new SimulatedFile(kernel, name, kernel.call('LOOKUP', parent, cString(name)));
  }

  static make(kernel: SimulatedKernel, parent: number, name: string): SimulatedFile {
    return new SimulatedFile(kernel, name, kernel.call('MKNOD', parent, pack([4, 0o100644], [4, 0], [4, 0o22], [4, 0]), cString(name)));
  }

  get hasDirtyPages(): boolean {
    return [...this.#pages.values()].some(({ dirty }) => dirty);
  }

  get #unit(): number {
    return this.#kernel.blockSize;
  }

  // System calls.

  read(position: number, length: number): Uint8Array {
    const end = Math.min(position + length, this.size);
    const result = new Uint8Array(Math.max(0, end - position));
    if (!this.usesIomap) return this.#readClassic(position, result);
    for (let at = position; at < end; ) {
      const block = Math.floor(at / this.#unit);
      const from = at - block * this.#unit;
      const count = Math.min(end - at, this.#unit - from);
      result.set(this.#load(block, 0).bytes.subarray(from, from + count), at - position);
      at += count;
    }
    return result;
  }

  directRead(position: number, length: number): Uint8Array {
    if (!this.usesIomap) return this.read(position, length);
    const end = Math.min(position + length, this.size);
    this.writeBack(position, end);
    this.finishIo();
    const result = new Uint8Array(Math.max(0, end - position));
    for (let at = position; at < end; ) {
      const mapping = this.#begin(DIRECT, at, end - at);
      const count = Math.min(end, mapping.offset + mapping.length) - at;
      result.set(this.#contents(mapping, at, count), at - position);
      at += count;
    }
    return result;
  }

  write(position: number, data: Uint8Array, operation: number = WRITE): void {
    if (!this.usesIomap) {
      this.#writeClassic(position, data);
      return;
    }
    if (position > this.size) this.#zero(this.size, position);
    for (let done = 0; done < data.length; ) {
      const at = position + done;
      const mapping = this.#begin(operation, at, data.length - done);
      const count = Math.min(data.length - done, mapping.offset + mapping.length - at);
      if (mapping.type === MappingType.INLINE) this.#pushInline(mapping, at, data.subarray(done, done + count));
      else this.#writePages(mapping, at, data.subarray(done, done + count));
      this.size = Math.max(this.size, at + count);
      done += count;
    }
  }

  /** A write through a shared mapping of memory: up to the end of the file. */
  writeMapped(position: number, data: Uint8Array): void {
    const end = Math.min(position + data.length, this.size);
    if (end > position) this.write(position, data.subarray(0, end - position), WRITE | FAULT);
  }

  /** Position and length in sectors. */
  directWrite(position: number, data: Uint8Array): void {
    if (!this.usesIomap) {
      this.#writeClassic(position, data);
      return;
    }
    const end = position + data.length;
    this.finishIo();
    if (position > this.size) this.#zero(this.size, position);
    this.writeBack(position, end);
    this.finishIo();
    this.#drop(position, end);
    let flags = CompletionFlag.DIRECT as number;
    for (let at = position; at < end; ) {
      const mapping = this.#begin(WRITE | DIRECT, at, end - at);
      if (mapping.type === MappingType.INLINE) {
        this.#pushInline(mapping, at, data.subarray(at - position));
        this.size = Math.max(this.size, end);
        return;
      }
      if (mapping.type !== MappingType.MAPPED && mapping.type !== MappingType.UNWRITTEN) throw this.#kernel.violation('consumer', EIO, `direct write to type ${mapping.type}`);
      const count = Math.min(end, mapping.offset + mapping.length) - at;
      const isFresh = mapping.type === MappingType.UNWRITTEN || (mapping.flags & MappingFlag.NEW) !== 0;
      if (mapping.type === MappingType.UNWRITTEN) flags |= CompletionFlag.UNWRITTEN;
      const disk = this.#kernel.disk.bytes;
      const address = mapping.address + at - mapping.offset;
      if (isFresh) disk.fill(0, address - (at % this.#unit), address);
      disk.set(data.subarray(at - position, at - position + count), address);
      if (isFresh || at + count >= this.size) disk.fill(0, address + count, address + count + ((this.#unit - ((at + count) % this.#unit)) % this.#unit));
      at += count;
    }
    this.#finish({ position, written: data.length, flags, address: -1 });
  }

  truncate(size: number): void {
    if (!this.usesIomap) {
      this.#setSize(size);
      this.size = size;
      return;
    }
    this.finishIo();
    if (size > this.size) this.#zero(this.size, size);
    else this.#zero(size, Math.min(up(size, this.#unit), this.size));
    this.size = size;
    this.#drop(up(size, this.#unit), Infinity);
    this.#pages.get(Math.floor(size / this.#unit))?.bytes.fill(0, size % this.#unit);
    this.writeBack(0, Infinity);
    this.finishIo();
    this.#setSize(size);
    this.diskSize = size;
    this.cache?.forget(size, Infinity);
  }

  fallocate(mode: number, position: number, length: number): void {
    const end = position + length;
    const isZeroing = (mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0;
    const unit = Math.max(this.#unit, PAGE);
    if (this.usesIomap) {
      this.finishIo();
      if (isZeroing) {
        this.writeBack(down(position, unit), up(end, unit));
        this.finishIo();
        this.#drop(down(position, unit), up(end, unit));
      }
    }
    this.#kernel.call('FALLOCATE', this.nodeid, pack([8, 0], [8, position], [8, length], [4, mode], [4, 0]));
    const grows = (mode & KEEP_SIZE) === 0 && end > this.size;
    if (this.usesIomap) {
      this.cache?.forget(position, end);
      if (isZeroing) this.#zero(position, Math.min(end, this.size));
      if (grows) this.#zero(this.size, end);
      if (isZeroing || grows) this.writeBack(0, Infinity);
      this.finishIo();
    }
    if (!grows) return;
    this.size = this.diskSize = end;
  }

  fsync(): void {
    this.writeBack(0, Infinity);
    this.finishIo();
    this.#kernel.call('FSYNC', this.nodeid, pack([8, 0], [4, 0], [4, 0]));
  }

  /** Ranges of the file that FIEMAP would show: it looks as far as a file could reach. */
  fiemap(): { readonly offset: number; readonly length: number; readonly type: number }[] {
    const found = [];
    const end = this.#kernel.maxBytes;
    for (let at = 0; at < end; ) {
      const { offset, length, type } = this.#begin(REPORT, at, end - at);
      found.push({ offset, length, type });
      at = offset + length;
    }
    return found;
  }

  /** Memory gets scarce: clean pages leave, once what is being written of them is on the device. */
  shrink(): void {
    this.finishIo();
    for (const [block, page] of this.#pages) if (!page.dirty) this.#pages.delete(block);
  }

  /** The inode leaves the kernel's memory. */
  evict(): void {
    if (this.usesIomap) {
      this.writeBack(0, Infinity);
      this.finishIo();
      this.checkAttributes();
    }
    this.#pages.clear();
    this.#kernel.forget(this.nodeid, this.lookups);
  }

  /** What the server shows has to agree with what it has told. */
  checkAttributes(): void {
    const body = this.#kernel.call('GETATTR', this.nodeid, pack([4, 0], [4, 0], [8, 0]));
    const size = readU64(body, 16 + 8);
    if (this.usesIomap && size !== this.diskSize) throw this.#kernel.violation('size', EIO, `recorded is ${size}, the kernel was told ${this.diskSize}`);
    if (body.getUint32(16 + 84, true) !== this.flags) throw this.#kernel.violation('flags', EIO, `${body.getUint32(16 + 84, true)}, were ${this.flags}`);
  }

  // Moving data.

  /** Writes dirty pages; their completions wait until finishIo(). */
  writeBack(from: number, to: number): void {
    if (!this.usesIomap) return;
    this.finishIo();
    const first = Math.floor(from / this.#unit);
    const blocks = [...this.#pages].filter(([block, page]) => page.dirty && block >= first && block * this.#unit < to).map(([block]) => block).sort((one, other) => one - other);
    for (let index = 0; index < blocks.length; ) {
      const start = blocks[index] as number;
      let count = 1;
      while (blocks[index + count] === start + count) count++;
      index += count;
      this.#writeRun(start * this.#unit, (start + count) * this.#unit);
    }
  }

  #writeRun(from: number, to: number): void {
    const end = Math.min(to, up(this.size, this.#unit));
    for (let at = from; at < end; ) {
      const mapping = this.#begin(this.#kernel.profile.writeback, at, end - at);
      if (mapping.type !== MappingType.MAPPED && mapping.type !== MappingType.UNWRITTEN) throw this.#kernel.violation('consumer', EIO, `written back to type ${mapping.type} at ${at}`);
      const stop = Math.min(end, mapping.offset + mapping.length);
      for (let position = at; position < stop; position += this.#unit) {
        const page = this.#pages.get(position / this.#unit) as Page;
        if (position + this.#unit > this.size) page.bytes.fill(0, this.size - position);
        this.#kernel.disk.bytes.set(page.bytes, mapping.address + position - mapping.offset);
        page.dirty = false;
      }
      const flags = CompletionFlag.WRITEBACK | (mapping.type === MappingType.UNWRITTEN ? CompletionFlag.UNWRITTEN : 0);
      this.#queue({ position: at, written: Math.min(stop, this.size) - at, flags, address: mapping.address + at - mapping.offset });
      at = stop;
    }
    for (let position = end; position < to; position += this.#unit) this.#pages.delete(position / this.#unit);
  }

  #queue(completion: Completion): void {
    const last = this.#completions.at(-1);
    const continues = last?.flags === completion.flags && last.position + last.written === completion.position && last.address + last.written === completion.address;
    if (continues) last.written += completion.written;
    else this.#completions.push(completion);
  }

  /** What was written is on the device now. */
  finishIo(): void {
    for (const completion of this.#completions.splice(0)) this.#finish(completion);
  }

  #finish({ position, written, flags, address }: Completion): void {
    const end = position + written;
    const all = flags | (end > this.diskSize ? CompletionFlag.APPEND : 0);
    if ((all & (CompletionFlag.UNWRITTEN | CompletionFlag.APPEND)) !== 0) {
      this.diskSize = Math.max(this.diskSize, this.#kernel.complete(this, { flags: all, error: 0, position, address, written, device: 0 }));
      if (this.diskSize < end) throw this.#kernel.violation('IOEND', EIO, `recorded ${this.diskSize}, ${end} was written`);
    }
    this.size = Math.max(this.size, end);
    this.cache?.forget(position, end);
  }

  #zero(from: number, to: number): void {
    for (let at = from, again = 0; at < to; ) {
      const mapping = this.#begin(ZERO, at, to - at);
      const stop = Math.min(to, mapping.offset + mapping.length);
      if (mapping.type === MappingType.INLINE) throw this.#kernel.violation('consumer', EIO, 'zeroing inline data');
      if (mapping.type === MappingType.MAPPED) {
        this.#writePages(mapping, at, new Uint8Array(stop - at), true);
      } else if (this.#isDirty(at, stop)) {
        if (again++ > 3) throw this.#kernel.violation('consumer', EIO, 'dirty pages without blocks');
        this.writeBack(at, stop);
        this.finishIo();
        continue;
      }
      at = stop;
    }
  }

  #isDirty(from: number, to: number): boolean {
    for (const [block, { dirty }] of this.#pages) if (dirty && block * this.#unit < to && (block + 1) * this.#unit > from) return true;
    return false;
  }

  #writePages(mapping: Mapping, position: number, data: Uint8Array, keepsSize = false): void {
    for (let done = 0; done < data.length; ) {
      const at = position + done;
      const block = Math.floor(at / this.#unit);
      const from = at - block * this.#unit;
      const count = Math.min(data.length - done, this.#unit - from);
      let page = this.#pages.get(block);
      if (page === undefined) {
        const isOld = mapping.type === MappingType.MAPPED && (mapping.flags & MappingFlag.NEW) === 0 && (keepsSize || block * this.#unit < this.size);
        page = { bytes: isOld && count < this.#unit ? this.#contents(mapping, block * this.#unit, this.#unit) : new Uint8Array(this.#unit), dirty: false };
        this.#pages.set(block, page);
      }
      page.bytes.set(data.subarray(done, done + count), from);
      page.dirty = true;
      done += count;
    }
  }

  #load(block: number, operation: number): Page {
    let page = this.#pages.get(block);
    if (page === undefined) {
      const position = block * this.#unit;
      const bytes = this.#contents(this.#begin(operation, position, this.#unit), position, this.#unit);
      if (position + this.#unit > this.size) bytes.fill(0, Math.max(0, this.size - position));
      page = { bytes, dirty: false };
      this.#pages.set(block, page);
    }
    return page;
  }

  #contents(mapping: Mapping, position: number, length: number): Uint8Array {
    if (mapping.type === MappingType.INLINE) return this.#readInline(mapping).slice(position, position + length);
    if (mapping.type !== MappingType.MAPPED) return new Uint8Array(length);
    const address = mapping.address + position - mapping.offset;
    return this.#kernel.disk.bytes.slice(address, address + length);
  }

  #readInline({ offset, length }: Mapping): Uint8Array {
    const bytes = new Uint8Array(length);
    const read = this.#kernel.call('READ', this.nodeid, pack([8, 0], [8, offset], [4, length], [4, 0], [8, 0], [4, 0], [4, 0]));
    if (read.byteLength === 0 || read.byteLength > length) throw this.#kernel.violation('B13', EIO, `READ of ${length} inline bytes gave ${read.byteLength}`);
    bytes.set(new Uint8Array(read.buffer, read.byteOffset, read.byteLength));
    return bytes;
  }

  #pushInline(mapping: Mapping, position: number, data: Uint8Array): void {
    const bytes = this.#readInline(mapping);
    bytes.set(data, position);
    const answer = this.#kernel.call('WRITE', this.nodeid, pack([8, 0], [8, position], [4, data.length], [4, 0], [8, 0], [4, 0], [4, 0]), data);
    if (answer.getUint32(0, true) !== data.length) throw this.#kernel.violation('inline', EIO, `${answer.getUint32(0, true)} of ${data.length} bytes`);
    this.#pages.delete(0);
    this.diskSize = Math.max(this.diskSize, position + data.length);
    this.cache?.forget(position, position + data.length);
  }

  #drop(from: number, to: number): void {
    for (const block of [...this.#pages.keys()]) if (block * this.#unit < to && (block + 1) * this.#unit > from) this.#pages.delete(block);
  }

  #begin(operation: number, position: number, count: number): Mapping {
    const { mapping } = this.#kernel.begin(this, operation, position, count);
    if (!this.#kernel.noEnd && (operation & WRITE) !== 0) {
      const { error } = this.#kernel.ask('IOMAP_END', this.nodeid, pack([4, operation], [4, 0], [8, this.inode], [8, position], [8, count], [8, 0]), new Uint8Array(32));
      if (error === -ENOSYS) this.#kernel.noEnd = true;
      else if (error !== 0) throw new Error(`END: ${error}`);
    }
    return mapping;
  }

  #setSize(size: number): void {
    const body = this.#kernel.call('SETATTR', this.nodeid, pack([4, SETATTR_SIZE], [4, 0], [8, 0], [8, size], [8, 0]), new Uint8Array(56));
    if (readU64(body, 16 + 8) !== size) throw this.#kernel.violation('SETATTR', EIO, `size ${readU64(body, 16 + 8)}, should be ${size}`);
  }

  #readClassic(position: number, result: Uint8Array): Uint8Array {
    for (let done = 0; done < result.length; ) {
      const count = Math.min(result.length - done, 128 * 1024);
      const body = this.#kernel.call('READ', this.nodeid, pack([8, 0], [8, position + done], [4, count], [4, 0], [8, 0], [4, 0], [4, 0]));
      result.set(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), done);
      if (body.byteLength === 0) break;
      done += body.byteLength;
    }
    return result;
  }

  #writeClassic(position: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, done + 128 * 1024);
      this.#kernel.call('WRITE', this.nodeid, pack([8, 0], [8, position + done], [4, part.length], [4, 1], [8, 0], [4, 0], [4, 0]), part);
      done += part.length;
    }
    this.size = this.diskSize = Math.max(this.size, position + data.length);
  }
}

export { SECTOR };
