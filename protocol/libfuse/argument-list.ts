/**
 * The command line of the mount helper, as it lies in the file that the service gets first: a magic, a
 * count, a position and a length for each argument, and the arguments with their NULs.
 */
import { MalformedError } from './errors.js';
import { decodeText } from './packets.js';

const LETTERS = 'ARGS';
const HEAD = 8;
const ENTRY = 8;

/** Of the whole file. */
export const MAX_ARGUMENTS_BYTES = 1 << 20;
const MAX_ARGUMENTS = 4096;

export function encodeArguments(words: readonly string[]): Uint8Array {
  const texts = words.map((word) => Buffer.from(`${word}\0`));
  const table = Buffer.alloc(HEAD + ENTRY * words.length);
  table.write(LETTERS, 'latin1');
  table.writeUInt32BE(words.length, 4);
  let position = table.length;
  texts.forEach((text, index) => {
    table.writeUInt32BE(position, HEAD + ENTRY * index);
    table.writeUInt32BE(text.length, HEAD + ENTRY * index + 4);
    position += text.length;
  });
  return Buffer.concat([table, ...texts]);
}

/** @throws MalformedError */
export function decodeArguments(bytes: Uint8Array): string[] {
  if (bytes.length < HEAD) throw new MalformedError(LETTERS, 'size', bytes.length, 'the head does not fit');
  const magic = Buffer.from(bytes.subarray(0, 4)).toString('latin1');
  if (magic !== LETTERS) throw new MalformedError(LETTERS, 'magic', magic, 'it is no list of arguments');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(4);
  if (count === 0) throw new MalformedError(LETTERS, 'argc', count, 'the name of the filesystem is missing');
  const table = HEAD + ENTRY * count;
  if (count > MAX_ARGUMENTS || table > bytes.length) throw new MalformedError(LETTERS, 'argc', count, `they do not fit into ${bytes.length} bytes`);
  // Entries that overlap could name the same megabyte thousands of times.
  let left = bytes.length - table;
  return Array.from({ length: count }, (_, index) => {
    const position = view.getUint32(HEAD + ENTRY * index);
    const length = view.getUint32(HEAD + ENTRY * index + 4);
    if (position < table || position > bytes.length) throw new MalformedError(LETTERS, `pos[${index}]`, position, `it is not between the table and the end at ${bytes.length}`);
    if (length === 0 || position + length > bytes.length) throw new MalformedError(LETTERS, `len[${index}]`, length, 'it is empty, or leads beyond the end');
    left -= length;
    if (left < 0) throw new MalformedError(LETTERS, `len[${index}]`, length, 'arguments overlap');
    return decodeText(LETTERS, `string[${index}]`, bytes.subarray(position, position + length));
  });
}
