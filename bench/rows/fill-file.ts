import { run } from '../command.js';

/** Writes a file that has all its blocks, and is on the device. */
export async function fillFile(path: string, mebibytes: number): Promise<void> {
  await run('dd', 'if=/dev/urandom', `of=${path}`, 'bs=1M', `count=${mebibytes}`, 'conv=fsync', 'status=none');
}
