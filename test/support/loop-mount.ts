import { spawnSync } from 'node:child_process';
import { holdersOf } from './released.js';

const MOST_ATTEMPTS = 40;
/** mount(8): the mount failed. */
const MOUNT_FAILURE = 32;

/**
 * mount(8) of an image through a loop device that mount finds itself. A device that another test gives
 * up at the same moment can still be busy when mount gets it: then it is tried again.
 */
export function mountByLoop(image: string, target: string, options: readonly string[], type = 'ext4'): void {
  for (let attempt = 1; ; attempt++) {
    const { status, stderr } = spawnSync('mount', ['-t', type, '-o', ['loop', ...options].join(','), image, target], { encoding: 'utf8' });
    if (status === 0) return;
    if (status !== MOUNT_FAILURE || !stderr.includes('busy') || attempt === MOST_ATTEMPTS) throw new Error(`mount of ${image}: ${stderr}`);
  }
}

/** In milliseconds. */
const RELEASE_PATIENCE = 60_000;

/** @param options of losetup @returns the device */
export function attachLoop(image: string, ...options: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('losetup', ['--find', '--show', ...options, image], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`a loop device for ${image}: ${stderr}`);
  return stdout.trim();
}

/** Returns when the device has gone. */
export function detachLoop(image: string, device: string): void {
  spawnSync('losetup', ['--detach', device]);
  awaitRelease(image, device);
}

/**
 * umount(8), and waits until the loop device has gone too: a filesystem goes with the last of its mounts, and a
 * mount namespace that is just being made for another test's server has a copy for a moment.
 */
export function unmountLoop(image: string, target: string): void {
  const { status, stderr } = spawnSync('umount', [target], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`umount of ${target}: ${stderr}`);
  awaitRelease(image, target);
}

function awaitRelease(image: string, usedAs: string): void {
  const deadline = performance.now() + RELEASE_PATIENCE;
  for (let loop = loopOf(image); loop !== ''; loop = loopOf(image)) {
    if (performance.now() > deadline) throw new Error(`${image} is still mounted somewhere, although no longer as ${usedAs}\n${holdersOf(loop).join('\n')}`);
  }
}

const loopOf = (image: string): string => spawnSync('losetup', ['--associated', image, '--noheadings', '--output', 'NAME'], { encoding: 'utf8' }).stdout.trim();
