import { exitStatus, MountError } from '../../helper/mount/errors.js';
import { inheritedDescriptor, resolveTag } from '../../helper/mount/source.js';
import { CorruptionError, ImageError, openFilesystem, OperationError, type ImageFilesystem } from '../../library/index.js';
import type { Output } from '../output.js';
import { cat } from './cat.js';
import { extents } from './extents.js';
import type { Look } from './look.js';
import { ls } from './ls.js';
import { openOptions } from './options.js';
import { printable } from './printable.js';
import { stat } from './stat.js';
import { superblock } from './superblock.js';
import { tree } from './tree.js';

export type Subject = 'ls' | 'cat' | 'stat' | 'tree' | 'extents' | 'super';

const looks: Readonly<Record<Subject, Look>> = { ls, cat, stat, tree, extents, super: superblock };

export interface Wish {
  readonly source: string;
  readonly what: Subject;
  readonly path: string;
  readonly options: string | undefined;
}

/** Shows what is asked for; what cannot be shown of it becomes a warning, and the exit status. */
export async function inspect({ source, what, path, options }: Wish, output: Output, json: boolean): Promise<void> {
  await using filesystem = await open(source, options, output);
  const view = looks[what](filesystem, path, (error) => {
    output.warn(sentence(error));
    process.exitCode = exitStatus.failure;
  });
  if (json) return output.result(await view.json());
  // write() hears of a reader that has left; without a listener the process would end here.
  process.stdout.on('error', () => undefined);
  for await (const piece of view.text()) await write(piece);
}

function open(given: string, list: string | undefined, output: Output): Promise<ImageFilesystem> {
  const options = openOptions(list);
  return openFilesystem(inheritedDescriptor(given) ?? resolveTag(given), { ...options, onProblem: ({ message }) => output.warn(printable(message)) });
}

export const asMountError = (error: unknown): unknown =>
  error instanceof ImageError || isSystemError(error) ? new MountError('SOURCE_NOT_USABLE', sentence(error), '', error.code) : error;

const isSystemError = (error: unknown): error is NodeJS.ErrnoException & { code: string } =>
  error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string';

/** What went wrong and where, with the filesystem's own words where it has some. */
function sentence(error: NodeJS.ErrnoException): string {
  const { message, syscall = '', path, cause } = error;
  const where = path === undefined ? '' : `${path}: `;
  const end = message.lastIndexOf(`, ${syscall}`);
  const what = message.slice(message.indexOf(': ') + 2, end < 0 ? undefined : end);
  if (!(cause instanceof Error)) return printable(`${where}${what}`);
  const isPlain = cause instanceof OperationError || cause instanceof CorruptionError;
  return printable(isPlain ? `${where}${what} (${cause.message})` : `${where}${cause.message}`);
}

export const isClosedPipe = (error: unknown): boolean => isSystemError(error) && error.code === 'EPIPE';

const write = (piece: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
