import { COMBINING_CLASSES, IGNORED, MULTIPLE, SINGLE } from './casefold-table.js';

/** Longest name there is; and what its every two bytes can become: four characters of four bytes. */
const MAX_NAME = 255;
const MAX_CHARACTERS = MAX_NAME * 2;
const MAX_BYTES = MAX_CHARACTERS * 4;

const NOTHING = new Int32Array(0);

/**
 * Names as a casefolded directory compares and hashes them: decomposed canonically, case folded in
 * full, characters without appearance left out (Unicode's NFD and C+F case folding, with
 * Default_Ignorable_Code_Point), all as of Unicode 12.1; newer characters stand for themselves.
 */
export class CaseFolder {
  /** The name folded last is bytes[0, length). */
  readonly bytes = new Uint8Array(MAX_BYTES);
  length = 0;
  readonly #characters = new Int32Array(MAX_CHARACTERS);
  readonly #classes = new Uint8Array(MAX_CHARACTERS);
  #count = 0;

  /** Folds bytes[offset, offset+length), at most 255. False where they are not UTF-8. */
  fold(bytes: Uint8Array, offset: number, length: number): boolean {
    if (this.#foldAscii(bytes, offset, length)) return true;
    const end = offset + length;
    this.#count = 0;
    for (let at = offset; at < end; ) {
      const size = sequenceLength(bytes, at, end);
      if (size === 0) return false;
      this.#append(decode(bytes, at, size));
      at += size;
    }
    this.#encode();
    return true;
  }

  #foldAscii(bytes: Uint8Array, offset: number, length: number): boolean {
    for (let at = 0; at < length; at++) {
      const byte = bytes[offset + at] as number;
      if (byte >= 0x80) return false;
      this.bytes[at] = foldAsciiByte(byte);
    }
    this.length = length;
    return true;
  }

  #append(character: number): void {
    if (character < 0x80) {
      this.#put(foldAsciiByte(character), 0);
      return;
    }
    if (character >= HANGUL.first && character < HANGUL.first + HANGUL.count) {
      this.#appendHangul(character - HANGUL.first);
      return;
    }
    const { foldings, classes } = tables();
    const folded = foldings.get(character);
    if (folded === undefined) {
      this.#put(character, classes.get(character) ?? 0);
      return;
    }
    // What is left out still keeps marks on either side of it from changing places.
    if (folded.length === 0) this.#put(LEFT_OUT, 0);
    for (let at = 0; at < folded.length; at++) {
      const part = folded[at] as number;
      this.#put(part, classes.get(part) ?? 0);
    }
  }

  /** The Unicode Standard, 3.12, "Conjoining Jamo Behavior". */
  #appendHangul(syllable: number): void {
    const trailing = syllable % HANGUL.trailings;
    const rest = Math.floor(syllable / HANGUL.trailings);
    this.#put(HANGUL.leading + Math.floor(rest / HANGUL.vowels), 0);
    this.#put(HANGUL.vowel + (rest % HANGUL.vowels), 0);
    if (trailing > 0) this.#put(HANGUL.trailing + trailing, 0);
  }

  /** Marks go before those of a higher class, up to the last character that is no mark. */
  #put(character: number, combiningClass: number): void {
    let at = this.#count++;
    if (combiningClass > 0) {
      for (; at > 0 && (this.#classes[at - 1] as number) > combiningClass; at--) {
        this.#characters[at] = this.#characters[at - 1] as number;
        this.#classes[at] = this.#classes[at - 1] as number;
      }
    }
    this.#characters[at] = character;
    this.#classes[at] = combiningClass;
  }

  #encode(): void {
    let at = 0;
    for (let index = 0; index < this.#count; index++) {
      const character = this.#characters[index] as number;
      if (character !== LEFT_OUT) at = encode(character, this.bytes, at);
    }
    this.length = at;
  }
}

export const foldAsciiByte = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte);

const LEFT_OUT = -1;
const HANGUL = { first: 0xac00, count: 11172, leading: 0x1100, vowel: 0x1161, trailing: 0x11a7, vowels: 21, trailings: 28 } as const;

/** Bytes of the well-formed UTF-8 sequence at `at` (RFC 3629), 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || at + size > end) return 0;
  for (let next = at + 1; next < at + size; next++) if (((bytes[next] as number) & 0xc0) !== 0x80) return 0;
  const second = bytes[at + 1] as number;
  if (first === 0xe0 && second < 0xa0) return 0;
  if (first === 0xed && second > 0x9f) return 0;
  if (first === 0xf0 && second < 0x90) return 0;
  if (first === 0xf4 && second > 0x8f) return 0;
  return size;
}

function decode(bytes: Uint8Array, at: number, size: number): number {
  if (size === 1) return bytes[at] as number;
  let character = (bytes[at] as number) & (0x7f >> size);
  for (let next = at + 1; next < at + size; next++) character = (character << 6) | ((bytes[next] as number) & 0x3f);
  return character;
}

/** @returns where the next character goes */
function encode(character: number, bytes: Uint8Array, at: number): number {
  if (character < 0x80) {
    bytes[at] = character;
    return at + 1;
  }
  const size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  let rest = character;
  for (let next = at + size - 1; next > at; next--) {
    bytes[next] = 0x80 | (rest & 0x3f);
    rest >>= 6;
  }
  bytes[at] = ((0xf00 >> size) & 0xff) | rest;
  return at + size;
}

interface Tables {
  /** What a character becomes, where that is not itself. */
  readonly foldings: ReadonlyMap<number, Int32Array>;
  readonly classes: ReadonlyMap<number, number>;
}

let loaded: Tables | undefined;

/** Unpacked when the first name needs them: most filesystems have no casefolded directory. */
const tables = (): Tables => (loaded ??= unpack());

function unpack(): Tables {
  const foldings = new Map<number, Int32Array>();
  for (const [first = 0, count = 0, step = 0, distance = 0] of items(SINGLE)) {
    for (let index = 0; index < count; index++) foldings.set(first + index * step, Int32Array.of(first + index * step + distance));
  }
  for (const [character = 0, ...parts] of items(MULTIPLE)) foldings.set(character, Int32Array.from(parts));
  for (const [first = 0, count = 0] of items(IGNORED)) {
    for (let index = 0; index < count; index++) foldings.set(first + index, NOTHING);
  }
  const classes = new Map<number, number>();
  for (const [first = 0, count = 0, combiningClass = 0] of items(COMBINING_CLASSES)) {
    for (let index = 0; index < count; index++) classes.set(first + index, combiningClass);
  }
  return { foldings, classes };
}

const items = (table: string): number[][] =>
  table
    .trim()
    .split(' ')
    .map((item) => item.split('.').map((number) => parseInt(number, 36)));
