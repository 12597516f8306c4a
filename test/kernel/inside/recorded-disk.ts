import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../support/command.js';
import { attachLoop, detachLoop } from '../../support/loop-mount.js';
import { RecordingDevice } from '../../support/recording-device.js';
import { compiledProgram } from './compiled-program.js';

export interface RecordedDisk {
  /** A loop device; everything that is written to it is recorded, whoever writes. */
  readonly device: string;
  /** What is written to this file becomes a mark in the recording, before write(2) returns. */
  readonly marks: string;
}

/** As in native/recording-disk.c: kind and length, then the position. */
const HEADER = 16;
const WRITE = 0;
const FLUSH = 1;

/** Lets `use` work on a device with the image's contents. @returns all that reached it, in order */
export async function recordDisk(directory: string, image: string, use: (disk: RecordedDisk) => Promise<void>): Promise<RecordingDevice> {
  const [copy, target, log] = [join(directory, 'recorded.img'), join(directory, 'recording'), join(directory, 'events')];
  copyFileSync(image, copy);
  mkdirSync(target);
  const child = spawn(await compiledProgram('recording-disk'), [copy, target, log], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  if ((await Promise.race([once(child.stdout, 'data').then(() => 'ready'), ended.then(() => 'ended')])) === 'ended')
    throw new Error('the recording server ended before its mount was ready');
  const file = join(target, 'disk');
  const device = attachLoop(file);
  try {
    await use({ device, marks: join(target, 'mark') });
  } finally {
    detachLoop(file, device);
    await run('umount', [target]);
    await ended;
  }
  return replayed(image, readFileSync(log));
}

function replayed(image: string, log: Buffer): RecordingDevice {
  const device = RecordingDevice.of(image);
  for (let at = 0; at < log.length; ) {
    const [kind, length, position] = [log.readUInt32LE(at), log.readUInt32LE(at + 4), Number(log.readBigUInt64LE(at + 8))];
    const bytes = log.subarray(at + HEADER, at + HEADER + length);
    if (kind === WRITE) device.write(bytes, 0, length, position);
    else if (kind === FLUSH) device.flush();
    else device.recording.mark(bytes.toString());
    at += HEADER + length;
  }
  return device;
}
