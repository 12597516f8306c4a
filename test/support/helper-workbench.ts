/** A place for tests of the helper: a directory with an image, a mount point and a runtime directory of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerProgram } from '../../helper/mount/server-root.js';
import { readMounts, type MountEntry } from '../../helper/mount/mountinfo.js';
import { systemEnvironment, type MountEnvironment } from '../../helper/mount/mount-environment.js';
import { containedProgram } from './contained-program.js';
import { releasedNow } from './released.js';

export class Workbench {
  readonly directory = mkdtempSync(join(tmpdir(), 'fuse4fs-helper-'));
  readonly target = join(this.directory, 'mnt');
  readonly mounts = join(this.directory, 'run', 'mounts');
  readonly #loops: string[] = [];

  constructor() {
    mkdirSync(this.target);
  }

  image(name = 'image', bytes = 1 << 20): string {
    const path = join(this.directory, name);
    writeFileSync(path, `begin of ${name}`);
    truncateSync(path, bytes);
    return path;
  }

  loopDevice(image = this.image('loop-image'), ...options: string[]): string {
    const { stdout, stderr, status } = spawnSync('losetup', ['-f', '--show', ...options, image], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`losetup: ${stderr}`);
    this.#loops.push(stdout.trim());
    return stdout.trim();
  }

  environment(program: () => ServerProgram = () => containedProgram('tiny-server.js'), more: Partial<MountEnvironment> = {}): MountEnvironment {
    return {
      ...systemEnvironment(),
      runtime: { mounts: this.mounts, serviceSocket: join(this.directory, 'run', 'server.sock') },
      program,
      ...more,
    };
  }

  mountEntry(target = this.target): MountEntry | undefined {
    return readMounts().find((entry) => entry.target === target);
  }

  /** Names in the runtime directory. */
  leftovers(): string[] {
    return existsSync(this.mounts) ? readdirSync(this.mounts) : [];
  }

  /** Returns when the server has ended, or the kernel has let go of the device, which can be after umount(8). */
  unmount(target = this.target): void {
    const entry = this.mountEntry(target);
    if (entry === undefined) return;
    run('umount', target);
    releasedNow(entry.source);
  }

  clear(): void {
    while (this.mountEntry() !== undefined) if (spawnSync('umount', [this.target]).status !== 0) run('umount', '-l', this.target);
    for (const loop of this.#loops) spawnSync('losetup', ['-d', loop]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function run(command: string, ...parameters: string[]): string {
  const { stdout, stderr, status } = spawnSync(command, parameters, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${parameters.join(' ')}: ${stderr}`);
  return stdout;
}

/** Processes that have the word among their arguments. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}
