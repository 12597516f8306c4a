/**
 * The server's end of libfuse's fuse-service dialect: the server asks, the mount helper acts. Synchronous.
 *
 *   const end = ServerEnd.accept(channel);       // the channel is the end's from here on
 *   end.arguments, end.fuse                      // the helper's command line, and /dev/fuse, which is the caller's
 *   const device = end.open('/dev/sdb1', { openFlags });
 *   end.finishOpening();
 *   end.fsopen(fuseblk); end.source(name); end.mountPoint(path, S_IFDIR); end.options('allow_other');
 *   end.mount(flags);
 *   end.goodbye(true);
 *
 * Errors: RequestRefusedError (the helper answered with an errno; the conversation goes on), LibfuseError
 * (it died, stalled or broke the protocol; the channel is closed then). The helper is waited for as long as
 * it takes to do what it was asked: a mount on a network may be slow.
 */
import { fstatSync, readSync } from 'node:fs';
import type { Channel } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { MAX_ARGUMENTS_BYTES, decodeArguments } from './argument-list.js';
import { Conversation, FOR_EVER } from './conversation.js';
import { LibfuseError, MalformedError, RequestRefusedError } from './errors.js';
import { FSOPEN_FUSEBLK, HELLO_ALLOW_OTHER, HELLO_FUSEBLK, OPEN_QUIET, VERSION, lettersOf, type Packet } from './packets.js';

/** What the helper says about itself, and pushes without being asked. */
const OPENING_PATIENCE = 15_000;

const FUSE_DEVICE_NUMBER = 10 * 256 + 229;

export interface OpenWish {
  /** O_*, as the machine has them. */
  readonly openFlags: number;
  /** Nobody is to be told if it fails. */
  readonly quiet?: boolean;
  /** Anything but a block device is refused. */
  readonly blockDevice?: boolean;
}

export class ServerEnd {
  /** The name of the filesystem, and then what the helper was called with, without its own -t. */
  readonly arguments: readonly string[];
  /** /dev/fuse, not yet mounted. */
  readonly fuse: number;
  /** What the helper will permit. */
  readonly mayAllowOther: boolean;
  readonly mayUseFuseblk: boolean;
  readonly #conversation: Conversation;

  private constructor(conversation: Conversation, flags: number, words: readonly string[], fuse: number) {
    this.#conversation = conversation;
    this.mayAllowOther = (flags & HELLO_ALLOW_OTHER) !== 0;
    this.mayUseFuseblk = (flags & HELLO_FUSEBLK) !== 0;
    this.arguments = words;
    this.fuse = fuse;
  }

  static accept(channel: Channel, patience = OPENING_PATIENCE): ServerEnd {
    const conversation = new Conversation(channel, 'the mount helper');
    try {
      const flags = agree(conversation, patience);
      const list = takeFile(conversation, 'argv', patience);
      const words = orClose(conversation, [list], () => readArguments(list));
      closeDescriptors([list]);
      const fuse = takeFile(conversation, 'fusedev', patience);
      orClose(conversation, [fuse], () => assertFuseDevice(fuse));
      return new ServerEnd(conversation, flags, words, fuse);
    } catch (error) {
      throw conversation.fail(error as Error);
    }
  }

  get isOpen(): boolean {
    return this.#conversation.channel.isOpen;
  }

  /** @returns a descriptor, which is the caller's */
  open(path: string, { openFlags, quiet = false, blockDevice = false }: OpenWish): number {
    const type = blockDevice ? 'openBlockDevice' : 'open';
    this.#conversation.send({ type, openFlags, createMode: 0, requestFlags: quiet ? OPEN_QUIET : 0, blockSize: 0, path });
    return takeFile(this.#conversation, path, FOR_EVER, lettersOf(type));
  }

  /** No descriptor is taken any more, whoever sends one. */
  finishOpening(): void {
    this.#conversation.channel.refuseDescriptors();
  }

  /** First of all that follow: the helper may apply the others to what this makes. */
  fsopen(fuseblk: boolean): void {
    this.#ask({ type: 'fsopen', flags: fuseblk ? FSOPEN_FUSEBLK : 0 }, fuseblk ? 'fuseblk' : 'fuse');
  }

  source(text: string): void {
    this.#ask({ type: 'source', text }, text);
  }

  /** @param expectedFormat S_IFDIR or S_IFREG, or 0 for either */
  mountPoint(path: string, expectedFormat: number): void {
    this.#ask({ type: 'mountPoint', expectedFormat, path }, path);
  }

  options(text: string): void {
    this.#ask({ type: 'options', text }, text);
  }

  tableOptions(text: string): void {
    this.#ask({ type: 'tableOptions', text }, text);
  }

  /** @param flags MS_* */
  mount(flags: number): void {
    this.#ask({ type: 'mount', flags }, '');
  }

  /** Ends the helper; it never answers. Any other exit code could make its caller run something else instead. */
  goodbye(succeeded: boolean): void {
    if (!this.isOpen) return;
    try {
      this.#conversation.send({ type: 'goodbye', exitCode: succeeded ? 0 : 1 });
    } catch (error) {
      if (!(error instanceof LibfuseError)) throw error;
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#conversation.channel.close();
  }

  #ask(request: Packet, about: string): void {
    this.#conversation.send(request);
    const { packet, descriptors } = this.#conversation.receive('reply', FOR_EVER);
    if (descriptors.length > 0) {
      closeDescriptors(descriptors);
      throw this.#conversation.fail(new LibfuseError('DESCRIPTORS', `the mount helper sent ${descriptors.length} descriptors with a reply`));
    }
    if (packet.error !== 0) throw new RequestRefusedError(lettersOf(request.type), about, packet.error);
  }
}

/** @returns the flags of the helper's hello */
function agree(conversation: Conversation, patience: number): number {
  const { packet: hello, descriptors } = conversation.receive('hello', patience);
  closeDescriptors(descriptors);
  const { minVersion, maxVersion, flags } = hello;
  if (descriptors.length > 0) throw conversation.fail(new LibfuseError('DESCRIPTORS', 'the mount helper sent descriptors with its hello'));
  if (minVersion > maxVersion) throw conversation.fail(new MalformedError('SAFT', 'min_version', minVersion, `it is above max_version, ${maxVersion}`));
  if (minVersion > VERSION || maxVersion < VERSION) {
    throw conversation.fail(new LibfuseError('VERSION', `the mount helper speaks versions ${minVersion} to ${maxVersion}, this server ${VERSION}`));
  }
  if ((flags & ~(HELLO_ALLOW_OTHER | HELLO_FUSEBLK)) !== 0) throw conversation.fail(new MalformedError('SAFT', 'flags', flags, 'bits are set that have no meaning'));
  conversation.send({ type: 'helloReply', version: VERSION });
  return flags;
}

/** A file that was asked for, or is due: exactly one descriptor, unless there is an error. */
function takeFile(conversation: Conversation, path: string, patience: number, request = 'FILE'): number {
  const { packet, descriptors } = conversation.receive('file', patience);
  return orClose(conversation, descriptors, () => {
    if (packet.path !== path) throw new MalformedError('FILE', 'path', packet.path, `${JSON.stringify(path)} was awaited`);
    if (descriptors.length !== (packet.error === 0 ? 1 : 0)) {
      throw new LibfuseError('DESCRIPTORS', `the mount helper sent ${descriptors.length} descriptors for "${path}" with error ${packet.error}`);
    }
    if (packet.error !== 0) throw new RequestRefusedError(request, path, packet.error);
    return descriptors[0]!;
  });
}

/** What the peer can change while it is read is copied once, and judged afterwards. */
function readArguments(descriptor: number): string[] {
  const stats = fstatSync(descriptor);
  if (!stats.isFile()) throw new MalformedError('ARGS', 'file', stats.mode, 'it is not a regular file');
  if (stats.size > MAX_ARGUMENTS_BYTES) throw new MalformedError('ARGS', 'size', stats.size, `the limit is ${MAX_ARGUMENTS_BYTES}`);
  const bytes = new Uint8Array(stats.size);
  let length = 0;
  for (;;) {
    const count = readSync(descriptor, bytes, length, bytes.length - length, length);
    if (count === 0) break;
    length += count;
  }
  return decodeArguments(bytes.subarray(0, length));
}

function assertFuseDevice(descriptor: number): void {
  const stats = fstatSync(descriptor);
  if (!stats.isCharacterDevice() || stats.rdev !== FUSE_DEVICE_NUMBER) {
    throw new MalformedError('FILE', 'fusedev', stats.rdev, 'it is not /dev/fuse');
  }
}

/** A request that was refused leaves the conversation open, anything else does not. */
function orClose<Result>(conversation: Conversation, descriptors: readonly number[], act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    closeDescriptors(descriptors);
    throw error instanceof RequestRefusedError ? error : conversation.fail(error as Error);
  }
}
