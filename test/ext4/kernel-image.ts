import { mountByLoop, unmountLoop } from '../support/loop-mount.js';
import { execFileSync } from 'node:child_process';
import { fstatSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import { Filesystem } from '../../server/ext4/filesystem.js';

/** A reason to skip tests that need the kernel's own ext4 driver, or false. */
export function cannotMount(): string | false {
  if (process.getuid?.() !== 0) return 'mounting an image with the kernel driver needs root';
  try {
    execFileSync('losetup', ['-f'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there are no loop devices';
  }
}

/** What Python sees through a mounted tree, so that the kernel's driver is the judge. */
const SURVEY = `
import json, os, sys
top = sys.argv[1]
found = []
def look(path):
    state = os.lstat(path)
    names = os.listxattr(path, follow_symlinks=False)
    one = {"path": os.path.relpath(path, top), "inode": state.st_ino, "names": names, "values": {}}
    for name in names:
        try:
            one["values"][name] = os.getxattr(path, name, follow_symlinks=False).hex()
        except OSError as error:
            one["values"][name] = -error.errno
    if os.path.islink(path):
        one["target"] = os.fsencode(os.readlink(path)).hex()
    elif os.path.isfile(path):
        one["content"] = open(path, "rb").read().hex()
    found.append(one)
look(top)
for directory, directories, files in os.walk(top):
    for name in directories + files:
        look(os.path.join(directory, name))
json.dump(found, sys.stdout)
`;

export interface Surveyed {
  readonly path: string;
  readonly inode: number;
  readonly names: readonly string[];
  /** Hexadecimal, or a negative errno. */
  readonly values: Readonly<Record<string, string | number>>;
  readonly target?: string;
  readonly content?: string;
}

export interface ImageOptions {
  readonly features?: string;
  readonly mke2fs?: readonly string[];
  readonly size?: string;
}

/** An image file made by mke2fs, in a directory of its own that `remove` deletes. */
export class KernelImage {
  readonly path: string;
  readonly #directory: string;

  constructor({ features, mke2fs = [], size = '16M' }: ImageOptions = {}) {
    this.#directory = mkdtempSync(join(tmpdir(), 'fuse4fs-image-'));
    this.path = join(this.#directory, 'image');
    mkdirSync(join(this.#directory, 'mount'));
    const featureOptions = features === undefined ? [] : ['-O', features];
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...featureOptions, ...mke2fs, this.path, size], { stdio: ['ignore', 'ignore', 'pipe'] });
  }

  /** Runs `use` while the kernel's driver has the image mounted. */
  mounted<Result>(options: string, use: (mountPoint: string) => Result): Result {
    const mountPoint = join(this.#directory, 'mount');
    mountByLoop(this.path, mountPoint, options.split(','));
    try {
      return use(mountPoint);
    } finally {
      try {
        unmountLoop(this.path, mountPoint);
      } catch {
        execFileSync('umount', ['-l', mountPoint]);
      }
    }
  }

  /** Fills it with a Python program, whose first argument is the mount point. */
  fill(program: string): void {
    this.mounted('rw', (mountPoint) => execFileSync('python3', ['-c', program, mountPoint]));
  }

  /** What the kernel's driver shows of it now, the root first. */
  survey(): Surveyed[] {
    const output = this.mounted('ro', (mountPoint) => execFileSync('python3', ['-c', SURVEY, mountPoint], { maxBuffer: 1 << 28 }));
    return JSON.parse(output.toString()) as Surveyed[];
  }

  debugfs(...commands: string[]): string {
    return execFileSync('debugfs', ['-w', '-f', '-', this.path], {
      input: commands.join('\n'),
      stdio: ['pipe', 'pipe', 'ignore'],
    }).toString();
  }

  /** What e2fsck complains about; empty for a clean filesystem. */
  fsck(): string {
    try {
      execFileSync('e2fsck', ['-fn', this.path], { stdio: ['ignore', 'pipe', 'pipe'] });
      return '';
    } catch (error) {
      return String((error as { stdout?: Buffer }).stdout);
    }
  }

  open(): Filesystem {
    const fd = openSync(this.path, 'r');
    return Filesystem.open(new DescriptorDevice({ fd, size: fstatSync(fd).size, readOnly: true, name: this.path }));
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
