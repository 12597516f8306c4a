import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const canOpen = (path: string): boolean => {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
};

const isInstalled = (command: string): boolean =>
  `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`
    .split(':')
    .some((directory) => existsSync(join(directory, command)));

/** Why tests that mount cannot run here, or false. In the form of tap's `skip` option. */
export function cannotMount(): string | false {
  if (process.getuid?.() !== 0) return 'mounting and loop devices need root';
  if (!canOpen('/dev/fuse')) return '/dev/fuse is missing or forbidden';
  return cannotUseLoopDevices();
}

export function cannotUseLoopDevices(): string | false {
  if (process.getuid?.() !== 0) return 'loop devices need root';
  if (!canOpen('/dev/loop-control')) return '/dev/loop-control is missing or forbidden';
  if (!/\text4$/m.test(readFileSync('/proc/filesystems', 'utf8'))) return 'the kernel has no ext4 driver to compare with';
  return false;
}

export function missing(...commands: string[]): string | false {
  const absent = commands.filter((command) => !isInstalled(command));
  return absent.length > 0 && `not installed: ${absent.join(', ')}`;
}

/** FUSE4FS_TEST_SIZE=full: tests that imitate hours of use do all of it, and not the part that fits among the others. */
export const isFullSize = process.env['FUSE4FS_TEST_SIZE'] === 'full';
