#!/usr/bin/env node
import { Command } from 'commander';
import { detachedCommand } from './commands/detached.js';
import { ejectCommand } from './commands/eject.js';
import { installCommand, uninstallCommand } from './commands/install.js';
import { libfuseCommand } from './commands/libfuse.js';
import { monitorCommand } from './commands/monitor.js';
import { mountCommand } from './commands/mount.js';
import { nodeAgentCommand } from './commands/node-agent.js';
import { statusCommand } from './commands/status.js';
import { umountCommand } from './commands/umount.js';
import { waitCommand } from './commands/wait.js';
import { registerInspect } from './inspect.js';
import { quietly, run } from './run.js';
import { version } from './version.js';

const program = quietly(new Command('fuse4fs'))
  .version(version())
  .enablePositionalOptions()
  .usage('SOURCE TARGET [-o OPTIONS] [-f]\n       fuse4fs COMMAND …')
  .description('ext2, ext3 and ext4 in userspace: a small privileged helper mounts, a contained server serves.')
  .addHelpText('after', '\nfuse4fs mount --help lists the mount options. FUSE4FS_DEBUG=1 shows where an error comes from.');

program.addCommand(mountCommand(), { isDefault: true }).addCommand(detachedCommand()).addCommand(umountCommand()).addCommand(ejectCommand()).addCommand(statusCommand()).addCommand(monitorCommand()).addCommand(waitCommand());
registerInspect(program);
program.addCommand(libfuseCommand()).addCommand(nodeAgentCommand()).addCommand(installCommand()).addCommand(uninstallCommand());
for (const command of program.commands) quietly(command);

// fuse4fs --json COMMAND is the same as fuse4fs COMMAND --json.
const words = process.argv.slice(2);
void run(program, [...words.filter((word) => word !== '--json'), ...words.filter((word) => word === '--json')]);
