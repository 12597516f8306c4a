import type { DataMode } from '../ext4/journalled-data.js';
import type { ErrorPolicy } from '../ext4/layout/superblock.js';
import type { EnforcedQuotas } from '../ext4/quota/quotas.js';
import type { QuotaKind } from '../ext4/quota/quota-tree.js';
import { IOMAP_PROFILES, PROFILE_A, type IomapProfile } from '../../protocol/fuse/iomap.js';
import { OptionError } from '../session/filesystem.js';

/** Which access times are kept up. */
export interface AccessTimeOptions {
  /** relative: those that are not later than the last change, or older than a day. */
  readonly update: 'relative' | 'always' | 'never';
  /** Of directories, too. */
  readonly directories: boolean;
}

/** Mount options that concern the server; the others are accepted for writing and have no meaning before. */
export interface ServerOptions {
  /** Which copy of the superblock, in units of 1 KiB. */
  readonly superblock: number | undefined;
  readonly recoverJournal: boolean;
  /** Bytes of cached metadata. */
  readonly cacheBytes: number | undefined;
  readonly acl: boolean;
  readonly userAttributes: boolean;
  /** statfs counts the filesystem's own structures. */
  readonly minixStatfs: boolean;
  /** New inodes get the group of their directory, as if every directory had its setgid bit. */
  readonly directoryGroup: boolean;
  /** Who may use the reserved blocks beside root; undefined: who the superblock says. */
  readonly reservedUid: number | undefined;
  readonly reservedGid: number | undefined;
  /** What to do when damage is met; undefined: what the superblock says. */
  readonly errors: ErrorPolicy | undefined;
  /** Whether a filesystem that needs more than a replay of its journal is written all the same. */
  readonly damaged: 'ro' | 'rw';
  /** What was changed is on the device after this long at the latest. */
  readonly commitMilliseconds: number;
  /** How file data relates to the journal; undefined: what the superblock says. */
  readonly data: DataMode | undefined;
  /** Flush the device around commits. */
  readonly barriers: boolean;
  /** Tell the device what was freed. */
  readonly discard: boolean;
  readonly accessTimes: AccessTimeOptions;
  /** Whose quota limits are enforced, where the filesystem keeps quotas; usage is accounted in any case. */
  readonly enforcedQuotas: EnforcedQuotas;
  /** Whether file data stays in the kernel: where it can, or else there is no mount, or never. */
  readonly iomap: 'auto' | 'on' | 'off';
  readonly iomapProfile: IomapProfile;
}

type Mutable = { -readonly [Key in keyof ServerOptions]: ServerOptions[Key] };

const DEFAULTS: ServerOptions = {
  superblock: undefined,
  recoverJournal: true,
  cacheBytes: undefined,
  acl: true,
  userAttributes: true,
  minixStatfs: false,
  directoryGroup: false,
  reservedUid: undefined,
  reservedGid: undefined,
  errors: undefined,
  damaged: 'rw',
  commitMilliseconds: 5000,
  data: undefined,
  barriers: true,
  discard: false,
  accessTimes: { update: 'relative', directories: true },
  enforcedQuotas: {},
  iomap: 'auto',
  iomapProfile: PROFILE_A,
};

/** What an option does; it gets the value, empty where there was none. */
const KNOWN: Readonly<Record<string, (options: Mutable, value: string) => void>> = {
  sb: (options, value) => (options.superblock = integer('sb', value)),
  noload: (options) => (options.recoverJournal = false),
  norecovery: (options) => (options.recoverJournal = false),
  cache: (options, value) => (options.cacheBytes = size('cache', value)),
  acl: (options) => (options.acl = true),
  noacl: (options) => (options.acl = false),
  user_xattr: (options) => (options.userAttributes = true),
  nouser_xattr: (options) => (options.userAttributes = false),
  bsddf: (options) => (options.minixStatfs = false),
  minixdf: (options) => (options.minixStatfs = true),
  grpid: (options) => (options.directoryGroup = true),
  bsdgroups: (options) => (options.directoryGroup = true),
  nogrpid: (options) => (options.directoryGroup = false),
  sysvgroups: (options) => (options.directoryGroup = false),
  resuid: (options, value) => (options.reservedUid = integer('resuid', value)),
  resgid: (options, value) => (options.reservedGid = integer('resgid', value)),
  data: (options, value) => (options.data = oneOf('data', DATA_MODES, value)),
  errors: (options, value) => (options.errors = oneOf('errors', POLICIES, value)),
  damaged: (options, value) => (options.damaged = oneOf('damaged', DAMAGED, value)),
  // As with ext4, 0 means the default.
  commit: (options, value) => (options.commitMilliseconds = (integer('commit', value) || 5) * 1000),
  barrier: (options, value) => (options.barriers = value !== '0'),
  nobarrier: (options) => (options.barriers = false),
  relatime: (options) => (options.accessTimes = { ...options.accessTimes, update: 'relative' }),
  noatime: (options) => (options.accessTimes = { ...options.accessTimes, update: 'never' }),
  strictatime: (options) => (options.accessTimes = { ...options.accessTimes, update: 'always' }),
  diratime: (options) => (options.accessTimes = { ...options.accessTimes, directories: true }),
  nodiratime: (options) => (options.accessTimes = { ...options.accessTimes, directories: false }),
  discard: (options) => (options.discard = true),
  nodiscard: (options) => (options.discard = false),
  iomap: (options, value) => (options.iomap = oneOf('iomap', IOMAP_WISHES, value)),
  iomap_profile: (options, value) => (options.iomapProfile = IOMAP_PROFILES[oneOf('iomap_profile', IOMAP_PROFILE_NAMES, value)]),
  quota: (options) => enforce(options, 'user'),
  usrquota: (options) => enforce(options, 'user'),
  grpquota: (options) => enforce(options, 'group'),
  prjquota: (options) => enforce(options, 'project'),
  noquota: (options) => (options.enforcedQuotas = {}),
};

/** Taken, and without a meaning here. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set(['debug']);

/**
 * @param words "key" or "key=value" each; a later one overrules an earlier
 * @throws OptionError
 */
export function parseServerOptions(words: readonly string[]): ServerOptions {
  const options: Mutable = { ...DEFAULTS };
  for (const word of words) {
    const [key = '', ...rest] = word.split('=');
    const apply = Object.hasOwn(KNOWN, key) ? KNOWN[key] : undefined;
    if (apply !== undefined) apply(options, rest.join('='));
    else if (!WITHOUT_MEANING.has(key)) throw new OptionError(`unknown option "${key}"`);
  }
  return options;
}

function enforce(options: Mutable, kind: QuotaKind): void {
  options.enforcedQuotas = { ...options.enforcedQuotas, [kind]: true };
}

const DATA_MODES: readonly DataMode[] = ['ordered', 'writeback', 'journal'];
const IOMAP_WISHES: readonly ServerOptions['iomap'][] = ['auto', 'on', 'off'];
const IOMAP_PROFILE_NAMES: readonly IomapProfile['name'][] = ['A', 'B'];
const DAMAGED: readonly ServerOptions['damaged'][] = ['ro', 'rw'];
const POLICIES: readonly ErrorPolicy[] = ['continue', 'remount-ro', 'panic'];

function oneOf<Word extends string>(key: string, words: readonly Word[], value: string): Word {
  const word = words.find((known) => known === value);
  if (word === undefined) throw new OptionError(`option "${key}" is one of ${words.join(', ')}, not "${value}"`);
  return word;
}

function integer(key: string, value: string): number {
  if (!/^\d{1,15}$/u.test(value)) throw new OptionError(`option "${key}" needs a number, not "${value}"`);
  return Number(value);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

function size(key: string, value: string): number {
  const [, digits, unit] = /^(\d{1,12})([kmgt]?)$/iu.exec(value) ?? [];
  const factor = UNITS[unit?.toLowerCase() ?? ''];
  if (digits === undefined || factor === undefined) throw new OptionError(`option "${key}" needs a size such as 64m, not "${value}"`);
  return Number(digits) * factor;
}
