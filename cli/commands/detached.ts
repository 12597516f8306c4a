import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { Command } from 'commander';
import { MountError } from '../../helper/mount/errors.js';
import { systemEnvironment } from '../../helper/mount/mount-environment.js';
import { mountDetached } from '../../helper/mount/mount.js';
import { parseOptions } from '../../helper/mount/options.js';
import { optionHelp } from '../option-help.js';
import { Output } from '../output.js';
import { withProgress } from '../progress.js';
import { Ended } from '../run.js';
import { collect } from './mount.js';

interface DetachedArguments {
  readonly options?: string[];
}

/** The first descriptor after the standard ones. */
const INHERITED = 3;

export function detachedCommand(): Command {
  return new Command('detached')
    .summary('mount without a place, and run a program that has the mount as a descriptor')
    .usage('[-o OPTIONS] SOURCE -- COMMAND [ARGUMENT …]')
    .description('Mounts the filesystem on SOURCE, attached nowhere, and runs COMMAND, which inherits the mount as descriptor 3, and finds that number in FUSE4FS_MOUNT. move_mount(2) attaches it. A mount that nobody has attached ends with COMMAND.')
    .argument('<SOURCE>', 'what fuse4fs mount takes')
    .argument('<COMMAND...>', 'the program, and its arguments')
    .option('-o, --options <LIST>', 'mount options, separated by commas; see below', collect)
    .passThroughOptions()
    .addHelpText('after', () => `\n${optionHelp()}\n${EXAMPLE}`)
    .action(async (source: string, command: string[], given: DetachedArguments) => {
      const output = new Output('fuse4fs', false);
      try {
        process.exitCode = await runWithMount(source, command, given, output);
      } catch (error) {
        throw new Ended(output.fail(error));
      }
    });
}

async function runWithMount(source: string, operands: string[], given: DetachedArguments, output: Output): Promise<number> {
  // What ends the options behind an operand is left to us.
  const [command, ...words] = operands[0] === '--' ? operands.slice(1) : operands;
  if (command === undefined) throw new MountError('USAGE', 'there is no program to run', 'fuse4fs detached --help explains the arguments');
  const options = parseOptions(given.options ?? []);
  const environment = { ...systemEnvironment(), interruptible: true };
  const { mount, warnings } = await withProgress(`waiting for the filesystem on ${source}`, () => mountDetached({ source, options }, environment));
  for (const warning of warnings) output.warn(warning);
  const child = spawn(command, words, {
    stdio: ['inherit', 'inherit', 'inherit', mount],
    env: { ...process.env, FUSE4FS_MOUNT: String(INHERITED) },
  });
  // The program's alone from now on.
  closeSync(mount);
  try {
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return status ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  } catch (error) {
    throw new MountError('USAGE', `cannot run ${command}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const EXAMPLE = `
Example, in a user namespace (podman unshare, unshare -Urm):
  fuse4fs detached disk.img -- sh -c 'mount -c --bind /proc/self/fd/$FUSE4FS_MOUNT /mnt'

Exit status: that of COMMAND, or fuse4fs mount's if there is no mount.`;
