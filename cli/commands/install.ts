import { Command } from 'commander';
import { install, uninstall } from '../../systemd/install.js';
import { Output } from '../output.js';

interface InstallArguments {
  readonly root: string;
  readonly jitless?: boolean;
  readonly udisks?: boolean;
  readonly json?: boolean;
}

export function installCommand(): Command {
  return new Command('install')
    .summary('install the commands, the manual pages and the systemd units')
    .description('Copies this build to /usr/lib/fuse4fs, with commands, mount.fuse4fs for mount(8) and fstab, manual pages, and units: from then on systemd starts a contained server for each mount.')
    .option('--root <DIR>', 'install into the file system that begins there, such as an image that is being built', '/')
    .option('--jitless', 'servers without just-in-time compilation, so that no memory of theirs is writable and executable: slower')
    .option('--udisks', 'tell udisks, too, to mount ext2, ext3 and ext4 by fuse4fs (from udisks 2.10 on; before, udisksctl mount -t fuse4fs)')
    .option('--json', 'give the result as one JSON object')
    .action(({ root, jitless = false, udisks = false, json = false }: InstallArguments) => {
      const result = install({ root, jitless, udisks });
      const next = result.listening ? 'systemd listens for mounts.' : 'When it runs: systemctl enable --now fuse4fs-server.socket';
      new Output('fuse4fs', json).result(result, `Installed in ${root}. ${next}\nfuse4fs uninstall removes it.`);
    });
}

export function uninstallCommand(): Command {
  return new Command('uninstall')
    .summary('remove what install has installed')
    .option('--root <DIR>', 'where it was installed', '/')
    .option('--json', 'give the result as one JSON object')
    .action(({ root, json = false }: InstallArguments) => {
      const paths = uninstall(root);
      new Output('fuse4fs', json).result({ root, paths }, `Removed from ${root}.`);
    });
}
