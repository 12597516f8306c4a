import { splitWords } from '../mount/options.js';

/** What a service may tell the kernel about its mount, understood word by word. */
export interface KernelOptions {
  readonly allowOther: boolean;
  readonly defaultPermissions: boolean;
  readonly maxRead: number | undefined;
  readonly blockSize: number | undefined;
  readonly contexts: readonly (readonly [key: string, value: string])[];
  readonly synchronous: boolean;
  readonly dirSync: boolean;
}

export const NO_OPTIONS: KernelOptions = {
  allowOther: false,
  defaultPermissions: false,
  maxRead: undefined,
  blockSize: undefined,
  contexts: [],
  synchronous: false,
  dirSync: false,
};

/** Properties of the mount and not of the filesystem: the flags of the mount request say them. */
const ATTRIBUTES: ReadonlySet<string> = new Set([
  'rw', 'ro', 'suid', 'nosuid', 'dev', 'nodev', 'exec', 'noexec', 'noatime', 'nodiratime', 'nostrictatime', 'symfollow', 'nosymfollow',
]);
const CONTEXTS: ReadonlySet<string> = new Set(['context', 'fscontext', 'defcontext', 'rootcontext']);

/**
 * All of the list, or nothing. fd, rootmode, user_id, group_id and subtype are the helper's to say.
 * @returns undefined for a word that is not a service's to say, or a value that it cannot have
 */
export function readKernelOptions(list: string): KernelOptions | undefined {
  const words = balanced(list);
  if (words === undefined) return undefined;
  let options = NO_OPTIONS;
  for (const word of words) {
    const change = understand(word, options);
    if (change === undefined) return undefined;
    options = { ...options, ...change };
  }
  return options;
}

function understand(word: string, { contexts }: KernelOptions): Partial<KernelOptions> | undefined {
  const equals = word.indexOf('=');
  if (equals < 0) return understandFlag(word);
  const [name, value] = [word.slice(0, equals), word.slice(equals + 1)];
  if (name === 'user') return {};
  if (CONTEXTS.has(name) && value !== '') return { contexts: [...contexts, [name, value]] };
  if (!/^\d{1,9}$/u.test(value)) return undefined;
  if (name === 'max_read') return { maxRead: Number(value) };
  if (name === 'blksize') return { blockSize: Number(value) };
  return undefined;
}

function understandFlag(word: string): Partial<KernelOptions> | undefined {
  if (ATTRIBUTES.has(word)) return {};
  switch (word) {
    case 'allow_other':
      return { allowOther: true };
    case 'default_permissions':
      return { defaultPermissions: true };
    case 'sync':
      return { synchronous: true };
    case 'async':
      return { synchronous: false };
    case 'dirsync':
      return { dirSync: true };
    default:
      return undefined;
  }
}

function balanced(list: string): string[] | undefined {
  try {
    return splitWords(list);
  } catch {
    return undefined;
  }
}
