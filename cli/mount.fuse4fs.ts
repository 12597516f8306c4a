#!/usr/bin/env node
/** What mount(8) calls for -t fuse4fs. Its -f means fake, and its options come before or after the operands. */
import { Command } from 'commander';
import { MountError } from '../helper/mount/errors.js';
import { parseOptions } from '../helper/mount/options.js';
import { libfuseHelper } from './commands/libfuse.js';
import { collect, runMount } from './commands/mount.js';
import { flags, runInNamespace } from './namespace.js';
import { optionHelp } from './option-help.js';
import { Output } from './output.js';
import { Ended, quietly, run } from './run.js';
import { version } from './version.js';

interface HelperArguments {
  readonly sloppy?: boolean;
  readonly fake?: boolean;
  readonly readOnly?: boolean;
  readonly readWrite?: boolean;
  readonly verbose?: boolean;
  readonly options?: string[];
  readonly namespace?: string;
  readonly types?: string;
}

const NAME = 'mount.fuse4fs';

const program = quietly(new Command(NAME))
  .version(version())
  .description('Mounts ext2, ext3 and ext4 through FUSE. mount -t fuse4fs SOURCE TARGET calls it.')
  .argument('<SOURCE>', 'a block device, an image file, a tag (UUID=…), or an inherited descriptor (fd:3)')
  .argument('<TARGET>', 'the directory to mount on')
  .option('-s, --sloppy', 'ignore unknown mount options')
  .option('-f, --fake', 'do everything but the mount')
  .option('-n, --no-mtab', 'accepted: there is no mtab any more')
  .option('-r, --read-only', 'the same as -o ro')
  .option('-w, --read-write', 'the same as -o rw')
  .option('-v, --verbose', 'say what was done')
  .option('-o, --options <LIST>', 'mount options, separated by commas; see below', collect)
  .option('-t, --types <TYPE>', 'fuse4fs, or fuse4fs.passthrough, where SOURCE is a directory')
  .option('-N, --namespace <NS>', 'mount in another mount namespace: a process id, or a path such as /run/netns/x')
  .option('--libfuse', 'with -t fuse.NAME: mount a filesystem that libfuse runs as a service; --libfuse --help says more')
  .addHelpText('after', () => `\n${optionHelp()}\n\nExit status: that of mount(8).`)
  .action(async (source: string, target: string, given: HelperArguments) => {
    const output = new Output(NAME, false);
    const lists = [...(given.options ?? []), ...(given.readOnly ? ['ro'] : []), ...(given.readWrite ? ['rw'] : [])];
    try {
      if (given.namespace !== undefined) {
        const { sloppy: s, fake: f, verbose: v } = given;
        const type = given.types === undefined ? [] : ['-t', given.types];
        runInNamespace(given.namespace, [source, target, ...flags({ s, f, v }), ...type, ...lists.flatMap((list) => ['-o', list])]);
      }
      const options = parseOptions(lists, { sloppy: given.sloppy ?? false });
      await runMount({ source, target, options, foreground: false, fake: given.fake ?? false, passthrough: given.types?.endsWith('passthrough') ?? false }, output, given.verbose ?? false);
    } catch (error) {
      if (error instanceof Ended) throw error;
      if (isExcused(error, lists)) return;
      throw new Ended(output.fail(error, target));
    }
  });

/** mount(8): nofail reports no errors for a device that does not exist. It leaves that to us. */
const isExcused = (error: unknown, lists: readonly string[]): boolean =>
  error instanceof MountError && error.code === 'SOURCE_NOT_FOUND' && lists.some((list) => list.split(',').includes('nofail'));

// Its operands are others, and what its options mean is the service's to know.
void run(process.argv.includes('--libfuse') ? quietly(libfuseHelper(NAME)) : program);
