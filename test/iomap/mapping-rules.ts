/** What the kernel checks in every mapping before it uses it, by the names of the specification. */
import { constants } from 'node:os';
import {
  IomapOperation, isWriteOperation, MappingFlag, MappingType, NO_ADDRESS, SERVER_MAPPING_FLAGS, type IomapProfile, type Mapping,
} from '../../protocol/fuse/iomap.js';

const { EIO, EACCES, ENOMEM } = constants.errno;
export const EUCLEAN = 117;

/** A server broke a rule. */
export class RuleViolation extends Error {
  readonly rule: string;
  readonly errno: number;

  constructor(rule: string, errno: number, detail: string) {
    super(`${rule}: ${detail}`);
    this.rule = rule;
    this.errno = errno;
  }
}

export interface RuleContext {
  readonly profile: IomapProfile;
  readonly blockSize: number;
  readonly maxBytes: number;
  /** The inode has a cache of mappings. */
  readonly hasCache: boolean;
  readonly devices: ReadonlyMap<number, { readonly writable: boolean; readonly size: number }>;
}

type Slot = 'read' | 'write';

const describe = ({ offset, length, type, flags, address, device }: Mapping): string =>
  `type ${type} at ${offset}+${length}, flags ${flags.toString(16)}, address ${address}, device ${device}`;

/** M1 to M13. */
export function checkMapping(mapping: Mapping, slot: Slot, context: RuleContext): void {
  const { profile, blockSize, maxBytes, hasCache } = context;
  const { offset, length, type, flags, address, device } = mapping;
  const { MAPPED, UNWRITTEN, HOLE, DELALLOC, INLINE } = MappingType;
  const rule = (name: string, holds: boolean): void => {
    if (!holds) throw new RuleViolation(name, EUCLEAN, `${slot}: ${describe(mapping)}`);
  };
  const isPlaced = type === MAPPED || type === UNWRITTEN || profile.stripes.includes(type);
  const isPlain = flags === 0 && device === 0 && address === NO_ADDRESS;
  const isSpecial = [profile.pureOverwrite, profile.retryCache, profile.noCache].includes(type);
  rule('M1', isPlaced || isSpecial || type === HOLE || type === DELALLOC || type === INLINE);
  rule('M2', (flags & ~SERVER_MAPPING_FLAGS) === 0);
  rule('M3', length !== 0);
  rule('M4', offset % blockSize === 0);
  rule('M5', length % blockSize === 0);
  rule('M6', offset + length <= 2 ** 63);
  rule('M7', offset < maxBytes);
  if (isPlaced) rule('M8', device !== 0 && address !== NO_ADDRESS);
  if (type === HOLE || type === DELALLOC || type === INLINE) rule('M9', device === 0 && address === NO_ADDRESS);
  if (type === profile.pureOverwrite) rule('M10', slot === 'write' && isPlain);
  if (type === profile.retryCache) rule('M11', hasCache);
  if (type === profile.retryCache || type === profile.noCache) rule('M12', isPlain);
  if (address !== NO_ADDRESS) rule('M13', address + length < 2 ** 63);
}

/** What both slots of a reply to BEGIN have to keep. */
export function checkBegin(read: Mapping, write: Mapping, operation: number, position: number, context: RuleContext): void {
  const { profile } = context;
  const fail = (name: string, errno = EUCLEAN): never => {
    throw new RuleViolation(name, errno, `operation ${operation.toString(16)} at ${position}: read ${describe(read)}; write ${describe(write)}`);
  };
  checkMapping(read, 'read', context);
  checkMapping(write, 'write', context);
  if (read.type === profile.noCache || write.type === profile.noCache) fail('B2');
  if (read.offset > position || write.offset > position) fail('B3');
  if (read.offset + read.length <= position || write.offset + write.length <= position) fail('B4');
  const isUncached = (operation & (IomapOperation.REPORT | IomapOperation.ATOMIC | profile.swapFile)) !== 0;
  if (isUncached && (read.type === profile.retryCache || write.type === profile.retryCache)) fail('B5');
  const target = write.type === profile.pureOverwrite ? read : write;
  if ((operation & IomapOperation.ATOMIC) !== 0) {
    const isPlaced = target.type === MappingType.MAPPED || target.type === MappingType.UNWRITTEN;
    if (!isPlaced || (target.flags & MappingFlag.ATOMIC_BIO) === 0) fail('B6', EIO);
  }
  if (read.type === profile.retryCache || write.type === profile.retryCache) return;
  checkUse(read, write, operation, context);
  if (target.type === MappingType.INLINE && (operation & IomapOperation.REPORT) === 0 && target.length > context.blockSize) fail('B12', ENOMEM);
}

/** B8, B9, B11: the devices of what is about to be used, also from the cache. */
export function checkUse(read: Mapping, write: Mapping, operation: number, context: RuleContext): void {
  const isWrite = isWriteOperation(context.profile, operation);
  const isPure = write.type === context.profile.pureOverwrite;
  checkDevice(read, 'B8', isWrite && isPure, context);
  if (isWrite && !isPure) checkDevice(write, 'B9', true, context);
}

function checkDevice(mapping: Mapping, name: string, isWritten: boolean, { devices }: RuleContext): void {
  if (mapping.type !== MappingType.MAPPED && mapping.type !== MappingType.UNWRITTEN) return;
  const device = devices.get(mapping.device);
  if (device === undefined) throw new RuleViolation(name, EUCLEAN, describe(mapping));
  if (isWritten && !device.writable) throw new RuleViolation('B11', EACCES, describe(mapping));
}
