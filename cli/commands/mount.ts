import { Command } from 'commander';
import { MountError } from '../../helper/mount/errors.js';
import { systemEnvironment } from '../../helper/mount/mount-environment.js';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions, type MountOptions } from '../../helper/mount/options.js';
import { remount } from '../../helper/mount/remount.js';
import { optionHelp } from '../option-help.js';
import { Output } from '../output.js';
import { withProgress } from '../progress.js';
import { Ended } from '../run.js';
import { notifyReady } from '../../helper/notify.js';
import { ForegroundSignals, serveInForeground } from './foreground.js';

interface MountArguments {
  readonly options?: string[];
  readonly foreground?: boolean;
  readonly fake?: boolean;
  readonly readOnly?: boolean;
  readonly readWrite?: boolean;
  readonly sloppy?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
  readonly types?: string;
}

export const collect = (value: string, previous: string[] | undefined): string[] => [...(previous ?? []), value];

export function mountCommand(): Command {
  return new Command('mount')
    .summary('mount an ext2, ext3 or ext4 filesystem (the default command)')
    .description('Mounts the ext2, ext3 or ext4 filesystem on SOURCE at the directory TARGET, through FUSE and a contained server.')
    .argument('<SOURCE>', 'a block device, an image file, UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=…, or an inherited descriptor (fd:3, /proc/self/fd/3)')
    .argument('<TARGET>', 'the directory to mount on')
    .option('-o, --options <LIST>', 'mount options, separated by commas; see below', collect)
    .option('-t, --types <TYPE>', 'what SOURCE is: fuse4fs (a filesystem, the default), or passthrough (a directory)', 'fuse4fs')
    .option('-f, --foreground', 'stay until it is unmounted; Ctrl-C unmounts. The server’s messages go to standard error')
    .option('--fake', 'do everything but the mount')
    .option('-r, --read-only', 'the same as -o ro')
    .option('-w, --read-write', 'the same as -o rw')
    .option('-s, --sloppy', 'ignore unknown mount options')
    .option('-v, --verbose', 'say what was done')
    .option('--json', 'give the result, warnings and error as one JSON object')
    .addHelpText('after', () => `\n${optionHelp()}\n${EXAMPLES}`)
    .action(async (source: string, target: string, given: MountArguments) => {
      const { foreground = false, fake = false, verbose = false } = given;
      const output = new Output('fuse4fs', given.json ?? false);
      try {
        const options = readOptions(given, output);
        await runMount({ source, target, options, foreground, fake, passthrough: isPassthrough(given.types) }, output, verbose);
      } catch (error) {
        if (error instanceof Ended) throw error;
        throw new Ended(output.fail(error, target));
      }
    });
}

export interface MountWish {
  readonly source: string;
  readonly target: string;
  readonly options: MountOptions;
  readonly foreground: boolean;
  readonly fake: boolean;
  readonly passthrough?: boolean;
}

/** mount(8) calls it fuse4fs.passthrough. */
export function isPassthrough(type = 'fuse4fs'): boolean {
  if (type === 'passthrough' || type === 'fuse4fs.passthrough') return true;
  if (type === 'fuse4fs' || type === 'fuse' || type === 'fuseblk' || /^fuse(blk)?\.fuse4fs$/u.test(type)) return false;
  throw new MountError('USAGE', `unknown type '${type}'`, 'fuse4fs and passthrough are known');
}

export async function runMount(wish: MountWish, output: Output, verbose: boolean): Promise<void> {
  if (wish.options.helper.remount) return changeFlags(wish, output, verbose);
  const signals = wish.foreground ? new ForegroundSignals() : undefined;
  const environment = { ...systemEnvironment(), interruptible: true };
  const mounted = await withProgress(`waiting for the filesystem on ${wish.source}`, () => mount(wish, environment));
  if (mounted === undefined) return output.result({ source: wish.source, target: wish.target, mounted: false });
  for (const warning of mounted.warnings) output.warn(warning);
  const { source, target, device, readOnly, label, uuid, kernelFeatures, log } = mounted;
  const facts = { source, target, mounted: true, device, readOnly, label, uuid, kernelFeatures, log };
  output.result(facts, verbose ? `${source} mounted on ${target}${readOnly ? ' read-only' : ''}.` : undefined);
  if (signals === undefined) return;
  const unheard = await notifyReady(`serving ${source} on ${target}`);
  if (unheard !== undefined) output.note(unheard);
  await serveInForeground(mounted, signals, output);
}

function changeFlags({ target, options, fake }: MountWish, output: Output, verbose: boolean): void {
  if (!fake) remount(target, options);
  output.result({ target, remounted: !fake }, verbose && !fake ? `${target} remounted.` : undefined);
}

function readOptions(given: MountArguments, output: Output): MountOptions {
  const lists = [...(given.options ?? []), ...(given.readOnly ? ['ro'] : []), ...(given.readWrite ? ['rw'] : [])];
  const options = parseOptions(lists, { sloppy: given.sloppy ?? false });
  if (given.verbose) for (const word of options.unknown) output.note(`ignored the unknown option '${word}'`);
  return options;
}

const EXAMPLES = `
Examples:
  fuse4fs /dev/sdb1 /mnt                    mount a partition
  fuse4fs disk.img /mnt -o ro,offset=1M     the partition 1 MiB into an image
  fuse4fs -f disk.img /mnt                  stay, and unmount with Ctrl-C
  fuse4fs fd:3 /mnt 3<disk.img              an image that someone else has opened
  fuse4fs --json UUID=0a1b…-… /mnt -o nofail

Exit status: 0 mounted; 1 wrong usage or no permission; 2 system error; 4 internal
error; 8 interrupted; 32 the mount failed.

See also: fuse4fs umount --help, fuse4fs status --help, mount(8), ext4(5)`;
