import { InitFlag, toNames, toWords, type InitFlagName } from '../../protocol/fuse/init-flags.js';
import { PROTOCOL_MAJOR, PROTOCOL_MINOR, type InitReply, type InitRequest } from '../../protocol/fuse/init.js';

const PAGE = 4096;

/** Linux 5.4. Older kernels lack too much of what this server stands on, and nobody runs them any more. */
const LOWEST_MINOR = 31;

/** With fewer the readahead of two parallel readers already waits; the kernel's own default is 12. */
const MAXIMUM_BACKGROUND = 256;
const CONGESTION_THRESHOLD = 192;

/** What kernels before fs.fuse.max_pages_limit (6.13) allow at most, and newer ones by default. */
export const DEFAULT_MAXIMUM_PAGES = 256;

/**
 * The server stands on these: it keeps no open files, and leaves all permission checks, ACLs
 * included, to the kernel. A kernel without one of them would run half the contract.
 */
const REQUIRED: readonly InitFlagName[] = ['NO_OPEN_SUPPORT', 'NO_OPENDIR_SUPPORT', 'POSIX_ACL', 'MAX_PAGES'];

/** Taken where offered. Each is right because this server is the only one that changes the filesystem. */
const WANTED: readonly InitFlagName[] = [
  'ASYNC_READ',
  'EXPORT_SUPPORT',
  'BIG_WRITES',
  'HAS_IOCTL_DIR',
  'DO_READDIRPLUS',
  'READDIRPLUS_AUTO',
  'ASYNC_DIO',
  'PARALLEL_DIROPS',
  'ABORT_ERROR',
  'CACHE_SYMLINKS',
  'EXPLICIT_INVAL_DATA',
  'INIT_EXT',
  'HAS_EXPIRE_ONLY',
  'HAS_RESEND',
];

/** What kernels with the iomap extension call their version; its bit means something else in others. */
const IOMAP_MINOR = 99;

/** Idmapped requests do not say who asks; a server that changes things has to know (docs/decisions.md). */
const WANTED_FOR_READING: readonly InitFlagName[] = ['ALLOW_IDMAP'];

/** Only where the server accepts changes. */
const REQUIRED_FOR_WRITING: readonly InitFlagName[] = ['BIG_WRITES', 'DONT_MASK', 'HANDLE_KILLPRIV_V2', 'SETXATTR_EXT'];
const WANTED_FOR_WRITING: readonly InitFlagName[] = ['WRITEBACK_CACHE', 'CREATE_SUPP_GROUP'];

/** What a filesystem that is not the only one to change its files asks of the kernel, in place of what the session asks for otherwise. */
export interface KernelWishes {
  /** Without these there is no mount. */
  readonly required: readonly InitFlagName[];
  readonly wanted: readonly InitFlagName[];
  /** How many filesystems the kernel may pass through before it comes to the data, 0 where it is not to. */
  readonly stackDepth: number;
}

export interface SessionLimits {
  readonly readOnly: boolean;
  /** The largest READ and WRITE that the buffers have room for, in pages. */
  readonly maximumPages: number;
  /** The kernel keeps times of its own while it caches writes: in this granularity, in nanoseconds. */
  readonly timeGranularity: number;
  /** File data is left to the kernel where it offers that. */
  readonly iomap?: boolean;
  /** In place of what is asked for otherwise. */
  readonly wishes?: KernelWishes | undefined;
}

/** What was agreed on, once the kernel has the reply. */
export interface Connection {
  readonly minor: number;
  readonly features: ReadonlySet<InitFlagName>;
  readonly maximumPages: number;
}

export type Negotiation =
  | { readonly outcome: 'agreed'; readonly connection: Connection; readonly reply: InitReply }
  /** The kernel speaks a later major version: it is told ours, and sends another INIT. */
  | { readonly outcome: 'again'; readonly reply: InitReply }
  | { readonly outcome: 'refused'; readonly reason: string };

/** Answers FUSE_INIT; `again`: the kernel's major version is newer, and it asks anew in ours. */
export function negotiate(request: InitRequest, limits: SessionLimits): Negotiation {
  if (request.major > PROTOCOL_MAJOR) return { outcome: 'again', reply: reply(request, limits, new Set()) };
  if (request.major < PROTOCOL_MAJOR || request.minor < LOWEST_MINOR) {
    const spoken = `${request.major}.${request.minor}`;
    return { outcome: 'refused', reason: `the kernel speaks FUSE ${spoken}, and ${PROTOCOL_MAJOR}.${LOWEST_MINOR} is needed` };
  }
  const offered = toNames(request);
  const required = limits.wishes?.required ?? (limits.readOnly ? REQUIRED : [...REQUIRED, ...REQUIRED_FOR_WRITING]);
  const missing = required.filter((name) => !offered.has(name));
  if (missing.length > 0) {
    return { outcome: 'refused', reason: `the kernel's FUSE does not have ${missing.join(', ')}` };
  }
  const wanted = limits.wishes?.wanted ?? (limits.readOnly ? [...WANTED, ...WANTED_FOR_READING] : [...WANTED, ...WANTED_FOR_WRITING]);
  const features = new Set([...required, ...wanted.filter((name) => offered.has(name))]);
  if (limits.iomap === true && request.minor >= IOMAP_MINOR && offered.has('IOMAP')) features.add('IOMAP');
  const agreed = reply(request, limits, features);
  return {
    outcome: 'agreed',
    connection: { minor: Math.min(request.minor, agreed.minor), features, maximumPages: agreed.maxPages },
    reply: agreed,
  };
}

function reply(request: InitRequest, limits: SessionLimits, features: ReadonlySet<InitFlagName>): InitReply {
  const maximumBytes = limits.maximumPages * PAGE;
  return {
    ...toWords(features),
    // With a lower one the kernel keeps no attributes for itself, and no data either.
    minor: features.has('IOMAP') ? IOMAP_MINOR : PROTOCOL_MINOR,
    // The kernel takes the smaller of its own readahead, which the helper can raise, and this.
    maxReadahead: Math.max(request.maxReadahead, maximumBytes),
    maxBackground: MAXIMUM_BACKGROUND,
    congestionThreshold: CONGESTION_THRESHOLD,
    maxWrite: maximumBytes,
    timeGranularity: limits.timeGranularity,
    maxPages: limits.maximumPages,
    maxStackDepth: features.has('PASSTHROUGH') ? (limits.wishes?.stackDepth ?? 0) : 0,
  };
}

/** In the order of the wire, for messages. */
export function featureNames({ features }: Connection): InitFlagName[] {
  return [...features].sort((one, other) => InitFlag[one] - InitFlag[other]);
}
