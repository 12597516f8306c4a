/**
 * The messages of service.proto as the program sees them: parsed, with descriptors in named places.
 * Both ends parse what they receive and what they are about to send, so that a mistake shows where it is
 * made. Nothing here is trusted: lengths, counts and ranges are bounded, and texts that reach a terminal
 * or a log lose their control characters.
 */
import * as z from 'zod';
import { code, descriptor, deviceNumber, textOfAtMost } from '../packets/fields.js';

export const MAX_CLONES = 64;

const LIMITS = { name: 4096, text: 2048, options: 256, warnings: 16, features: 64 } as const;

const text = textOfAtMost(LIMITS.text);
const texts = z.array(text).transform((all) => all.slice(0, LIMITS.warnings)).readonly();
const featureTexts = z.array(text).transform((all) => all.slice(0, LIMITS.features)).readonly();
/** A path or a name that the user gave: passed on unchanged, so it must survive C and the wire. */
const name = z.string().min(1).max(LIMITS.name).regex(/^[^\0\p{Surrogate}]*$/u, 'contains a NUL, or is not Unicode');
const option = name;
/** Commas would become further options where the kernel takes all of them in one string. */
const kernelOption = z.string().max(256).regex(/^[a-z0-9_]+(=[^,\u0000-\u001f\u007f\p{Surrogate}]*)?$/u, 'is not a mount option');
const feature = z.string().max(64).regex(/^[a-z0-9][a-z0-9_.-]*$/u, 'is not a feature name');
const features = z.array(feature).max(LIMITS.features).readonly();
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u, 'is not a UUID');
const version = z.int().min(1).max(65535);
const uint32 = z.int().min(0).max(2 ** 32 - 1);
/** uint64 on the wire; z.int() refuses what a number cannot hold exactly. */
const bytes = z.int().min(0);
const powerOfTwo = (low: number, high: number) =>
  z.int().min(low).max(high).refine((value) => (value & (value - 1)) === 0, 'is not a power of two');

const isDirectory = (mode: number) => (mode & 0o170000) === 0o040000 && mode <= 0o177777;

const hello = z.object({
  type: z.literal('hello'),
  versionMin: version,
  versionMax: version,
  requiredFeatures: features,
  optionalFeatures: features,
  software: text,
}).refine(({ versionMin, versionMax }) => versionMin <= versionMax, 'the version range is empty').readonly();

const welcome = z.object({
  type: z.literal('welcome'),
  version,
  features,
  software: text,
}).readonly();

const source = z.object({
  type: z.literal('source'),
  descriptors: z.object({ device: descriptor, fuse: descriptor, policy: descriptor.optional(), directDevice: descriptor.optional() }).readonly(),
  name,
  kind: z.enum(['BLOCK_DEVICE', 'IMAGE_FILE', 'DIRECTORY']),
  size: bytes,
  offset: bytes,
  /** 0: up to the end. */
  sizeLimit: bytes,
  writable: z.boolean(),
  options: z.array(option).max(LIMITS.options).readonly(),
  target: name,
  /** 0 where this kernel has no fs.fuse.max_pages_limit. */
  maxPagesLimit: uint32,
  sectorSize: powerOfTwo(512, 65536),
}).refine(({ size, offset, sizeLimit }) => offset + sizeLimit <= size, 'offset and size limit lie beyond the end').readonly();

const needJournal = z.object({
  type: z.literal('needJournal'),
  uuid,
  deviceNumber: uint32,
}).readonly();

const journal = z.object({
  type: z.literal('journal'),
  descriptors: z.object({ device: descriptor }).readonly(),
  size: bytes,
  name,
}).readonly();

const mountPlan = z.object({
  type: z.literal('mountPlan'),
  blockSize: powerOfTwo(1024, 65536),
  rootMode: z.int().refine(isDirectory, 'is not the mode of a directory'),
  readOnly: z.boolean(),
  kernelOptions: z.array(kernelOption).max(64).readonly(),
  fuseClones: z.int().min(0).max(MAX_CLONES),
  label: text,
  uuid: z.union([uuid, z.literal('')]),
  warnings: texts,
}).readonly();

const mounted = z.object({
  type: z.literal('mounted'),
  descriptors: z.object({
    fuseClones: z.array(descriptor).max(MAX_CLONES).readonly(),
    statusListener: descriptor.optional(),
    registrar: descriptor.optional(),
    watcher: descriptor.optional(),
  }).readonly(),
  deviceNumber,
}).readonly();

const ready = z.object({
  type: z.literal('ready'),
  kernelFeatures: featureTexts,
  warnings: texts,
}).readonly();

const refusal = z.object({
  type: z.literal('refusal'),
  code,
  message: text,
  hint: text,
}).readonly();

export const schemas = { hello, welcome, source, needJournal, journal, mountPlan, mounted, ready, refusal } as const;

export type Hello = z.infer<typeof hello>;
export type Welcome = z.infer<typeof welcome>;
export type Source = z.infer<typeof source>;
export type NeedJournal = z.infer<typeof needJournal>;
export type Journal = z.infer<typeof journal>;
export type MountPlan = z.infer<typeof mountPlan>;
export type Mounted = z.infer<typeof mounted>;
export type Ready = z.infer<typeof ready>;
export type Refusal = z.infer<typeof refusal>;

export type MessageType = keyof typeof schemas;
export type Message = Hello | Welcome | Source | NeedJournal | Journal | MountPlan | Mounted | Ready | Refusal;
export type MessageOf<Type extends MessageType> = Extract<Message, { type: Type }>;
/** What a sender gives: everything but the type, which the method says. */
export type Fields<Of extends Message> = Omit<Of, 'type'>;

/** What a helper requires of a server that is to serve a directory. */
export const DIRECTORY_TREE = 'directory-tree';
/** A server of directories that takes a watcher has this. */
export const TREE_WATCHER = 'tree-watcher';
/** The source may come twice: with the machine's cache, and without. */
export const DIRECT_DEVICE = 'direct-device';

/** Codes that this program sends. An end may receive others from a newer peer. */
export type RefusalCode =
  | 'NOT_EXT4'
  | 'UNSUPPORTED_FEATURE'
  | 'CORRUPT'
  | 'NEEDS_RECOVERY'
  | 'IN_USE'
  | 'BAD_OPTION'
  | 'IO'
  | 'VERSION'
  | 'FEATURE'
  | 'PROTOCOL'
  | 'TIMEOUT'
  | 'INTERNAL';
