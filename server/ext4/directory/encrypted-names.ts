import { createHash } from 'node:crypto';
import * as layout from '../layout/directory-entry.js';
import type { EntryRun } from './entry-run.js';
import { HashVersion, type NameHash } from './hash.js';
import type { NameScheme, ShownName } from './names.js';

/**
 * What stands for an encrypted name while its key is unknown, in base64url without padding, as the
 * kernel does (struct fscrypt_nokey_name): hash and minor hash, or zeros where the directory has
 * none; the first bytes of the encrypted name; and where that is longer, the SHA-256 of the rest.
 */
const HASHES_SIZE = 8;
const KEPT_SIZE = 149;
const DIGEST_SIZE = 32;
const DIGESTED_SIZE = HASHES_SIZE + KEPT_SIZE + DIGEST_SIZE;
/** Encrypted names are padded to at least one cipher block. */
const MIN_ENCRYPTED_NAME = 16;

const ALPHABET = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
const NO_DIGIT = 0xff;
const DIGITS = new Uint8Array(256).fill(NO_DIGIT);
ALPHABET.forEach((character, digit) => (DIGITS[character] = digit));

const encodedSize = (size: number): number => Math.ceil((size * 4) / 3);

/** Names of an encrypted directory without its key: each is shown as text from which it is found again. */
export class EncryptedNames implements NameScheme {
  readonly #hash: NameHash;
  readonly #blockSize: number;
  /** The name wanted: hashes, bytes and digest as above. */
  readonly #wanted = new Uint8Array(DIGESTED_SIZE);
  readonly #wantedView = new DataView(this.#wanted.buffer);
  #wantedSize = 0;
  readonly #decoded = new Uint8Array(DIGESTED_SIZE);
  readonly #decodedView = new DataView(this.#decoded.buffer);
  readonly #shown = new Uint8Array(encodedSize(DIGESTED_SIZE));

  constructor(hash: NameHash, blockSize: number) {
    this.#hash = hash;
    this.#blockSize = blockSize;
  }

  prepare(bytes: Uint8Array, offset: number, length: number): boolean {
    const size = decode(bytes, offset, length, this.#wanted);
    this.#wantedSize = size;
    return size === DIGESTED_SIZE || (size > HASHES_SIZE && size <= HASHES_SIZE + KEPT_SIZE);
  }

  hashPrepared(version: number): boolean {
    if (version !== HashVersion.SIPHASH && !this.#isDigested) {
      return this.#hash.compute(version, this.#wanted, HASHES_SIZE, this.#wantedSize - HASHES_SIZE);
    }
    this.#hash.take(this.#wantedView.getUint32(0, true), this.#wantedView.getUint32(4, true));
    return this.#hash.major !== 0;
  }

  find(run: EntryRun): number {
    const { view, end } = run;
    for (let entry = run.start; entry < end; entry += layout.recordLength(view, entry, this.#blockSize)) {
      if (layout.entryInode(view, entry) !== 0 && this.#isWanted(run, entry)) return entry;
    }
    return -1;
  }

  hashEntry(version: number, { bytes, view }: EntryRun, entry: number): boolean {
    if (version === HashVersion.SIPHASH) {
      this.#hash.take(layout.storedHash(view, entry), layout.storedMinorHash(view, entry));
      return true;
    }
    return this.#hash.compute(version, bytes, layout.nameStart(entry), layout.nameLength(view, entry));
  }

  show(version: number, run: EntryRun, entry: number, into: ShownName): boolean {
    const { bytes, view } = run;
    const start = layout.nameStart(entry);
    const length = layout.nameLength(view, entry);
    if (length < MIN_ENCRYPTED_NAME) return false;
    const isHashed = version >= 0 && this.hashEntry(version, run, entry);
    this.#decodedView.setUint32(0, isHashed ? this.#hash.major : 0, true);
    this.#decodedView.setUint32(4, isHashed && this.#hash.major !== 0 ? this.#hash.minor : 0, true);
    const kept = Math.min(length, KEPT_SIZE);
    copy(bytes, start, kept, this.#decoded, HASHES_SIZE);
    if (length > KEPT_SIZE) this.#decoded.set(digest(bytes, start, length), HASHES_SIZE + KEPT_SIZE);
    into.bytes = this.#shown;
    into.nameOffset = 0;
    into.nameLength = encode(this.#decoded, length > KEPT_SIZE ? DIGESTED_SIZE : HASHES_SIZE + kept, this.#shown);
    return true;
  }

  get #isDigested(): boolean {
    return this.#wantedSize === DIGESTED_SIZE;
  }

  #isWanted({ bytes, view }: EntryRun, entry: number): boolean {
    const start = layout.nameStart(entry);
    const length = layout.nameLength(view, entry);
    const kept = this.#isDigested ? KEPT_SIZE : this.#wantedSize - HASHES_SIZE;
    if (this.#isDigested ? length <= KEPT_SIZE : length !== kept) return false;
    for (let at = 0; at < kept; at++) if (bytes[start + at] !== this.#wanted[HASHES_SIZE + at]) return false;
    if (!this.#isDigested) return true;
    const rest = digest(bytes, start, length);
    return rest.every((byte, at) => byte === this.#wanted[HASHES_SIZE + KEPT_SIZE + at]);
  }
}

/**
 * The target of an encrypted symbolic link without its key, which the kernel shows like a name that has no hash.
 *
 * @returns bytes written to `target`
 */
export function showEncryptedTarget(bytes: Uint8Array, start: number, end: number, target: Uint8Array, targetOffset: number): number {
  const length = end - start;
  const shown = new Uint8Array(DIGESTED_SIZE);
  copy(bytes, start, Math.min(length, KEPT_SIZE), shown, HASHES_SIZE);
  if (length > KEPT_SIZE) shown.set(digest(bytes, start, length), HASHES_SIZE + KEPT_SIZE);
  return encode(shown, length > KEPT_SIZE ? DIGESTED_SIZE : HASHES_SIZE + length, target.subarray(targetOffset));
}

function copy(from: Uint8Array, offset: number, length: number, to: Uint8Array, at: number): void {
  for (let index = 0; index < length; index++) to[at + index] = from[offset + index] as number;
}

/** SHA-256 of what follows the bytes that are kept. */
const digest = (bytes: Uint8Array, start: number, length: number): Uint8Array =>
  createHash('sha256')
    .update(bytes.slice(start + KEPT_SIZE, start + length))
    .digest();

/** @returns characters written */
function encode(bytes: Uint8Array, size: number, into: Uint8Array): number {
  let bits = 0;
  let waiting = 0;
  let written = 0;
  for (let at = 0; at < size; at++) {
    waiting = ((waiting << 8) | (bytes[at] as number)) & 0x3fff;
    for (bits += 8; bits >= 6; bits -= 6) into[written++] = ALPHABET[(waiting >> (bits - 6)) & 0x3f] as number;
  }
  if (bits > 0) into[written++] = ALPHABET[(waiting << (6 - bits)) & 0x3f] as number;
  return written;
}

/** @returns bytes written, -1 where the text is no base64url, is too long, or ends in bits that no encoder leaves */
function decode(text: Uint8Array, offset: number, length: number, into: Uint8Array): number {
  if (length > encodedSize(into.length)) return -1;
  let bits = 0;
  let waiting = 0;
  let written = 0;
  for (let at = offset; at < offset + length; at++) {
    const digit = DIGITS[text[at] as number] as number;
    if (digit === NO_DIGIT) return -1;
    waiting = ((waiting << 6) | digit) & 0x3fff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      into[written++] = (waiting >> bits) & 0xff;
    }
  }
  return (waiting & ((1 << bits) - 1)) === 0 ? written : -1;
}
