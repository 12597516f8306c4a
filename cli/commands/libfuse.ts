import { Command } from 'commander';
import { mountService } from '../../helper/libfuse/mount-service.js';
import { serviceAt, serviceOfType, type Service } from '../../helper/libfuse/service-socket.js';
import { MountError } from '../../helper/mount/errors.js';
import { Output } from '../output.js';
import { withProgress } from '../progress.js';
import { Ended } from '../run.js';
import { collect } from './mount.js';

interface LibfuseArguments {
  readonly options?: string[];
  readonly readOnly?: boolean;
  readonly readWrite?: boolean;
  readonly fake?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** fuse4fs libfuse NAME [SOURCE] TARGET */
export function libfuseCommand(): Command {
  return withMountOptions(new Command('libfuse'))
    .summary('mount a filesystem that is a service of libfuse')
    .description('Mounts a filesystem that libfuse 3.19 or newer runs as a service: connects to its socket, opens what it asks for, and mounts it.')
    .argument('<SERVICE>', 'the name of the filesystem, or the path of its socket')
    .argument('<SOURCE|TARGET...>', 'what to mount, if the filesystem has such a thing, and the directory or file to mount on')
    .option('-f, --fake', 'do everything but the mount: nothing')
    .option('--json', 'give the result, warnings and error as one JSON object')
    .addHelpText('after', EXPLANATION)
    .action(async (service: string, operands: string[], given: LibfuseArguments) => {
      await mountFor(() => serviceAt(service), operands, given, new Output('fuse4fs', given.json ?? false));
    });
}

/** mount.fuse4fs -t fuse.NAME --libfuse [SOURCE] TARGET */
export function libfuseHelper(name: string): Command {
  return withMountOptions(new Command(name))
    .description('Mounts a filesystem that libfuse 3.19 or newer runs as a service.')
    .argument('<SOURCE|TARGET...>', 'what to mount, if the filesystem has such a thing, and the directory or file to mount on')
    .requiredOption('-t, --types <TYPE>', 'fuse.NAME: the service listens in /run/filesystems/NAME')
    .option('--libfuse', 'what brought you here')
    .option('-f, --fake', 'do everything but the mount: nothing')
    .option('-s, --sloppy', 'accepted: what an option means is the service’s to know')
    .option('-n, --no-mtab', 'accepted: there is no mtab any more')
    .addHelpText('after', EXPLANATION)
    .action(async (operands: string[], given: LibfuseArguments & { readonly types: string }) => {
      await mountFor(() => serviceOfType(given.types), operands, given, new Output(name, false));
    });
}

const withMountOptions = (command: Command): Command =>
  command
    .option('-o, --options <LIST>', 'mount options, separated by commas, which the service acts on', collect)
    .option('-r, --read-only', 'the same as -o ro')
    .option('-w, --read-write', 'the same as -o rw')
    .option('-v, --verbose', 'say what was done');

async function mountFor(find: () => Service, operands: readonly string[], given: LibfuseArguments, output: Output): Promise<void> {
  const target = operands.at(-1) ?? '';
  try {
    const [source] = operands.length > 1 ? operands : [undefined];
    if (operands.length > 2) throw new MountError('USAGE', `one SOURCE and one TARGET are expected, ${operands.length} words came`);
    const options = [...(given.options ?? []), ...(given.readOnly ? ['ro'] : []), ...(given.readWrite ? ['rw'] : [])];
    const service = find();
    if (given.fake) return output.result({ target, mounted: false });
    const request = { service, source, target, options };
    const environment = { complain: (message: string) => output.note(message), interruptible: true };
    const mounted = await withProgress(`waiting for the service ${service.name}`, () => mountService(request, environment));
    output.result({ ...mounted, mounted: true }, given.verbose ? `${mounted.source} mounted on ${mounted.target}.` : undefined);
  } catch (error) {
    throw new Ended(output.fail(error, target));
  }
}

const EXPLANATION = `
A service gets the files that the command line names, SOURCE and the values of
options that are paths, and no others. suid and dev have to be given to be
honoured.

Exit status: that of mount(8).`;
