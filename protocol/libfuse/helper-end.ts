/**
 * The mount helper's end of libfuse's fuse-service dialect: the server asks, and whoever is behind
 * MountDuties acts. Synchronous.
 *
 *   const end = HelperEnd.start(channel, { allowOther: true, fuseblk: true });   // the channel is the end's
 *   end.push(argumentFile, fuse);
 *   const exitCode = end.serve(duties);          // until the server says goodbye
 *
 * What is wrong with the form of a request is answered here, in the order that the protocol has, and so
 * is what may happen only once; duties see good requests alone. Errors: LibfuseError, with the channel closed.
 */
import { constants as files } from 'node:fs';
import { constants } from 'node:os';
import type { Channel } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { Conversation, FOR_EVER } from './conversation.js';
import { LibfuseError, MalformedError } from './errors.js';
import { FSOPEN_FUSEBLK, HELLO_ALLOW_OTHER, HELLO_FUSEBLK, OPEN_QUIET, VERSION, claimedType, decode, type OpenPacket, type Packet, type PacketOf } from './packets.js';

const { EINVAL, EPERM } = constants.errno;

/** Each returns 0, or for open() a descriptor, or a negative errno. */
export interface MountDuties {
  /** The descriptor is closed once it is sent. */
  open(request: OpenPacket): number;
  source(text: string): number;
  /** @param expectedFormat S_IFDIR, S_IFREG, or 0 for either */
  mountPoint(path: string, expectedFormat: number): number;
  options(text: string): number;
  tableOptions(text: string): number;
  /** @param flags MS_*, of any kind */
  mount(flags: number, fuseblk: boolean): number;
}

export interface Permissions {
  readonly allowOther: boolean;
  readonly fuseblk: boolean;
}

/** Longer than it takes to start a service. */
const ANSWER_PATIENCE = 60_000;

const FORMATS: readonly number[] = [0, files.S_IFDIR, files.S_IFREG];

/** Requests that tell one thing about the mount, and may succeed once. */
const SETTINGS = ['fsopen', 'source', 'mountPoint', 'options', 'tableOptions'] as const;
type SettingType = (typeof SETTINGS)[number];
type Setting = PacketOf<SettingType>;

export class HelperEnd {
  readonly #conversation: Conversation;
  readonly #permissions: Permissions;
  /** Requests that succeeded, of those that may only once. */
  readonly #done = new Set<Packet['type']>();
  #fuseblk = false;

  private constructor(conversation: Conversation, permissions: Permissions) {
    this.#conversation = conversation;
    this.#permissions = permissions;
  }

  /** Says hello, and takes the answer. */
  static start(channel: Channel, permissions: Permissions, patience = ANSWER_PATIENCE): HelperEnd {
    const conversation = new Conversation(channel, 'the service');
    channel.refuseDescriptors();
    const flags = (permissions.allowOther ? HELLO_ALLOW_OTHER : 0) | (permissions.fuseblk ? HELLO_FUSEBLK : 0);
    conversation.send({ type: 'hello', minVersion: VERSION, maxVersion: VERSION, flags });
    const { packet, descriptors } = conversation.receive('helloReply', patience);
    closeDescriptors(descriptors);
    if (packet.version !== VERSION) {
      throw conversation.fail(new LibfuseError('VERSION', `the service chose version ${packet.version}, offered was ${VERSION}`));
    }
    return new HelperEnd(conversation, permissions);
  }

  /** The command line, and /dev/fuse; both stay the caller's. */
  push(argumentFile: number, fuse: number): void {
    this.#conversation.send({ type: 'file', error: 0, path: 'argv' }, [argumentFile]);
    this.#conversation.send({ type: 'file', error: 0, path: 'fusedev' }, [fuse]);
  }

  /** @returns the service's exit code, when it has said goodbye */
  serve(duties: MountDuties): number {
    for (;;) {
      const { bytes, descriptors } = this.#conversation.receiveBytes('a request', FOR_EVER);
      if (descriptors.length > 0) {
        closeDescriptors(descriptors);
        throw this.#conversation.fail(new LibfuseError('DESCRIPTORS', `the service sent ${descriptors.length} descriptors`));
      }
      const exitCode = this.#answer(bytes, duties);
      if (exitCode !== undefined) return exitCode;
    }
  }

  close(): void {
    this.#conversation.channel.close();
  }

  #answer(bytes: Uint8Array, duties: MountDuties): number | undefined {
    const request = this.#understand(bytes);
    if (request === undefined) return undefined;
    switch (request.type) {
      case 'open':
      case 'openBlockDevice':
        this.#open(request, duties);
        return undefined;
      case 'mount':
        this.#reply(this.#done.has('source') && this.#done.has('mountPoint') ? duties.mount(request.flags, this.#fuseblk) : -EINVAL);
        return undefined;
      case 'goodbye':
        this.close();
        return request.exitCode;
      default:
        if (!isSetting(request)) {
          throw this.#conversation.fail(new LibfuseError('UNEXPECTED', `the service sent ${request.type}, which is no request`));
        }
        this.#reply(this.#once(request, duties));
        return undefined;
    }
  }

  /** Undefined if the answer was that it is malformed. */
  #understand(bytes: Uint8Array): Packet | undefined {
    try {
      return decode(bytes);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      const type = claimedType(bytes);
      if (type === 'open' || type === 'openBlockDevice') this.#conversation.send({ type: 'file', error: EINVAL, path: '?' });
      else if (type === 'mount' || isSettingType(type)) this.#reply(-EINVAL);
      else throw this.#conversation.fail(error);
      return undefined;
    }
  }

  #open(request: OpenPacket, duties: MountDuties): void {
    const isKnown = (request.requestFlags & ~OPEN_QUIET) === 0;
    const result = isKnown ? duties.open(request) : -EINVAL;
    try {
      this.#conversation.send({ type: 'file', error: result < 0 ? -result : 0, path: request.path }, result < 0 ? [] : [result]);
    } finally {
      if (result >= 0) closeDescriptors([result]);
    }
  }

  #once(request: Setting, duties: MountDuties): number {
    if (this.#done.has(request.type)) return -EINVAL;
    const result = this.#perform(request, duties);
    if (result === 0) this.#done.add(request.type);
    return result;
  }

  #perform(request: Setting, duties: MountDuties): number {
    switch (request.type) {
      case 'fsopen':
        return this.#fsopen(request.flags);
      case 'source':
        return duties.source(request.text);
      case 'mountPoint':
        return FORMATS.includes(request.expectedFormat) ? duties.mountPoint(request.path, request.expectedFormat) : -EINVAL;
      case 'options':
        return this.#permissions.allowOther || !asksForOthers(request.text) ? duties.options(request.text) : -EPERM;
      case 'tableOptions':
        return duties.tableOptions(request.text);
    }
  }

  #fsopen(flags: number): number {
    if ((flags & ~FSOPEN_FUSEBLK) !== 0) return -EINVAL;
    if (flags !== 0 && !this.#permissions.fuseblk) return -EPERM;
    this.#fuseblk = flags !== 0;
    return 0;
  }

  #reply(result: number): void {
    this.#conversation.send({ type: 'reply', error: result < 0 ? -result : 0 });
  }
}

const isSettingType = (type: Packet['type'] | undefined): type is SettingType => (SETTINGS as readonly unknown[]).includes(type);
const isSetting = (packet: Packet): packet is Setting => isSettingType(packet.type);
const asksForOthers = (options: string): boolean => options.split(',').some((word) => word === 'allow_other' || word === 'allow_root');
