/**
 * The kernel's side of the iomap extension, without a kernel: one connection, its rules, its caches of
 * mappings. Files that move data with it are in simulated-file.ts.
 */
import { constants } from 'node:os';
import { InitFlag, type InitFlagName } from '../../protocol/fuse/init-flags.js';
import {
  IOMAP_BEGIN_OUT_SIZE, IOMAP_BEGIN_SIZE, IOMAP_IOEND_OUT_SIZE, IOMAP_IOEND_SIZE, Mapping, MappingType, bypassesCache, isWriteOperation, readMapping, writeIomapBegin,
  writeIomapCompletion, IomapOperation, type IomapCompletion, type IomapProfile, PROFILE_A,
} from '../../protocol/fuse/iomap.js';
import { ConfigFlag, IOMAP_CONFIG_OUT_SIZE, readIomapConfig, type ReceivedConfig } from '../../protocol/fuse/iomap-config.js';
import { IomapNotification } from '../../protocol/fuse/iomap-notifications.js';
import { Opcode, type OpcodeName } from '../../protocol/fuse/opcodes.js';
import { readI64, readU64 } from '../../protocol/fuse/word64.js';
import { Counters } from '../../server/session/counters.js';
import type { IomapChannel, MountedFilesystem } from '../../server/session/filesystem.js';
import { Session } from '../../server/session/session.js';
import { cString, initBody, offeredByLinux, pack, request, type Answer } from '../support/fuse-caller.js';
import { MappingCache } from './mapping-cache.js';
import { checkBegin, checkMapping, checkUse, EUCLEAN, RuleViolation, type RuleContext } from './mapping-rules.js';
import type { PagedDisk } from './paged-disk.js';

const { EINVAL, EIO, ENODEV, ENOSYS, EPERM } = constants.errno;
const ESTALE = 116;
const CONFIG_OFFER = 0x7f;
const LARGEST_OFFSET = 2 ** 63;

/** The descriptor by which the server knows the disk. */
export const DISK_DESCRIPTOR = 77;

/** An inode that the kernel knows. */
export interface KnownNode {
  readonly nodeid: number;
  readonly inode: number;
  readonly usesIomap: boolean;
  cache: MappingCache | undefined;
}

/** An error that a caller of the kernel would get. */
export class RequestError extends Error {
  readonly errno: number;

  constructor(what: string, errno: number) {
    super(`${what}: errno ${errno}`);
    this.errno = errno;
  }
}

/** What a caller would get; 0 where nothing is refused. */
export function errnoOf(act: () => unknown): number {
  try {
    act();
  } catch (error) {
    if (error instanceof RequestError) return error.errno;
    throw error;
  }
  return 0;
}

/** Where data is read from and written to by one operation. */
export interface Mapped {
  readonly mapping: Mapping;
  readonly fromCache: boolean;
}

export interface SimulatedKernelOptions {
  readonly profile?: IomapProfile;
  readonly offered?: readonly InitFlagName[];
  readonly minor?: number;
  readonly deviceWritable?: boolean;
  /** The length of writes that the device does as a whole or not at all. */
  readonly untornUnit?: number;
}

export class SimulatedKernel implements IomapChannel {
  readonly disk: PagedDisk;
  readonly profile: IomapProfile;
  /** What the server did against the rules. */
  readonly violations: RuleViolation[] = [];
  readonly nodes = new Map<number, KnownNode>();
  readonly counters = new Counters();
  readonly failures: unknown[] = [];
  config: ReceivedConfig | undefined;
  configError = 0;
  isIomap = false;
  blockSize = 0;
  noEnd = false;
  requests = 0;
  readonly #options: SimulatedKernelOptions;
  readonly #devices = new Map<number, { readonly writable: boolean; readonly size: number }>();
  #initAnswered = false;
  #session!: Session;
  #unique = 2;

  constructor(disk: PagedDisk, options: SimulatedKernelOptions = {}) {
    this.disk = disk;
    this.profile = options.profile ?? PROFILE_A;
    this.#options = options;
  }

  /** INIT, and CONFIG if the server takes the offer. */
  connect(filesystem: MountedFilesystem): void {
    filesystem.activate?.();
    this.#session = new Session({ filesystem, maximumPages: 64, counters: this.counters, failed: (_, __, error) => void this.failures.push(error) });
    const { offered = [...offeredByLinux, 'IOMAP'], minor = 99 } = this.#options;
    const { error, body } = this.ask('INIT', 0, initBody(offered, 7, minor));
    if (error !== 0) throw new Error(`INIT was answered ${error}`);
    const takesExtended = (body.getUint32(12, true) & (1 << InitFlag.INIT_EXT)) !== 0;
    const takesIomap = takesExtended && (body.getUint32(32, true) & (1 << (InitFlag.IOMAP - 32))) !== 0;
    this.#initAnswered = true;
    this.isIomap = takesIomap && body.getUint32(4, true) >= 99;
    if (this.isIomap) this.#configure();
  }

  #configure(): void {
    const { error, body } = this.ask('IOMAP_CONFIG', 0, pack([8, CONFIG_OFFER], [8, 2 ** 53], [4, 262144], [4, 0]), new Uint8Array(40));
    if (error === -ENOSYS) {
      this.isIomap = false;
      return;
    }
    this.configError = error;
    if (error !== 0) return;
    if (body.byteLength > IOMAP_CONFIG_OUT_SIZE) throw new Error(`CONFIG has ${body.byteLength} bytes`);
    const config = readIomapConfig(body, 0);
    const { granularity } = config.time;
    if ((config.flags & ~CONFIG_OFFER) !== 0 || config.uuidLength > 16) this.configError = -EINVAL;
    if ((config.flags & 0x10) !== 0 && (granularity < 1 || granularity > 1e9)) this.configError = -EINVAL;
    if (config.blockSize < 512 || (config.blockSize & (config.blockSize - 1)) !== 0) this.configError = -EINVAL;
    this.config = config;
    this.blockSize = config.blockSize;
  }

  // What the server calls.

  writesUntorn(descriptor: number, length: number): boolean {
    return descriptor === DISK_DESCRIPTOR && length === this.#options.untornUnit;
  }

  openBacking(descriptor: number): number {
    if (!this.#initAnswered || !this.isIomap) return -EPERM;
    if (descriptor !== DISK_DESCRIPTOR) return -ENODEV;
    const id = this.#devices.size + 1;
    this.#devices.set(id, { writable: this.#options.deviceWritable ?? true, size: this.disk.size });
    return id;
  }

  setBlockSize(device: number, blockSize: number): number {
    if (!this.#devices.has(device)) return -constants.errno.ENOENT;
    this.disk.blockSize = blockSize;
    return 0;
  }

  avoidRecursion(): void {}

  notify(message: Uint8Array, length: number): number {
    const view = new DataView(message.buffer, message.byteOffset, length);
    if (view.getUint32(0, true) !== length || view.getUint32(8, true) !== 0 || view.getUint32(12, true) !== 0) throw new Error('no notification');
    try {
      const errno = this.#notified(view.getInt32(4, true), new DataView(message.buffer, message.byteOffset + 16, length - 16));
      return errno === 0 ? length : -errno;
    } catch (error) {
      if (!(error instanceof RuleViolation)) throw error;
      this.violations.push(error);
      return -error.errno;
    }
  }

  #notified(code: number, body: DataView): number {
    if (!this.isIomap) return EINVAL;
    switch (code) {
      case IomapNotification.BACKING_INVAL:
        return this.#invalidateBacking(body);
      case IomapNotification.UPSERT_MAPPINGS: {
        const node = this.#node(body);
        return typeof node === 'number' ? node : this.#upsert(node, body);
      }
      case IomapNotification.INVAL_MAPPINGS: {
        const node = this.#node(body);
        return typeof node === 'number' ? node : this.#forget(node, body);
      }
      default:
        return EINVAL;
    }
  }

  #invalidateBacking(body: DataView): number {
    const [device, offset, length] = [body.getUint32(0, true), readU64(body, 8), readU64(body, 16)];
    if (body.getUint32(4, true) !== 0 || device === 0) return EINVAL;
    if (!this.#devices.has(device)) return ENODEV;
    if (offset >= this.disk.size) return EINVAL;
    this.disk.invalidate(offset, Math.min(length, this.disk.size - offset));
    return 0;
  }

  /** @returns an errno for one that it cannot be */
  #node(body: DataView): KnownNode | number {
    const node = this.nodes.get(readU64(body, 0));
    if (node === undefined) return ESTALE;
    return node.inode !== readU64(body, 8) || !node.usesIomap ? EINVAL : node;
  }

  #upsert(node: KnownNode, body: DataView): number {
    const context = this.context(node);
    const read = readMapping(body, 16, new Mapping());
    const write = readMapping(body, 48, new Mapping());
    checkMapping(read, 'read', context);
    checkMapping(write, 'write', context);
    if (read.type === this.profile.retryCache || write.type === this.profile.retryCache) throw new RuleViolation('upsert', EUCLEAN, 'RETRY_CACHE');
    checkUse(read, write, 0, context);
    if (read.address >= 0 && read.address + read.length > this.disk.size) throw new RuleViolation('upsert', EUCLEAN, 'past the end of the device');
    node.cache ??= new MappingCache(this.blockSize);
    if (read.type !== this.profile.noCache) node.cache.insert(read);
    return 0;
  }

  #forget(node: KnownNode, body: DataView): number {
    const [offset, length] = [readU64(body, 16), readI64(body, 24)];
    const isWhole = length === -1;
    if (offset % this.blockSize !== 0 || (!isWhole && length % this.blockSize !== 0)) throw new RuleViolation('inval', EUCLEAN, `${offset}+${length}`);
    if (length !== 0) node.cache?.forget(offset, isWhole ? LARGEST_OFFSET : offset + length);
    return 0;
  }

  get maxBytes(): number {
    const { config } = this;
    return config !== undefined && (config.flags & ConfigFlag.MAXBYTES) !== 0 ? config.maxBytes : LARGEST_OFFSET;
  }

  context(node: KnownNode): RuleContext {
    return { profile: this.profile, blockSize: this.blockSize, maxBytes: this.maxBytes, hasCache: node.cache !== undefined, devices: this.#devices };
  }

  // What the kernel asks.

  /** One request to its end, deferred or not. */
  ask(opcode: OpcodeName, nodeid: number, ...parts: readonly Uint8Array[]): Answer {
    const { request: buffer, reply } = this.#session;
    const bytes = request(Opcode[opcode], nodeid, new Uint8Array(Buffer.concat(parts)), [this.#unique, 0]);
    // Everything here is root's.
    bytes.fill(0, 24, 32);
    this.#unique += 2;
    this.requests++;
    buffer.bytes.set(bytes, buffer.start);
    let sent: Uint8Array | undefined;
    const take = (length: number): void => void (sent = reply.bytes.slice(reply.start, reply.start + length));
    const length = this.#session.handle(bytes.length);
    if (length > 0) take(length);
    else this.#session.finishDeferred(take);
    this.#session.notify(() => undefined);
    this.#session.tend(new Float64Array(32));
    if (sent === undefined) return { error: 0, body: new DataView(new ArrayBuffer(0)), bytes: new Uint8Array(0), uniqueLow: 0, uniqueHigh: 0 };
    const header = new DataView(sent.buffer);
    return { error: header.getInt32(4, true), body: new DataView(sent.buffer, 16), bytes: sent.subarray(16), uniqueLow: header.getUint32(8, true), uniqueHigh: 0 };
  }

  /** @throws RequestError */
  call(opcode: OpcodeName, nodeid: number, ...parts: readonly Uint8Array[]): DataView {
    const { error, body } = this.ask(opcode, nodeid, ...parts);
    if (error !== 0) throw new RequestError(`${opcode} of node ${nodeid}`, -error);
    return body;
  }

  /**
   * A mapping for an operation: from the cache, or asked for.
   * @throws RequestError, RuleViolation
   */
  begin(node: KnownNode, operation: number, position: number, count: number): Mapped {
    for (let attempt = 0; attempt < 4; attempt++) {
      const cached = this.#lookUp(node, operation, position);
      if (cached !== undefined) return { mapping: cached, fromCache: true };
      const body = this.#askBegin(node, operation, position, count);
      const read = readMapping(body, 0, new Mapping());
      const write = readMapping(body, 32, new Mapping());
      try {
        checkBegin(read, write, operation, position, this.context(node));
      } catch (error) {
        if (error instanceof RuleViolation) this.violations.push(error);
        throw error;
      }
      if (read.type !== this.profile.retryCache && write.type !== this.profile.retryCache) {
        return { mapping: write.type === this.profile.pureOverwrite ? read : write, fromCache: false };
      }
    }
    throw this.violation('B7', EIO, `the cache never has what operation ${operation.toString(16)} at ${position} needs`);
  }

  #askBegin(node: KnownNode, operation: number, position: number, count: number): DataView {
    const begin = new Uint8Array(IOMAP_BEGIN_SIZE);
    writeIomapBegin(new DataView(begin.buffer), 0, { operation, inode: node.inode, position, count });
    const body = this.call('IOMAP_BEGIN', node.nodeid, begin);
    if (body.byteLength !== IOMAP_BEGIN_OUT_SIZE) throw this.violation('size', EIO, `BEGIN's reply has ${body.byteLength} bytes`);
    return body;
  }

  #lookUp(node: KnownNode, operation: number, position: number): Mapping | undefined {
    if (bypassesCache(this.profile, operation)) return undefined;
    const found = node.cache?.find(position);
    if (found === undefined || !isWriteOperation(this.profile, operation)) return found;
    if (found.type === MappingType.HOLE && (operation & IomapOperation.ZERO) === 0) return undefined;
    checkUse(found, new Mapping().set(0, 1, this.profile.pureOverwrite), operation, this.context(node));
    return found;
  }

  /** @returns the size that the server has recorded; undefined where the server takes no notice */
  complete(node: KnownNode, completion: Omit<IomapCompletion, 'inode'>): number {
    const body = new Uint8Array(IOMAP_IOEND_SIZE);
    writeIomapCompletion(new DataView(body.buffer), 0, { ...completion, inode: node.inode });
    const answer = this.call('IOMAP_IOEND', node.nodeid, body);
    if (answer.byteLength !== IOMAP_IOEND_OUT_SIZE) throw this.violation('size', EIO, `IOEND's reply has ${answer.byteLength} bytes`);
    return readU64(answer, 0);
  }

  violation(rule: string, errno: number, detail: string): RuleViolation {
    const violation = new RuleViolation(rule, errno, detail);
    this.violations.push(violation);
    return violation;
  }

  forget(nodeid: number, lookups: number): void {
    this.nodes.delete(nodeid);
    this.ask('FORGET', nodeid, pack([8, lookups]));
  }

  unlink(parent: number, name: string): void {
    this.call('UNLINK', parent, cString(name));
  }

  disconnect(): void {
    this.call('DESTROY', 0);
  }
}
