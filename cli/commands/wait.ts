import { Command } from 'commander';
import { setTimeout as delay } from 'node:timers/promises';
import { resolve } from 'node:path';
import { MountError } from '../../helper/mount/errors.js';
import { isOurs, mountOn } from '../../helper/mount/mountinfo.js';
import { Output } from '../output.js';
import { Ended } from '../run.js';

const LOOK_MILLISECONDS = 50;

export function waitCommand(): Command {
  return new Command('wait')
    .summary('wait until a filesystem is mounted')
    .description('Returns when a fuse4fs filesystem is mounted on TARGET, by whomever: an init container waits so for its pod’s.')
    .argument('<TARGET>', 'the mount point; it need not exist yet')
    .option('--timeout <SECONDS>', 'fail after so long', '60')
    .action(async (target: string, { timeout }: { timeout: string }) => {
      const path = resolve(target);
      const deadline = performance.now() + Number(timeout) * 1000;
      for (let mount = mountOn(path); mount === undefined || !isOurs(mount); mount = mountOn(path)) {
        if (performance.now() < deadline) await delay(LOOK_MILLISECONDS);
        else throw new Ended(new Output('fuse4fs', false).fail(new MountError('NOT_MOUNTED', `nothing was mounted on ${path} within ${timeout} s`)));
      }
    });
}
