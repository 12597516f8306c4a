import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { MountError } from '../mount/errors.js';
import { splitWords } from '../mount/options.js';

/** Of what -o takes: nothing that names a path or another device, or that gives a file more power than its mode. */
const PERMITTED = new Set([
  'ro', 'rw', 'noatime', 'atime', 'relatime', 'strictatime', 'nodiratime', 'diratime', 'lazytime', 'nolazytime', 'noexec', 'nosymfollow',
  'sync', 'dirsync', 'offset', 'sizelimit', 'sb', 'noload', 'norecovery', 'data', 'commit', 'barrier', 'discard', 'nodiscard',
  'acl', 'noacl', 'user_xattr', 'nouser_xattr', 'usrquota', 'grpquota', 'prjquota', 'noquota',
]);

const name = z.string().regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/u, 'must be a name as Kubernetes has them');

const schema = z.strictObject({
  /** A file in one of the pod's own volumes. */
  image: z.string().regex(/^[^/\0]{1,255}$/u, 'must be the name of a file, without a directory'),
  /** The emptyDir in which the filesystem appears. */
  volume: name,
  options: z.string().max(4096).default(''),
});

/** What a pod asks its node for. It is nobody's word: only the pod's own things can be had by it. */
export interface PodRequest {
  readonly image: string;
  readonly volume: string;
  readonly options: readonly string[];
}

export function readRequest(file: string): PodRequest {
  const parsed = schema.safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new MountError('USAGE', `bad request: ${z.prettifyError(parsed.error).replace(/\s+/gu, ' ')}`);
  const { image, volume, options } = parsed.data;
  const words = splitWords(options);
  const refused = words.filter((word) => !PERMITTED.has(word.split('=', 1)[0] ?? ''));
  if (refused.length > 0) throw new MountError('BAD_OPTION', `a pod may not ask for '${refused.join(',')}'`);
  return { image, volume, options: words };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
