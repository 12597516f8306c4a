/**
 * tagged-files.js write|read DIRECTORY SEED ROUNDS: a writer makes, cuts off, lengthens and removes files of its own in
 * which every 512 bytes hold the inode's number and their place; a reader reads whatever is there, and says what it
 * finds in a file that is not that file's.
 */
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readdirSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from './random.js';

const [, , role = '', directory = '', seed = '', rounds = ''] = process.argv;
const random = new Random(Number(seed));
const SECTOR = 512;
const UNIT = 4096;
const MOST_UNITS = 512;
const FILES = 4;
const READS_OF_A_ROUND = 12;

/** Names are used again, and so are inodes: what tells one file from the next is when it was made. */
const tagOf = (descriptor: number): readonly [number, number] => {
  const { ino, birthtimeMs } = fstatSync(descriptor);
  return [ino, Math.floor(birthtimeMs * 1000) % 2 ** 32];
};

function tagged(tag: readonly [number, number], offset: number, length: number): Uint32Array {
  const words = new Uint32Array(length / 4);
  for (let at = 0; at < length; at += SECTOR) words.set([tag[0], tag[1], (offset + at) / SECTOR, 0x7a667a66], at / 4);
  return words;
}

function write(): void {
  for (let round = 0; round < Number(rounds); round++) {
    const path = join(directory, `${seed}-${random.below(FILES)}`);
    if (random.below(4) === 0) {
      ignoring(['ENOENT'], () => unlinkSync(path));
      continue;
    }
    const direct = random.below(2) === 0 ? constants.O_DIRECT : 0;
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | direct, 0o644);
    ignoring(['ENOSPC'], () => {
      const units = 1 + random.below(MOST_UNITS);
      const from = random.below(MOST_UNITS - units + 1);
      if (random.below(2) === 0) ftruncateSync(descriptor, random.below(MOST_UNITS) * UNIT);
      const bytes = tagged(tagOf(descriptor), from * UNIT, units * UNIT);
      writeSync(descriptor, bytes, 0, bytes.byteLength, from * UNIT);
      if (random.below(2) === 0) fsyncSync(descriptor);
    });
    closeSync(descriptor);
  }
}

function read(): void {
  const bytes = new Uint32Array((MOST_UNITS * UNIT) / 4);
  for (let round = 0; round < Number(rounds) * READS_OF_A_ROUND; round++) {
    const names = readdirSync(directory);
    const name = names[random.below(Math.max(1, names.length))];
    if (name === undefined) continue;
    ignoring(['ENOENT'], () => {
      const descriptor = openSync(join(directory, name), constants.O_RDONLY | (random.below(3) > 0 ? constants.O_DIRECT : 0));
      const from = random.below(MOST_UNITS) * UNIT;
      const count = readSync(descriptor, bytes, 0, Math.min(bytes.byteLength, (1 + random.below(MOST_UNITS)) * UNIT), from);
      judge(name, tagOf(descriptor), from, bytes.subarray(0, count / 4));
      closeSync(descriptor);
    });
  }
}

function judge(name: string, [inode, made]: readonly [number, number], from: number, words: Uint32Array): void {
  for (let at = 0; at < words.length; at += SECTOR / 4) {
    const place = (from + at * 4) / SECTOR;
    const isBlank = words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0;
    if (isBlank || (words[at] === inode && words[at + 1] === made && words[at + 2] === place)) continue;
    process.stdout.write(`${name} (${inode}, ${made}) holds at ${place}: ${words.subarray(at, at + 4).join(' ')}\n`);
    return;
  }
}

function ignoring(codes: readonly string[], act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

if (role === 'write') write();
else read();
