import { Command } from 'commander';
import { takeOut } from '../../helper/automount/take-out.js';
import { SYSTEM_RECORDS } from '../../helper/automount/record.js';
import { SYSTEM_DEVICES } from '../../helper/automount/sysfs.js';
import { systemRuntime } from '../../helper/mount/runtime.js';
import { Output } from '../output.js';
import { Ended } from '../run.js';

interface EjectArguments {
  readonly json?: boolean;
  readonly verbose?: boolean;
  readonly powerOff?: boolean;
  readonly records: string;
  readonly devices: string;
}

export function ejectCommand(): Command {
  return new Command('eject')
    .summary('unmount a device, and eject it')
    .description('Unmounts TARGET, waits until everything is on the device, and ejects its medium; a loop device is detached from its file, and with --power-off a drive that can be is switched off. Root may, and the user for whom the device was mounted as it was plugged in.')
    .argument('<TARGET>', 'the mount point, or the device')
    .option('-v, --verbose', 'say what was done')
    .option('--power-off', 'switch the drive off where it can be: it is gone until it is plugged in again')
    .option('--json', 'give the result, warnings and error as one JSON object')
    .option('--records <DIRECTORY>', 'where the automount keeps what became of each device', SYSTEM_RECORDS)
    .option('--devices <DIRECTORY>', 'what the system has of each block device', SYSTEM_DEVICES)
    .addHelpText('after', EXIT)
    .action(async (target: string, { json = false, verbose = false, powerOff = false, records, devices }: EjectArguments) => {
      const output = new Output('fuse4fs', json);
      try {
        const result = await takeOut(target, powerOff, systemRuntime(), { records, devices });
        output.result(result, verbose ? `${result.disk} ${result.how}.` : undefined);
      } catch (error) {
        throw new Ended(output.fail(error));
      }
    });
}

const EXIT = `
Exit status: 0 ejected; 1 no permission; 32 in use, or nothing that can be
ejected: a message says whether it is unmounted.`;
