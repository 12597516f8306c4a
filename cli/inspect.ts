import { Argument, Option, type Command } from 'commander';
import type { Subject } from './inspect/inspect.js';
import { Output } from './output.js';
import { Ended } from './run.js';

const subjects: Readonly<Record<Subject, string>> = {
  ls: 'the entries of a directory, or one file, as ls -lA lists them',
  cat: 'the contents of a file',
  stat: 'everything an inode says, with its extended attributes',
  tree: 'everything below a directory',
  extents: "where a file's data lies on the device, as filefrag -v shows it",
  super: 'the superblock, as dumpe2fs -h shows it; needs no PATH',
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
    .addArgument(new Argument('<WHAT>', 'what to look at, see below').choices(Object.keys(subjects)))
    .argument('[PATH]', 'path inside the filesystem, from its root', '/')
    .addOption(new Option('-o, --options <LIST>', 'offset=BYTES, sizelimit=BYTES, sb=BLOCK, noload, journal_path=FILE, as for mount'))
    .option('--json', 'give the result, warnings and error as one JSON object')
    .addHelpText('after', () => `\nWhat to look at:\n${subjectsHelp()}\n${EXIT}`)
    .action(async (source: string, what: Subject, path: string, { options, json  = false }: Flags) => {
      const output = new Output('fuse4fs', json);
      // All of ext4, which no other command needs.
      const { asMountError, inspect, isClosedPipe } = await import('./inspect/inspect.js');
      try {
        await inspect({ source, what, path, options }, output, json);
      } catch (error) {
        if (isClosedPipe(error)) return;
        throw new Ended(output.fail(asMountError(error)));
      }
    });
}

const subjectsHelp = (): string => Object.entries(subjects).map(([name, help]) => `  ${name.padEnd(9)} ${help}`).join('\n');

const EXIT = `
Exit status: 0 everything was shown; 1 wrong usage; 32 something could not be read.`;
