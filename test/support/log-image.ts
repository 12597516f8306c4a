import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { run } from './journal-image.js';
import { MemoryDevice } from './memory-device.js';

export interface LogImageOptions {
  readonly name: string;
  readonly blockSize: number;
  /** For mke2fs -O. */
  readonly features?: string;
  /** For mke2fs -J; none for a filesystem without a journal. */
  readonly journal?: string;
  readonly size?: string;
  /** Whether the journal is on a device of its own. */
  readonly external?: boolean;
}

export interface LogImage {
  readonly bytes: Uint8Array;
  readonly journal?: Uint8Array;
  /** Regular files that are empty. */
  readonly inodes: readonly number[];
}

export const needsMount = process.getuid?.() === 0 && existsSync('/dev/loop-control') ? false : 'needs root and loop devices';

/** A directory of images, removed as a whole, and what the reference tools say of them. */
export class LogLaboratory {
  readonly directory = mkdtempSync(join(tmpdir(), 'fuse4fs-log-'));
  #made = 0;

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  file(bytes?: Uint8Array): string {
    const path = join(this.directory, String(this.#made++));
    if (bytes !== undefined) writeFileSync(path, bytes);
    return path;
  }

  /** An image with empty files. */
  make({ blockSize, features = '', journal = '', size = '16M', external = false }: LogImageOptions, files = 8): LogImage {
    const image = this.file(new Uint8Array(0));
    const journalImage = external ? this.file(new Uint8Array(0)) : undefined;
    if (journalImage !== undefined) run('mke2fs', ['-q', '-F', '-b', String(blockSize), '-O', 'journal_dev', journalImage, blockSize === 1024 ? '2M' : '8M']);
    const loop = journalImage === undefined ? undefined : attach(journalImage);
    try {
      const journalOption = loop === undefined ? journal : `device=${loop}`;
      const args = ['-q', '-F', '-t', 'ext4', '-b', String(blockSize), '-N', '512', ...(features === '' ? [] : ['-O', features])];
      run('mke2fs', [...args, ...(journalOption === '' ? [] : ['-J', journalOption]), image, size]);
    } finally {
      if (loop !== undefined) run('losetup', ['-d', loop]);
    }
    const names = Array.from({ length: files }, (_, index) => `file-${index}`);
    spawnSync('debugfs', ['-w', '-f', '-', image], { input: names.map((name) => `write /dev/null ${name}`).join('\n') });
    const listing = run('debugfs', ['-R', 'ls -l /', image]);
    const inodes = names.map((name) => Number(new RegExp(`^ *(\\d+) .*${name} *$`, 'm').exec(listing)?.[1]));
    const bytes = new Uint8Array(readFileSync(image));
    return { bytes, inodes, ...(journalImage === undefined ? {} : { journal: new Uint8Array(readFileSync(journalImage)) }) };
  }

  /**
   * What e2fsck makes of an image that needs recovery, and what it then still complains about.
   * @param extended by default a tree that could be smaller is no fault: the kernel leaves them as well
   * @returns the repaired image
   */
  recoveredByE2fsck(bytes: Uint8Array, journal?: Uint8Array, extended: readonly string[] = ['-E', 'no_optimize_extents']): { readonly bytes: Uint8Array; readonly complaints: string } {
    const image = this.file(bytes);
    const journalImage = journal === undefined ? undefined : this.file(journal);
    const loop = journalImage === undefined ? undefined : attach(journalImage);
    try {
      const options = loop === undefined ? [] : ['-j', loop];
      // Exit status 1: it repaired something, of which replaying the journal is a part.
      const first = spawnSync('e2fsck', ['-fy', ...extended, ...options, image], { encoding: 'utf8' });
      const second = spawnSync('e2fsck', ['-fn', ...options, image], { encoding: 'utf8' });
      // The number of a loop device is another each time, and it notes it.
      const repaired = /[Ff]ixed|FIXED|yes\n/.test(first.stdout.replace(/^Superblock hint for external superblock .*\n/m, ''));
      const complaints = (repaired || (first.status ?? 9) > 1 ? first.stdout + first.stderr : '') + (second.status === 0 ? '' : second.stdout + second.stderr);
      return { bytes: new Uint8Array(readFileSync(image)), complaints };
    } finally {
      if (loop !== undefined) run('losetup', ['-d', loop]);
      rmSync(image);
      if (journalImage !== undefined) rmSync(journalImage);
    }
  }

  /** Has the kernel's ext4 replay the journal, mounting read-write. */
  recoveredByKernel(bytes: Uint8Array, journal?: Uint8Array): Pick<LogImage, 'bytes' | 'journal'> {
    const image = this.file(bytes);
    const journalImage = journal === undefined ? undefined : this.file(journal);
    const loops: string[] = [];
    try {
      const device = attach(image);
      loops.push(device);
      const options = ['rw'];
      if (journalImage !== undefined) {
        const loop = attach(journalImage);
        loops.push(loop);
        options.push(`journal_path=${loop}`);
      }
      const mountPoint = this.file();
      mkdirSync(mountPoint);
      const before = kernelComplaints(device).length;
      run('mount', ['-t', 'ext4', '-o', options.join(','), device, mountPoint]);
      if (spawnSync('umount', [mountPoint]).status !== 0) spawnSync('umount', ['-l', mountPoint]);
      const complaints = kernelComplaints(device).slice(before);
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
      const mounted = { bytes: new Uint8Array(readFileSync(image)) };
      return journalImage === undefined ? mounted : { ...mounted, journal: new Uint8Array(readFileSync(journalImage)) };
    } finally {
      for (const loop of loops) run('losetup', ['-d', loop]);
    }
  }
}

/** What the kernel's log holds against a filesystem on the device; nothing where it may not be read. */
function kernelComplaints(device: string): string[] {
  const { stdout } = spawnSync('dmesg', { encoding: 'utf8', maxBuffer: 1 << 26 });
  const name = `(${basename(device)})`;
  return (stdout ?? '').split('\n').filter((line) => line.includes(name) && /error|warning|corrupt|abort/i.test(line));
}

function attach(image: string): string {
  return run('losetup', ['-f', '--show', image]).trim();
}

/** The filesystem as a read-only mount sees it, its journal recovered in memory. */
export function openRecovered(bytes: Uint8Array, journal?: Uint8Array): Filesystem {
  const journalDevice = journal === undefined ? {} : { journalDevice: new MemoryDevice(journal, true) };
  return Filesystem.open(new MemoryDevice(bytes, true), journalDevice);
}
