/** Servers that break a rule: each gets the error of the specification, and the mount goes on. */
import { constants } from 'node:os';
import t from 'tap';
import { writeEntryOut } from '../../protocol/fuse/attributes.js';
import { AttributeFlag, IomapOperation, Mapping, MappingFlag, MappingType, PROFILE_A, writeIomapBeginOut } from '../../protocol/fuse/iomap.js';
import { writeIomapConfig, type IomapConfig } from '../../protocol/fuse/iomap-config.js';
import { writeBackingInval, writeInvalMappings, writeUpsertMappings } from '../../protocol/fuse/iomap-notifications.js';
import type { MountedFilesystem } from '../../server/session/filesystem.js';
import type { Handler, OperationTable } from '../../server/session/handler.js';
import { filesystemOf } from '../support/fuse-caller.js';
import { EUCLEAN, RuleViolation } from './mapping-rules.js';
import { PagedDisk } from './paged-disk.js';
import { SimulatedFile } from './simulated-file.js';
import { DISK_DESCRIPTOR, RequestError, SimulatedKernel, type SimulatedKernelOptions } from './simulated-kernel.js';

const { EACCES, EINVAL, EIO, ENODEV, EPERM } = constants.errno;
const ESTALE = 116;
const { pureOverwrite, retryCache, noCache } = PROFILE_A;
const { WRITE, DIRECT, REPORT, ATOMIC } = IomapOperation;
const DISK_SIZE = 1 << 20;

const mapping = (offset: number, length: number, type: number, flags = 0, address = -1, device = 0): Mapping => new Mapping().set(offset, length, type, flags, address, device);
const mapped = (flags = 0, device = 1): Mapping => mapping(0, 8192, MappingType.MAPPED, flags, 65536, device);
const pure = (length = 8192): Mapping => mapping(0, length, pureOverwrite);
const attributes = {
  inode: 12, size: 8192, blocks: 16, atime: 0, mtime: 0, ctime: 0, atimeNanoseconds: 0, mtimeNanoseconds: 0, ctimeNanoseconds: 0,
  mode: 0o100644, links: 1, uid: 0, gid: 0, deviceNumber: 0, blockSize: 4096, flags: AttributeFlag.EXCLUSIVE | AttributeFlag.IOMAP,
};

interface Bench {
  readonly kernel: SimulatedKernel;
  readonly file: SimulatedFile;
  /** What BEGIN is answered from now on. */
  answer(read: Mapping, write: Mapping): void;
}

/** A kernel and a server that answers BEGIN as it is told to. */
function bench(options: SimulatedKernelOptions = {}, more: OperationTable = {}, config: IomapConfig = { blockSize: 4096, maxBytes: 2 ** 44 }): Bench {
  const kernel = new SimulatedKernel(new PagedDisk(new Uint8Array(DISK_SIZE)), options);
  let reply: readonly [Mapping, Mapping] = [mapped(), pure()];
  const configure: Handler = (_, { view, body }) => {
    const id = kernel.openBacking(DISK_DESCRIPTOR);
    return id < 0 ? id : writeIomapConfig(view, body, config, 0x7f);
  };
  const filesystem: MountedFilesystem = {
    ...filesystemOf({
      LOOKUP: (_, { view, body }) => writeEntryOut(view, body, 12, 0, attributes),
      IOMAP_CONFIG: configure,
      IOMAP_BEGIN: (_, { view, body }) => writeIomapBeginOut(view, body, ...reply),
      ...more,
    }),
    iomap: { isConfigured: true },
  };
  kernel.connect(filesystem);
  return { kernel, file: SimulatedFile.lookUp(kernel, 2, 'file'), answer: (read, write) => (reply = [read, write]) };
}

const send = (kernel: SimulatedKernel, write: (view: DataView) => number): number => {
  const message = new Uint8Array(128);
  const length = write(new DataView(message.buffer));
  const result = kernel.notify(message, length);
  return result === length ? 0 : result;
};

const wrong: readonly (readonly [rule: string, errno: number, read: Mapping, write: Mapping, operation?: number])[] = [
  ['M1', EUCLEAN, mapping(0, 4096, 77), pure()],
  ['M2', EUCLEAN, mapped(0x100), pure()],
  ['M3', EUCLEAN, mapping(0, 0, MappingType.HOLE), pure()],
  ['M4', EUCLEAN, mapping(512, 8192, MappingType.HOLE), pure()],
  ['M5', EUCLEAN, mapping(0, 8193, MappingType.HOLE), pure()],
  ['M7', EUCLEAN, mapping(2 ** 44, 4096, MappingType.HOLE), pure()],
  ['M8', EUCLEAN, mapping(0, 8192, MappingType.MAPPED), pure()],
  ['M9', EUCLEAN, mapping(0, 8192, MappingType.HOLE, 0, -1, 1), pure()],
  ['M10', EUCLEAN, mapping(0, 8192, pureOverwrite), pure()],
  ['M11', EUCLEAN, mapping(0, 8192, retryCache), pure()],
  ['M12', EUCLEAN, mapping(0, 8192, noCache, MappingFlag.DIRTY), pure()],
  ['B2', EUCLEAN, mapping(0, 8192, noCache), pure()],
  ['B2', EUCLEAN, mapped(), mapping(0, 8192, noCache)],
  ['B3', EUCLEAN, mapping(8192, 4096, MappingType.HOLE), pure()],
  ['B4', EUCLEAN, mapping(0, 4096, MappingType.HOLE), pure()],
  ['B4', EUCLEAN, mapped(), pure(4096)],
  ['B6', EIO, mapped(), pure(), WRITE | DIRECT | ATOMIC],
  ['B8', EUCLEAN, mapped(0, 9), pure()],
  ['B9', EUCLEAN, mapped(), mapped(0, 9), WRITE],
];

t.test('a deliberately wrong reply to BEGIN', async (t) => {
  const { kernel, file, answer } = bench();
  for (const [rule, errno, read, write, operation = 0] of wrong) {
    answer(read, write);
    const error = thrown(() => kernel.begin(file, operation, 4096, 4096));
    t.match(error, { rule, errno }, rule);
    answer(mapped(), pure());
    t.equal(kernel.begin(file, 0, 4096, 4096).mapping.address, 65536, 'and the mount goes on');
  }
  t.equal(kernel.violations.length, wrong.length);
});

t.test('RETRY_CACHE', async (t) => {
  const { kernel, file, answer } = bench();
  t.equal(send(kernel, (view) => writeUpsertMappings(view, 0, 12, 12, mapped(), mapping(0, 8192, noCache))), 0);
  answer(mapping(0, 8192, retryCache), pure());
  t.match(kernel.begin(file, 0, 4096, 4096), { fromCache: true, mapping: { address: 65536 } });
  t.match(thrown(() => kernel.begin(file, REPORT, 4096, 4096)), { rule: 'B5', errno: EUCLEAN }, 'not for what bypasses the cache');
  t.equal(send(kernel, (view) => writeInvalMappings(view, 0, 12, 12, { offset: 0, length: -1 }, { offset: 0, length: 0 })), 0);
  t.match(thrown(() => kernel.begin(file, 0, 4096, 4096)), { rule: 'B7' }, 'what is not in the cache is asked for again');
});

t.test('a device that may only be read', async (t) => {
  const { kernel, file } = bench({ deviceWritable: false });
  t.equal(kernel.begin(file, 0, 0, 4096).mapping.address, 65536);
  t.match(thrown(() => kernel.begin(file, WRITE, 0, 4096)), { rule: 'B11', errno: EACCES });
});

t.test('a reply of another size', async (t) => {
  const short = bench({}, { IOMAP_BEGIN: () => 63 });
  t.match(thrown(() => short.kernel.begin(short.file, 0, 0, 4096)), { rule: 'size', errno: EIO });
});

t.test('an error is the caller\'s', async (t) => {
  const { kernel, file } = bench({}, { IOMAP_BEGIN: () => -constants.errno.ENOSPC });
  const error = thrown(() => kernel.begin(file, WRITE, 0, 4096));
  t.ok(error instanceof RequestError);
  t.match(error, { errno: constants.errno.ENOSPC });
});

t.test('notifications', async (t) => {
  const { kernel, file } = bench();
  const kept = mapping(0, 8192, noCache);
  const upsert = (nodeid: number, inode: number, read: Mapping): number => send(kernel, (view) => writeUpsertMappings(view, 0, nodeid, inode, read, kept));
  t.equal(upsert(12, 13, mapped()), -EINVAL, 'another inode');
  t.equal(upsert(12, 12, mapping(0, 8192, MappingType.MAPPED, 0, DISK_SIZE - 4096, 1)), -EUCLEAN, 'past the end of the device');
  t.equal(upsert(12, 12, mapped(0, 9)), -EUCLEAN, 'no such device');
  t.equal(send(kernel, (view) => writeInvalMappings(view, 0, 12, 12, { offset: 512, length: 4096 }, { offset: 0, length: 0 })), -EUCLEAN);
  t.equal(send(kernel, (view) => writeBackingInval(view, 0, 0, 0, 4096)), -EINVAL, 'no device');
  t.equal(send(kernel, (view) => writeBackingInval(view, 0, 9, 0, 4096)), -ENODEV);
  t.equal(send(kernel, (view) => writeBackingInval(view, 0, 1, DISK_SIZE, 4096)), -EINVAL);
  t.equal(send(kernel, (view) => writeBackingInval(view, 0, 1, 4096, 0)), 0);
  kernel.forget(file.nodeid, 1);
  t.equal(upsert(12, 12, mapped()), -ESTALE, 'the kernel has forgotten it');
});

t.test('before INIT is answered nothing can be registered', async (t) => {
  const kernel = new SimulatedKernel(new PagedDisk(new Uint8Array(4096)));
  t.equal(kernel.openBacking(DISK_DESCRIPTOR), -EPERM);
  t.equal(bench().kernel.openBacking(3), -ENODEV, 'nor an image file ever');
});

t.test('CONFIG', async (t) => {
  const time = { granularity: 0, earliest: 0, latest: 1 };
  const { kernel } = bench({}, {}, { blockSize: 4096, time, maxBytes: 2 ** 44 });
  t.equal(kernel.configError, -EINVAL, 'a granularity of nothing');
});

t.test('a kernel without the extension, or with another meaning of the bit', async (t) => {
  for (const minor of [45, 46, 47]) t.equal(bench({ minor }).kernel.isIomap, false, `7.${minor}`);
  t.equal(bench({ offered: ['INIT_EXT', 'POSIX_ACL', 'NO_OPEN_SUPPORT', 'NO_OPENDIR_SUPPORT', 'MAX_PAGES'] }).kernel.isIomap, false);
});

function thrown(act: () => unknown): RuleViolation | RequestError {
  try {
    act();
  } catch (error) {
    if (error instanceof RuleViolation || error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
