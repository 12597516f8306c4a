import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory tree and an image made from it, so that `node:fs` on the one judges the library on the other. */
export class TreeAndImage {
  readonly directory = mkdtempSync(join(tmpdir(), 'fuse4fs-library-'));
  readonly tree = join(this.directory, 'tree');
  readonly image = join(this.directory, 'image');

  constructor() {
    mkdirSync(this.tree);
    this.#fill();
    this.makeImage(this.image);
  }

  makeImage(path: string, ...options: string[]): void {
    writeFileSync(path, '');
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', ...(options.includes('-b') ? [] : ['-b', '1024']), ...options, '-d', this.tree, path, '16M'], { stdio: 'pipe' });
  }

  /** Where the path is outside the image. */
  outside(path: string): string {
    return join(this.tree, path);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #fill(): void {
    const at = (path: string): string => join(this.tree, path);
    for (const directory of ['etc', 'deep/er/est', 'many', 'empty']) mkdirSync(at(directory), { recursive: true });
    writeFileSync(at('etc/hostname'), 'box\n');
    writeFileSync(at('etc/script'), '#!/bin/sh\n', { mode: 0o4755 });
    writeFileSync(at('deep/er/est/data'), Buffer.from(Array.from({ length: 100_000 }, (_, index) => index * 7)));
    writeFileSync(at('nothing'), '');
    writeFileSync(at('ünïcode ✓'), 'names are bytes');
    writeFileSync(Buffer.concat([Buffer.from(`${at('')}/`), NOT_UTF8]), 'no text');
    for (let index = 0; index < 2000; index++) writeFileSync(at(`many/file-${index}`), String(index));
    symlinkSync('../etc/hostname', at('deep/relative'));
    symlinkSync('/etc', at('deep/absolute'));
    symlinkSync('../../../../../etc/hostname', at('deep/climbing'));
    symlinkSync('loop-b', at('loop-a'));
    symlinkSync('loop-a', at('loop-b'));
    symlinkSync('gone', at('dangling'));
    symlinkSync(`./././${'etc/../'.repeat(40)}etc/hostname`, at('long'));
    symlinkSync('etc/', at('slashed'));
  }
}

export const NOT_UTF8 = Buffer.from([0x66, 0xff, 0xfe]);

export const debugfs = (image: string, command: string): void =>
  void execFileSync('debugfs', ['-w', '-R', command, image], { stdio: 'pipe' });
