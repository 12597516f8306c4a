/**
 * The packets of libfuse's fuse-service dialect: fixed structures, big-endian, without alignment. A text
 * runs to the end of its packet, which is one NUL; an empty one does not exist.
 */
import { MalformedError } from './errors.js';

export type Packet =
  | { readonly type: 'hello'; readonly minVersion: number; readonly maxVersion: number; readonly flags: number }
  | { readonly type: 'helloReply'; readonly version: number }
  /** Answers open and openBlockDevice; two are sent without being asked for. */
  | { readonly type: 'file'; readonly error: number; readonly path: string }
  | { readonly type: 'reply'; readonly error: number }
  | OpenPacket
  | { readonly type: 'fsopen'; readonly flags: number }
  | { readonly type: 'source'; readonly text: string }
  | { readonly type: 'mountPoint'; readonly expectedFormat: number; readonly path: string }
  | { readonly type: 'options'; readonly text: string }
  | { readonly type: 'tableOptions'; readonly text: string }
  | { readonly type: 'mount'; readonly flags: number }
  | { readonly type: 'goodbye'; readonly exitCode: number };

export interface OpenPacket {
  readonly type: 'open' | 'openBlockDevice';
  /** O_*, as the machine has them. */
  readonly openFlags: number;
  readonly createMode: number;
  readonly requestFlags: number;
  readonly blockSize: number;
  readonly path: string;
}

export type PacketType = Packet['type'];
export type PacketOf<Type extends PacketType> = Extract<Packet, { type: Type }>;

/** Bits of hello.flags: what the helper will permit. */
export const HELLO_ALLOW_OTHER = 1;
export const HELLO_FUSEBLK = 2;
/** Bit of an OpenPacket's requestFlags: nobody is told that it failed. */
export const OPEN_QUIET = 1;
/** Bit of fsopen.flags. */
export const FSOPEN_FUSEBLK = 1;

export const VERSION = 1;

interface Layout {
  readonly letters: string;
  readonly fixed: readonly (readonly [name: string, bytes: 2 | 4])[];
  /** The name of the text at the end. */
  readonly text?: string;
}

/** Must be zero. */
const PADDING = 'padding';

const open: Layout['fixed'] = [['openFlags', 4], ['createMode', 4], ['requestFlags', 4], ['blockSize', 4]];

const LAYOUTS: Readonly<Record<PacketType, Layout>> = {
  hello: { letters: 'SAFT', fixed: [['minVersion', 2], ['maxVersion', 2], ['flags', 4]] },
  helloReply: { letters: 'LAST', fixed: [['version', 2], [PADDING, 2]] },
  file: { letters: 'FILE', fixed: [['error', 4]], text: 'path' },
  reply: { letters: 'REPL', fixed: [['error', 4]] },
  open: { letters: 'OPEN', fixed: open, text: 'path' },
  openBlockDevice: { letters: 'BDEV', fixed: open, text: 'path' },
  fsopen: { letters: 'TYPE', fixed: [['flags', 4]] },
  source: { letters: 'NAME', fixed: [], text: 'text' },
  mountPoint: { letters: 'MNTP', fixed: [['expectedFormat', 2], [PADDING, 2]], text: 'path' },
  options: { letters: 'OPTS', fixed: [], text: 'text' },
  tableOptions: { letters: 'MTAB', fixed: [], text: 'text' },
  mount: { letters: 'DOIT', fixed: [['flags', 4]] },
  goodbye: { letters: 'BYEE', fixed: [['exitCode', 4]] },
};

const MAGIC = 4;

const typeByLetters: ReadonlyMap<string, PacketType> = new Map(
  Object.entries(LAYOUTS).map(([type, { letters }]) => [letters, type as PacketType]),
);

/** The four letters by which the protocol's authors call a packet. */
export const lettersOf = (type: PacketType): string => LAYOUTS[type].letters;

/** Whether a connection that begins with this packet speaks the dialect. */
export const opensConversation = (bytes: Uint8Array): boolean => lettersAt(bytes) === LAYOUTS.hello.letters;

/** What kind a packet claims to be; undefined if there is no such kind. */
export const claimedType = (bytes: Uint8Array): PacketType | undefined => typeByLetters.get(lettersAt(bytes));

const lettersAt = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(0, MAGIC)).toString('latin1');

export function encode(packet: Packet): Uint8Array {
  const { letters, fixed, text } = LAYOUTS[packet.type];
  const values = packet as unknown as Readonly<Record<string, number | string>>;
  const tail = text === undefined ? Buffer.alloc(0) : encodeText(letters, text, values[text] as string);
  const head = Buffer.alloc(MAGIC + fixed.reduce((sum, [, bytes]) => sum + bytes, 0));
  head.write(letters, 'latin1');
  let offset = MAGIC;
  for (const [name, bytes] of fixed) offset = head.writeUIntBE((values[name] ?? 0) as number, offset, bytes);
  return Buffer.concat([head, tail]);
}

function encodeText(letters: string, place: string, value: string): Buffer {
  if (value === '') throw new MalformedError(letters, place, value, 'an empty text cannot be sent');
  if (value.includes('\0')) throw new MalformedError(letters, place, value, 'a NUL cannot be sent');
  return Buffer.from(`${value}\0`);
}

/** @throws MalformedError */
export function decode(bytes: Uint8Array): Packet {
  const type = claimedType(bytes);
  if (type === undefined) throw new MalformedError('packet', 'magic', Buffer.from(bytes.subarray(0, MAGIC)).toString('hex'), 'there is no such packet');
  const { letters, fixed, text } = LAYOUTS[type];
  const head = MAGIC + fixed.reduce((sum, [, width]) => sum + width, 0);
  const isOfGoodSize = text === undefined ? bytes.length === head : bytes.length >= head + 2;
  if (!isOfGoodSize) {
    const wanted = text === undefined ? `it has ${head} bytes` : `it has at least ${head + 2} bytes`;
    throw new MalformedError(letters, 'size', bytes.length, wanted);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values: Record<string, number | string> = {};
  let offset = MAGIC;
  for (const [name, width] of fixed) {
    const value = width === 2 ? view.getUint16(offset) : view.getUint32(offset);
    if (name !== PADDING) values[name] = value;
    else if (value !== 0) throw new MalformedError(letters, PADDING, value, 'it must be zero');
    offset += width;
  }
  if (text !== undefined) values[text] = decodeText(letters, text, bytes.subarray(offset));
  return { type, ...values } as unknown as Packet;
}

/** One text and its NUL, which is the last byte and the only one; also that of an argument. */
export function decodeText(structure: string, place: string, bytes: Uint8Array): string {
  const shown = (): string => Buffer.from(bytes.subarray(0, 64)).toString('latin1');
  const end = bytes.indexOf(0);
  if (end < 0) throw new MalformedError(structure, place, shown(), 'its last byte must be NUL');
  if (end !== bytes.length - 1) throw new MalformedError(structure, place, shown(), 'something follows its NUL');
  try {
    return utf8.decode(bytes.subarray(0, end));
  } catch {
    throw new MalformedError(structure, place, shown(), 'it is not UTF-8');
  }
}

/** A byte order mark is part of a name like any other character. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
