import { OptionError } from '../filesystem.js';

/** What libfuse's mount helper was called with, sorted by who acts on it. */
export interface CommandLine {
  readonly source: string;
  readonly target: string;
  /** MS_* of mount(2). */
  readonly flags: number;
  /** "key" or "key=value" each, for the kernel's fuse. */
  readonly kernel: readonly string[];
  /** For the mount table alone. */
  readonly table: readonly string[];
  /** For the filesystem. */
  readonly filesystem: readonly string[];
  readonly offset: number;
  /** 0: up to the end of the source. */
  readonly sizeLimit: number;
  /** What the mount table shows instead of an image file. */
  readonly name: string | undefined;
  readonly journal: string | undefined;
}

export const MS_RDONLY = 0x1;
const MS_NOSUID = 0x2;
const MS_NODEV = 0x4;
const MS_NOEXEC = 0x8;
const MS_SYNCHRONOUS = 0x10;
const MS_DIRSYNC = 0x80;
const MS_NOSYMFOLLOW = 0x100;
const MS_NOATIME = 0x400;
const MS_NODIRATIME = 0x800;
const MS_STRICTATIME = 0x1000000;
const MS_LAZYTIME = 0x2000000;
const ACCESS_TIMES = MS_NOATIME | MS_STRICTATIME;

/** The bits that a word takes away, and those that it then sets. */
const FLAGS: Readonly<Record<string, readonly [clears: number, sets: number]>> = {
  defaults: [0, 0],
  ro: [0, MS_RDONLY],
  rw: [MS_RDONLY, 0],
  nosuid: [0, MS_NOSUID],
  suid: [MS_NOSUID, 0],
  nodev: [0, MS_NODEV],
  dev: [MS_NODEV, 0],
  noexec: [0, MS_NOEXEC],
  exec: [MS_NOEXEC, 0],
  sync: [0, MS_SYNCHRONOUS],
  async: [MS_SYNCHRONOUS, 0],
  dirsync: [0, MS_DIRSYNC],
  nosymfollow: [0, MS_NOSYMFOLLOW],
  symfollow: [MS_NOSYMFOLLOW, 0],
  noatime: [ACCESS_TIMES, MS_NOATIME],
  atime: [MS_NOATIME, 0],
  relatime: [ACCESS_TIMES, 0],
  norelatime: [ACCESS_TIMES, MS_STRICTATIME],
  strictatime: [ACCESS_TIMES, MS_STRICTATIME],
  nostrictatime: [MS_STRICTATIME, 0],
  nodiratime: [0, MS_NODIRATIME],
  diratime: [MS_NODIRATIME, 0],
  lazytime: [0, MS_LAZYTIME],
  nolazytime: [MS_LAZYTIME, 0],
};

/** libfuse's own default; mount(8) says dev and suid where root mounts. */
const DEFAULT_FLAGS = MS_NOSUID | MS_NODEV;

const FOR_KERNEL: ReadonlySet<string> = new Set(['allow_other', 'context', 'fscontext', 'defcontext', 'rootcontext']);
/** Of fstab, or said by libfuse's own programs; nothing is left to do. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set([
  'auto', 'noauto', 'users', 'nouser', 'owner', 'group', 'nofail', '_netdev', 'silent', 'loud', 'comment', 'subtype', 'nonempty', 'blkdev', 'default_permissions',
]);

/** Letters that take no value, and what they stand for in a list of options. */
const LETTERS: Readonly<Record<string, string>> = { r: 'ro', w: 'rw', n: '-n', v: '', s: '', f: '', d: 'debug' };

/**
 * @param words the name of the filesystem, and then SOURCE TARGET [-o LIST] in any order
 * @throws OptionError
 */
export function readCommandLine(words: readonly string[]): CommandLine {
  const operands: string[] = [];
  const lists: string[] = [];
  const rest = words.slice(1);
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === '--') operands.push(...rest.splice(0));
    else if (word === '-o') lists.push(rest.shift() ?? missing('-o'));
    else if (word.startsWith('-o')) lists.push(word.slice(2));
    else if (/^-[a-z]$/u.test(word)) lists.push(LETTERS[word.slice(1)] ?? unknown(word));
    else if (word.startsWith('-') && word !== '-') unknown(word);
    else operands.push(word);
  }
  const [source, target, ...more] = operands;
  if (source === undefined || target === undefined || more.length > 0) {
    throw new OptionError(`SOURCE and TARGET are needed, ${operands.length} words came`);
  }
  return { source, target, ...sortOptions(lists.flatMap(splitWords)) };
}

function sortOptions(words: readonly string[]): Omit<CommandLine, 'source' | 'target'> {
  let flags = DEFAULT_FLAGS;
  const kernel: string[] = [];
  const table: string[] = [];
  const filesystem: string[] = [];
  const own = new Map<string, string>();
  for (const word of words) {
    const equals = word.indexOf('=');
    const [name, value] = equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
    const change = Object.hasOwn(FLAGS, name) && equals < 0 ? FLAGS[name] : undefined;
    if (change !== undefined) flags = (flags & ~change[0]) | change[1];
    else if (name === '-n' || name === 'user' || /^x-/iu.test(name)) table.push(word);
    else if (FOR_KERNEL.has(name)) kernel.push(value.includes(',') ? `${name}="${value}"` : word);
    else if (OWN.includes(name)) own.set(name, value);
    else if (!WITHOUT_MEANING.has(name)) filesystem.push(word);
  }
  return {
    flags,
    kernel,
    table,
    filesystem: [...filesystem, ...accessTimeWords(flags)],
    offset: bytes('offset', own.get('offset')),
    sizeLimit: bytes('sizelimit', own.get('sizelimit')),
    name: own.get('fsname'),
    journal: own.get('journal_path'),
  };
}

const OWN: readonly string[] = ['offset', 'sizelimit', 'fsname', 'journal_path'];

/** The kernel leaves access times to the server of a FUSE mount. */
function accessTimeWords(flags: number): string[] {
  const update = (flags & MS_NOATIME) !== 0 ? ['noatime'] : (flags & MS_STRICTATIME) !== 0 ? ['strictatime'] : [];
  return [...update, ...((flags & MS_NODIRATIME) !== 0 ? ['nodiratime'] : [])];
}

/** At commas outside of double quotes, which are taken away. */
function splitWords(list: string): string[] {
  const words = list.match(/(?:[^,"]|"[^"]*"?)+/gu) ?? [];
  return words.map((word) => word.replaceAll('"', '')).filter((word) => word !== '');
}

const UNITS = ['', 'K', 'M', 'G', 'T'];

/** A number of bytes, also with K, M, G or T for powers of 1024. */
function bytes(name: string, text: string | undefined): number {
  if (text === undefined) return 0;
  const [, digits, unit = ''] = /^(\d{1,15})([KMGT]?)(?:iB)?$/iu.exec(text) ?? [];
  const value = Number(digits) * 1024 ** UNITS.indexOf(unit.toUpperCase());
  if (!Number.isSafeInteger(value)) throw new OptionError(`${name}=${text}: a number of bytes is expected`);
  return value;
}

function unknown(word: string): never {
  throw new OptionError(`unknown argument "${word}"`);
}

function missing(word: string): never {
  throw new OptionError(`a list is missing after ${word}`);
}
