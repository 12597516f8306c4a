/** A file in which an administrator says what the helper may do: JSON, root's alone. What cannot be understood permits nothing. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type * as z from 'zod';
import { MountError } from './mount/errors.js';

/**
 * @param manual the page that explains the file
 * @returns undefined where there is no such file
 */
export function readPolicyFile<Schema extends z.ZodType>(path: string, schema: Schema, manual: string): z.output<Schema> | undefined {
  const invalid = (what: string): MountError => new MountError('SYSTEM', `${path}: ${what}`, `the administrator has to correct it: ${manual}`, 'POLICY_INVALID');
  const text = readTrusted(path, invalid);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`is not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.map(describe).join('; '));
}

function describe(issue: z.core.$ZodIssue): string {
  const place = issue.path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${String(part)}`)).join('');
  if (issue.code === 'unrecognized_keys') return `unknown key ${issue.keys.map((key) => [place, key].filter(Boolean).join('.')).join(', ')}`;
  return `${place || 'the whole'}: ${issue.message}`;
}

/** Who could write the file could mount what they like. */
function readTrusted(path: string, invalid: (what: string) => MountError): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw invalid(`cannot be read: ${(error as Error).message}`);
  }
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw invalid('is not a file');
    if (stats.uid !== 0 || (stats.mode & 0o022) !== 0) throw invalid('can be written by others than root');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}
