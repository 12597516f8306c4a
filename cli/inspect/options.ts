import { MountError } from '../../helper/mount/errors.js';
import { bytes, integer, text, type OptionValue } from '../../helper/mount/option-values.js';
import type { OpenFilesystemOptions } from '../../library/index.js';

/** What can be said as text. */
type TextOptions = Omit<OpenFilesystemOptions, 'onProblem'>;

interface OpenOption {
  readonly key: keyof TextOptions;
  readonly value?: OptionValue;
}

/** Those of mount's options that say where the filesystem is, by the names they have there. */
const known: Readonly<Record<string, OpenOption>> = {
  offset: { key: 'offset', value: bytes },
  sizelimit: { key: 'sizeLimit', value: bytes },
  sb: { key: 'superblock', value: integer('BLOCK') },
  cache: { key: 'cacheBytes', value: bytes },
  noload: { key: 'noload' },
  norecovery: { key: 'noload' },
  journal_path: { key: 'journalDevice', value: text('FILE') },
};

/** @throws MountError for an option that is unknown or whose value does not fit */
export function openOptions(list: string | undefined): TextOptions {
  const options: Partial<Record<keyof TextOptions, string | number | boolean>> = {};
  for (const entry of (list ?? '').split(',')) {
    const [name = '', given] = splitOnce(entry);
    if (name === '' || name === 'ro') continue;
    const option = known[name];
    if (option === undefined) throw new MountError('BAD_OPTION', `option '${name}' is not known here`, `known are ${Object.keys(known).join(', ')}`);
    options[option.key] = option.value === undefined ? noValue(name, given) : valueOf(name, option.value, given);
  }
  return options as TextOptions;
}

const splitOnce = (entry: string): [string, string | undefined] => {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, undefined] : [entry.slice(0, equals), entry.slice(equals + 1)];
};

function noValue(name: string, given: string | undefined): true {
  if (given !== undefined) throw new MountError('BAD_OPTION', `option '${name}' takes no value`);
  return true;
}

function valueOf(name: string, { schema, metavar }: OptionValue, given: string | undefined): string | number {
  const result = schema.safeParse(given ?? '');
  if (!result.success) throw new MountError('BAD_OPTION', `option '${name}=${metavar}': ${result.error.issues[0]?.message ?? 'does not fit'}`);
  return result.data;
}
