import { Argument, Option, type Command } from 'commander';
import { exitStatus, MountError } from '../helper/mount/errors.js';
import { inheritedDescriptor, resolveTag } from '../helper/mount/source.js';
import { CorruptionError, ImageError, openFilesystem, OperationError, type ImageFilesystem } from '../library/index.js';
import { cat } from './inspect/cat.js';
import { extents } from './inspect/extents.js';
import type { Look } from './inspect/look.js';
import { ls } from './inspect/ls.js';
import { openOptions } from './inspect/options.js';
import { printable } from './inspect/printable.js';
import { stat } from './inspect/stat.js';
import { superblock } from './inspect/superblock.js';
import { tree } from './inspect/tree.js';
import { Output } from './output.js';
import { Ended } from './run.js';

const looks: Readonly<Record<string, { readonly look: Look; readonly help: string }>> = {
  ls: { look: ls, help: 'the entries of a directory, or one file, as ls -lA lists them' },
  cat: { look: cat, help: 'the contents of a file' },
  stat: { look: stat, help: 'everything an inode says, with its extended attributes' },
  tree: { look: tree, help: 'everything below a directory' },
  extents: { look: extents, help: "where a file's data lies on the device, as filefrag -v shows it" },
  super: { look: superblock, help: 'the superblock, as dumpe2fs -h shows it; needs no PATH' },
};

interface Flags {
  readonly options?: string;
  readonly json?: boolean;
}

/** Adds `fuse4fs inspect`: looks into an image without mounting it. */
export function registerInspect(program: Command): void {
  program
    .command('inspect')
    .summary('look into an image or device without mounting it')
    .description('Looks into an ext2, ext3 or ext4 filesystem without mounting it. Needs no root, only to read SOURCE, and never writes to it.')
    .argument('<SOURCE>', 'image file, block device, UUID=…, LABEL=…, or an inherited descriptor (fd:3, /proc/self/fd/3)')
    .addArgument(new Argument('<WHAT>', 'what to look at, see below').choices(Object.keys(looks)))
    .argument('[PATH]', 'path inside the filesystem, from its root', '/')
    .addOption(new Option('-o, --options <LIST>', 'offset=BYTES, sizelimit=BYTES, sb=BLOCK, noload, journal_path=FILE, as for mount'))
    .option('--json', 'give the result, warnings and error as one JSON object')
    .addHelpText('after', () => `\nWhat to look at:\n${looksHelp()}\n${EXIT}`)
    .action(async (source: string, what: string, path: string, { options, json  = false }: Flags) => {
      const output = new Output('fuse4fs', json);
      try {
        await inspect({ source, look: (looks[what] as { look: Look }).look, path, options }, output, json);
      } catch (error) {
        if (isClosedPipe(error)) return;
        throw new Ended(output.fail(asMountError(error)));
      }
    });
}

const looksHelp = (): string => Object.entries(looks).map(([name, { help }]) => `  ${name.padEnd(9)} ${help}`).join('\n');

const EXIT = `
Exit status: 0 everything was shown; 1 wrong usage; 32 something could not be read.`;

interface Wish {
  readonly source: string;
  readonly look: Look;
  readonly path: string;
  readonly options: string | undefined;
}

async function inspect({ source, look, path, options }: Wish, output: Output, json: boolean): Promise<void> {
  await using filesystem = await open(source, options, output);
  const view = look(filesystem, path, (error) => {
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

const asMountError = (error: unknown): unknown =>
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

const isClosedPipe = (error: unknown): boolean => isSystemError(error) && error.code === 'EPIPE';

const write = (piece: string | Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(piece, (error) => (error instanceof Error ? reject(error) : resolve()));
  });
