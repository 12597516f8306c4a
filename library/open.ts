import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import * as z from 'zod';
import type { BlockDevice } from '../server/device/block-device.js';
import { DescriptorDevice } from '../server/device/descriptor-device.js';
import { DeviceError, errno, type FilesystemError } from '../server/ext4/errors.js';
import { Filesystem, type OpenOptions } from '../server/ext4/filesystem.js';
import { attempt } from './errors.js';
import { ImageFilesystem } from './filesystem.js';
import { OpenImage } from './open-image.js';

/** A path, an open descriptor, or anything that reads like a block device. What the caller opened stays the caller's to close. */
export type ImageSource = string | number | BlockDevice;

export interface OpenFilesystemOptions {
  /** Where the filesystem begins in the source, in bytes; default 0. */
  readonly offset?: number | undefined;
  /** How many bytes from there on belong to it at most; default all. */
  readonly sizeLimit?: number | undefined;
  /** Which copy of the superblock to use, in units of 1024 bytes as mount's `sb=`; default 1, the primary. */
  readonly superblock?: number | undefined;
  /** Do not recover the journal (in memory: the source is never written), even where the filesystem needs it. */
  readonly noload?: boolean | undefined;
  /** The device of an external journal. */
  readonly journalDevice?: ImageSource | undefined;
  /** Memory for metadata between operations, in bytes; default 32 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Told of damage that was survived, once each. */
  readonly onProblem?: ((problem: FilesystemError) => void) | undefined;
}

const bytes = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const isDevice = (value: unknown): value is BlockDevice =>
  typeof value === 'object' && value !== null && typeof (value as BlockDevice).read === 'function' && typeof (value as BlockDevice).size === 'number';
const sourceSchema = z.union(
  [z.string().min(1), z.number().int().nonnegative(), z.custom<BlockDevice>(isDevice)],
  'must be a path, a descriptor or a block device',
);
const optionsSchema = z.strictObject({
  offset: bytes.optional(),
  sizeLimit: bytes.optional(),
  superblock: z.number().int().positive().optional(),
  noload: z.boolean().optional(),
  journalDevice: sourceSchema.optional(),
  cacheBytes: bytes.optional(),
  onProblem: z.custom<(problem: FilesystemError) => void>((value) => typeof value === 'function', 'must be a function').optional(),
});

/**
 * Opens the filesystem in an image file or on a block device for reading. Nothing is written to it;
 * a journal that needs recovery is recovered in memory.
 *
 * @throws ImageError where it cannot be opened or is not a filesystem that can be read; its `cause` says why
 * @throws TypeError for options that do not exist or do not fit
 */
export async function openFilesystem(source: ImageSource, options: OpenFilesystemOptions = {}): Promise<ImageFilesystem> {
  validate(sourceSchema, source, 'source');
  validate(optionsSchema, options, 'options');
  const opened: BlockDevice[] = [];
  const close = (): void => opened.forEach((device) => device.close());
  const name = sourceName(source);
  try {
    const device = openSource(source, opened, options);
    const journalDevice = options.journalDevice === undefined ? undefined : openSource(options.journalDevice, opened, {});
    const filesystem = attempt('open', name, () => Filesystem.open(device, coreOptions(options, journalDevice)));
    return new ImageFilesystem(new OpenImage(filesystem, close));
  } catch (error) {
    close();
    throw error;
  }
}

const coreOptions = ({ superblock, noload, cacheBytes, onProblem }: OpenFilesystemOptions, journalDevice: BlockDevice | undefined): OpenOptions => ({
  ...(superblock !== undefined && { superblockLocation: superblock }),
  ...(noload !== undefined && { noJournalRecovery: noload }),
  ...(cacheBytes !== undefined && { cacheBytes }),
  ...(onProblem !== undefined && { report: onProblem }),
  ...(journalDevice !== undefined && { journalDevice }),
});

function validate(schema: z.ZodType, value: unknown, what: string): void {
  const result = schema.safeParse(value);
  if (result.success) return;
  const [issue] = result.error.issues;
  const where = [what, ...(issue?.path ?? [])].join('.');
  throw Object.assign(new TypeError(`${where}: ${issue?.message ?? 'invalid'}`), { code: 'ERR_INVALID_ARG_VALUE' });
}

const sourceName = (source: ImageSource): string | undefined =>
  typeof source === 'string' ? source : typeof source === 'number' ? `fd:${source}` : undefined;

/** @param opened receives what has to be closed again */
function openSource(source: ImageSource, opened: BlockDevice[], { offset = 0, sizeLimit = 0 }: OpenFilesystemOptions): BlockDevice {
  if (typeof source === 'object') return source;
  const name = sourceName(source) as string;
  if (typeof source === 'number') return describeDescriptor(source, name, offset, sizeLimit);
  const fd = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const device = describeDescriptor(fd, name, offset, sizeLimit);
    opened.push(device);
    return device;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const describeDescriptor = (fd: number, name: string, offset: number, sizeLimit: number): DescriptorDevice =>
  attempt('open', name, () => new DescriptorDevice({ fd, name, offset, sizeLimit, size: sizeOf(fd, name), readOnly: true }));

/** Block devices say 0 to fstat(2); sysfs knows how many sectors they have. */
function sizeOf(fd: number, name: string): number {
  const stats = fstatSync(fd);
  if (stats.isFile()) return stats.size;
  if (!stats.isBlockDevice()) throw new DeviceError(`${name} is neither a file nor a block device`, stats.isDirectory() ? errno.EISDIR : errno.EINVAL);
  const major = (stats.rdev >>> 8) & 0xfff;
  const minor = (stats.rdev & 0xff) | ((stats.rdev >>> 12) & 0xfff00);
  return Number(readFileSync(`/sys/dev/block/${major}:${minor}/size`, 'utf8')) * 512;
}
