/**
 * A program: writes below DIRECTORY, and after every fsync notes in LOG what is durable from then on. Ends
 * where the mount does.
 *
 *   node acknowledging-writer.js DIRECTORY LOG SEED
 */
import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { errno } from '../../server/ext4/errors.js';
import { Random } from '../support/random.js';
import { documentContents, recordBytes } from './acknowledged.js';

const FILES = 6;
const MOST_RECORD = 3000;
const DOCUMENT_UP_TO = 20_000;
const [directory = '', logPath = '', seed = '0'] = process.argv.slice(2);
const random = new Random(Number(seed));
const log = openSync(logPath, 'a');
const files: { readonly index: number; readonly descriptor: number; size: number }[] = [];
let [root, version, marks] = [0, 0, 0];

function open(): void {
  root = openSync(directory, 'r');
  for (let index = 0; index < FILES; index++) files.push({ index, size: 0, descriptor: openSync(join(directory, `records-${index}`), 'a') });
}

const acknowledge = (line: string): void => void writeSync(log, `${line}\n`);

function append(): void {
  const file = files[random.below(FILES)];
  if (file === undefined) return;
  const length = 1 + random.below(MOST_RECORD);
  writeSync(file.descriptor, recordBytes(file.index, file.size, length));
  file.size += length;
  if (random.below(4) === 0) return;
  (random.below(2) === 0 ? fsyncSync : fdatasyncSync)(file.descriptor);
  acknowledge(`records ${file.index} ${file.size}`);
}

/** As editors save. */
function replaceDocument(): void {
  const unfinished = join(directory, 'document.new');
  const descriptor = openSync(unfinished, 'w');
  writeSync(descriptor, documentContents(++version, 1 + random.below(DOCUMENT_UP_TO)));
  fsyncSync(descriptor);
  closeSync(descriptor);
  renameSync(unfinished, join(directory, 'document'));
  fsyncSync(root);
  acknowledge(`document ${version}`);
}

function mark(): void {
  const name = `mark-${marks++}`;
  mkdirSync(join(directory, name));
  fsyncSync(root);
  acknowledge(`made ${name}`);
}

/** A file that came and went. */
function comeAndGo(): void {
  const name = `gone-${marks++}`;
  closeSync(openSync(join(directory, name), 'w'));
  if (random.below(2) === 0) fsyncSync(root);
  unlinkSync(join(directory, name));
  fsyncSync(root);
  acknowledge(`removed ${name}`);
}

const steps = [append, append, append, append, replaceDocument, mark, comeAndGo];
/** What a dead mount answers, and a full one. */
const ends: readonly number[] = [errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENOSPC];

try {
  open();
  for (;;) steps[random.below(steps.length)]?.();
} catch (error) {
  const number = Math.abs((error as NodeJS.ErrnoException).errno ?? 0);
  if (!ends.includes(number)) throw error;
}
