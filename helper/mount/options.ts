import { MountError } from './errors.js';
import type { JournalWish } from './external-journal.js';
import { defaultFlags, iomapWishes, optionTable, type IomapWish, type MountFlags, type OptionEntry } from './option-table.js';

/** The words of -o, sorted by who acts on them. */
export interface MountOptions {
  readonly flags: MountFlags;
  /** Handed to the kernel as parameters of the filesystem, for example ['context', 'system_u:…']. */
  readonly kernel: readonly (readonly [key: string, value: string])[];
  readonly helper: HelperOptions;
  /** "key" or "key=value" each, for the server. */
  readonly server: readonly string[];
  /** What was given and is known, one "key" or "key=value" each, in this order. */
  readonly words: readonly string[];
  /** Unknown options that were let through because the caller asked for sloppiness. */
  readonly unknown: readonly string[];
}

export interface HelperOptions {
  readonly offset: number;
  /** 0: up to the end of the source. */
  readonly sizeLimit: number;
  readonly allowOther: boolean;
  readonly remount: boolean;
  /** Whose mount it is to be, if not the caller's. */
  readonly userId: number | undefined;
  readonly groupId: number | undefined;
  readonly name: string | undefined;
  readonly maxRead: number | undefined;
  /** The socket of a server that somebody else has started for this mount. */
  readonly server: string | undefined;
  readonly journal: JournalWish;
  /** Of a directory tree. */
  readonly policy: string | undefined;
  /** Whether the kernel may read and write the files of a directory tree itself. */
  readonly passthrough: boolean;
  /** Whether the kernel is told what others change in a directory tree. */
  readonly watch: boolean;
  /** The server acts on it, too. */
  readonly iomap: IomapWish;
}

/** For mount(8) and automounters only, whatever follows. */
const isPrivateToOthers = (name: string): boolean => /^x-/i.test(name);

const known: ReadonlyMap<string, OptionEntry> = new Map(optionTable.map((entry) => [entry.name, entry]));

/**
 * Parses the arguments of every -o together, later words overruling earlier ones. Unknown words are
 * refused by name, unless `sloppy` (mount -s).
 */
export function parseOptions(lists: readonly string[], { sloppy = false }: { sloppy?: boolean } = {}): MountOptions {
  let flags = defaultFlags;
  const kernel = new Map<string, string>();
  const helper = new Map<string, string | number>();
  const server = new Map<string, string>();
  const words: string[] = [];
  const unknown: string[] = [];

  for (const word of lists.flatMap(splitWords)) {
    const { name, value } = splitKey(word);
    if (isPrivateToOthers(name)) continue;
    const entry = known.get(name);
    if (entry === undefined) {
      unknown.push(word);
      continue;
    }
    const checked = checkValue(entry, value);
    words.push(word);
    switch (entry.to) {
      case 'flags':
        flags = { ...flags, ...entry.sets };
        break;
      case 'kernel':
        kernel.set(name, String(checked));
        break;
      case 'helper':
        helper.set(name, checked ?? 1);
        break;
      case 'server':
        server.delete(name);
        server.set(name, value === undefined ? name : `${name}=${value}`);
        break;
      case 'nobody':
        break;
    }
  }
  if (unknown.length > 0 && !sloppy) throw unknownOptions(unknown);
  return { flags, kernel: [...kernel], helper: { ...helperOptions(helper), iomap: iomapWish(server) }, server: [...server.values(), ...accessTimeWords(flags)], words, unknown };
}

/** The kernel leaves access times to the server of a FUSE mount. */
export function accessTimeWords({ accessTime, noDirAtime }: MountFlags): string[] {
  return [...(accessTime === 'relatime' ? [] : [accessTime]), ...(noDirAtime ? ['nodiratime'] : [])];
}

/** Splits at commas outside of double quotes, and takes the quotes away: context="a:b:c0,c1" is one word. */
export function splitWords(list: string): string[] {
  if ((list.match(/"/g)?.length ?? 0) % 2 !== 0) throw new MountError('BAD_OPTION', `unbalanced quote in options '${list}'`);
  if (list.includes('\0')) throw new MountError('BAD_OPTION', 'options contain a NUL byte');
  const words = list.match(/(?:[^,"]|"[^"]*")+/g) ?? [];
  return words.map((word) => word.replaceAll('"', '').trim()).filter((word) => word !== '');
}

function splitKey(word: string): { name: string; value: string | undefined } {
  const equals = word.indexOf('=');
  return equals < 0 ? { name: word, value: undefined } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

function checkValue(entry: OptionEntry, value: string | undefined): string | number | undefined {
  const wanted = 'value' in entry ? entry.value : undefined;
  if (wanted === undefined) {
    // libmount passes the caller on as user=NAME.
    if (value !== undefined && entry.name !== 'user') throw new MountError('BAD_OPTION', `option '${entry.name}' takes no value`);
    return undefined;
  }
  if (value === undefined) {
    if (wanted.optional) return undefined;
    throw new MountError('BAD_OPTION', `option '${entry.name}' needs a value: ${entry.name}=${wanted.metavar}`);
  }
  const parsed = wanted.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues[0]?.message ?? 'not understood';
  throw new MountError('BAD_OPTION', `bad value '${value}' for option '${entry.name}': ${reason}`);
}

function iomapWish(server: ReadonlyMap<string, string>): IomapWish {
  const value = server.get('iomap')?.slice('iomap='.length);
  return iomapWishes.find((wish) => wish === value) ?? 'auto';
}

function helperOptions(given: ReadonlyMap<string, string | number>): Omit<HelperOptions, 'iomap'> {
  const number = (name: string): number | undefined => {
    const value = given.get(name);
    return typeof value === 'number' ? value : undefined;
  };
  const string = (name: string): string | undefined => {
    const value = given.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    offset: number('offset') ?? 0,
    sizeLimit: number('sizelimit') ?? 0,
    allowOther: given.has('allow_other'),
    remount: given.has('remount'),
    userId: number('owner_uid'),
    groupId: number('owner_gid'),
    name: string('fsname'),
    maxRead: number('max_read'),
    server: string('server'),
    journal: { path: string('journal_path'), deviceNumber: number('journal_dev') },
    policy: string('policy'),
    passthrough: string('passthrough') !== 'off',
    watch: string('watch') !== 'off',
  };
}

function unknownOptions(words: readonly string[]): MountError {
  const list = words.map((word) => `'${word}'`).join(', ');
  const hint = words.some((word) => word === 'bind' || word === 'rbind' || word === 'move')
    ? 'bind and move are done by mount(8) itself'
    : 'see fuse4fs mount --help for the list, or ignore unknown options with -s';
  return new MountError('BAD_OPTION', `unknown option${words.length > 1 ? 's' : ''} ${list}`, hint);
}
