import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InternalJournal } from '../../server/ext4/journal/internal-source.js';
import { JOURNAL_INODE } from '../../server/ext4/units.js';
import type { MemoryDevice } from './memory-device.js';

export interface ImageOptions {
  readonly blockSize: number;
  readonly features?: string;
  readonly size?: string;
  /** In MiB. */
  readonly journalSize?: number;
}

/** A directory of images for journal tests, removed as a whole. */
export class JournalLaboratory {
  readonly directory = mkdtempSync(join(tmpdir(), 'fuse4fs-journal-'));
  #made = 0;

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  file(name: string): string {
    return join(this.directory, `${this.#made++}-${name}`);
  }

  make({ blockSize, features = '', size = '16M', journalSize = blockSize === 1024 ? 1 : 4 }: ImageOptions): string {
    const image = this.file('image');
    writeFileSync(image, '');
    const args = ['-q', '-F', '-t', 'ext4', '-b', String(blockSize), '-J', `size=${journalSize}`];
    run('mke2fs', [...args, ...(features === '' ? [] : ['-O', features]), image, size]);
    return image;
  }

  copy(image: string): string {
    const copy = this.file('copy');
    copyFileSync(image, copy);
    return copy;
  }

  /** A file to be logged, block by block. */
  content(bytes: Uint8Array): string {
    const file = this.file('content');
    writeFileSync(file, bytes);
    return file;
  }

  /** What the reference tools make of the image's journal: replayed home in a copy. */
  replayedByReference(image: string): Uint8Array {
    const copy = this.copy(image);
    const { status, stdout, stderr } = spawnSync('e2fsck', ['-y', '-E', 'journal_only', copy], { encoding: 'utf8' });
    if (status === null || status > 1) throw new Error(`e2fsck: ${status}\n${stdout}${stderr}`);
    return new Uint8Array(readFileSync(copy));
  }
}

/** Runs debugfs commands on the image. */
export function debugfs(image: string, commands: readonly string[], write = true): string {
  return execFileSync('debugfs', [...(write ? ['-w'] : []), '-f', '-', image], {
    input: commands.join('\n'),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** The device blocks of the journal inode, in order. */
export function journalInodeBlocks(image: string): number[] {
  const output = execFileSync('debugfs', ['-R', 'blocks <8>', image], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return output.trim().split(/\s+/).map(Number);
}

export function internalJournal(device: MemoryDevice, blockSize: number, blocks: readonly number[]): InternalJournal {
  const runs = blocks.map((physical, logical) => ({ logical, length: 1, physical }));
  return new InternalJournal(device, blockSize, blocks.length, JOURNAL_INODE, runs.filter(({ physical }) => physical !== 0));
}

export function run(command: string, args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Blocks in which two images differ, leaving out the log and the superblock, which e2fsck updates. */
export function differingBlocks(ours: Uint8Array, theirs: Uint8Array, blockSize: number, log: readonly number[]): number[] {
  const ignored = new Set([...log, Math.floor(1024 / blockSize)]);
  const different: number[] = [];
  for (let block = 0; block < ours.length / blockSize; block++) {
    const [from, to] = [block * blockSize, (block + 1) * blockSize];
    if (!ignored.has(block) && Buffer.compare(ours.subarray(from, to), theirs.subarray(from, to)) !== 0) different.push(block);
  }
  return different;
}
