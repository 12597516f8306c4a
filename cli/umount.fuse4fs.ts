#!/usr/bin/env node
/** What umount(8) calls where the mount was made with uhelper=fuse4fs. */
import { Command } from 'commander';
import { runUmount } from './commands/umount.js';
import { flags, runInNamespace } from './namespace.js';
import { Output } from './output.js';
import { quietly, run } from './run.js';
import { version } from './version.js';

interface HelperArguments {
  readonly force?: boolean;
  readonly lazy?: boolean;
  readonly readOnly?: boolean;
  readonly verbose?: boolean;
  readonly namespace?: string;
}

const NAME = 'umount.fuse4fs';

const program = quietly(new Command(NAME))
  .version(version())
  .description('Unmounts a fuse4fs mount, and waits until its server has written everything.')
  .argument('<TARGET>', 'the mount point, or what is mounted there')
  .option('-f, --force', 'abort what waits for the server')
  .option('-l, --lazy', 'detach it now, let those who use it finish; does not wait')
  .option('-n, --no-mtab', 'accepted: there is no mtab any more')
  .option('-r, --read-only', 'if it is in use, make it read-only instead')
  .option('-v, --verbose', 'say what was done')
  .option('-t, --types <TYPE>', 'accepted: it is fuse4fs')
  .option('-N, --namespace <NS>', 'unmount in another mount namespace: a process id, or a path')
  .action(async (target: string, { force = false, lazy = false, readOnly = false, verbose = false, namespace }: HelperArguments) => {
    if (namespace !== undefined) runInNamespace(namespace, [target, ...flags({ f: force, l: lazy, r: readOnly, v: verbose })]);
    await runUmount({ target, force, lazy, readOnlyIfBusy: readOnly }, new Output(NAME, false), verbose);
  });

void run(program);
