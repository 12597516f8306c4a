import { Command } from 'commander';
import { unmount, type UnmountRequest } from '../../helper/mount/unmount.js';
import { Output } from '../output.js';
import { withProgress } from '../progress.js';
import { Ended } from '../run.js';

interface UmountArguments {
  readonly lazy?: boolean;
  readonly force?: boolean;
  readonly readOnly?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

export function umountCommand(): Command {
  return new Command('umount')
    .summary('unmount, and wait until everything is on the device')
    .description('Unmounts TARGET, and waits until its server has written everything and has closed the device, which umount(8) alone does not.')
    .argument('<TARGET>', 'the mount point, or the device or image that is mounted')
    .option('-l, --lazy', 'detach it now, let those who use it finish; does not wait')
    .option('-f, --force', 'abort what waits for the server')
    .option('-r, --read-only', 'if it is in use, make it read-only instead')
    .option('-v, --verbose', 'say what was done')
    .option('--json', 'give the result, warnings and error as one JSON object')
    .addHelpText('after', EXIT)
    .action(async (target: string, { lazy = false, force = false, readOnly = false, verbose = false, json = false }: UmountArguments) => {
      const output = new Output('fuse4fs', json);
      await runUmount({ target, lazy, force, readOnlyIfBusy: readOnly }, output, verbose);
    });
}

export async function runUmount(request: UnmountRequest, output: Output, verbose: boolean): Promise<void> {
  try {
    const { warnings, ...result } = await withProgress(`waiting for the server of ${request.target}`, () => unmount(request));
    for (const warning of warnings) output.warn(warning);
    output.result(result, verbose ? `${result.target} unmounted.` : undefined);
  } catch (error) {
    throw new Ended(output.fail(error));
  }
}

const EXIT = `
Exit status: 0 unmounted, and the server has finished; 1 no permission; 32 not
mounted, in use, or the server failed.`;
