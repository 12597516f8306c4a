/** What both ends of the handshake do alike: one packet at a time, and one way to fail. */
import { HandshakeError, type HandshakeErrorCode } from '../packets/errors.js';
import type { Channel } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { CONVERSATION_CODES, SeqpacketError } from '../seqpacket/errors.js';
import { decode, descriptorsOf, encode } from './codec.js';
import { RefusedError } from './errors.js';
import type { Fields, Message, MessageOf, MessageType, Refusal, RefusalCode } from './messages.js';

/** What the peer is told when this end fails; nothing where it could not hear it. */
const TO_PEER: Partial<Record<HandshakeErrorCode, RefusalCode>> = {
  MALFORMED: 'PROTOCOL',
  DESCRIPTORS: 'PROTOCOL',
  UNEXPECTED: 'PROTOCOL',
  TOO_LONG: 'PROTOCOL',
  VERSION: 'VERSION',
  FEATURE: 'FEATURE',
  TIMEOUT: 'TIMEOUT',
  SYSTEM: 'INTERNAL',
};

export class Conversation {
  readonly channel: Channel;
  /** The other end, as this end's messages call it. */
  readonly #peer: string;

  constructor(channel: Channel, peer: 'the helper' | 'the server') {
    this.channel = channel;
    this.#peer = peer;
  }

  /** The descriptors of the message stay the caller's, whatever happens. */
  send(message: Message, milliseconds: number): void {
    const { bytes, descriptors } = encode(message);
    if (this.channel.isReadable()) throw this.#interrupted();
    try {
      this.channel.send(bytes, descriptors, milliseconds);
    } catch (error) {
      throw isClosed(error) ? this.#interrupted() : this.#failed(error, `sending ${message.type}`);
    }
  }

  /**
   * While it is our turn the peer may refuse or die, nothing else. One that refuses and leaves just before
   * we send makes the sending fail: what it said is the better error.
   */
  #interrupted(): Error {
    const message = this.#next('our turn', 0);
    if (message.type === 'refusal') return this.#refused(message);
    closeDescriptors(descriptorsOf(message));
    return this.fail(new HandshakeError('UNEXPECTED', `${this.#peer} sent ${message.type} out of turn`));
  }

  /** The descriptors of the message are the caller's from here on. */
  receive<Type extends MessageType>(expected: readonly Type[], milliseconds: number): MessageOf<Type> {
    const awaited = expected.join(' or ');
    const message = this.#next(awaited, milliseconds);
    if (message.type === 'refusal') throw this.#refused(message);
    if (isOneOf(message, expected)) return message;
    closeDescriptors(descriptorsOf(message));
    throw this.fail(new HandshakeError('UNEXPECTED', `${this.#peer} sent ${message.type} instead of ${awaited}`));
  }

  #next(awaited: string, milliseconds: number): Message {
    try {
      return decode(this.channel.receive(milliseconds));
    } catch (error) {
      throw this.#failed(error, `waiting for ${awaited}`);
    }
  }

  /** Says why, as far as the peer still listens, and closes. */
  refuse(refusal: Fields<Refusal>): void {
    try {
      const { bytes } = encode({ type: 'refusal', ...refusal });
      this.channel.send(bytes, [], 0);
    } catch (error) {
      if (!(error instanceof SeqpacketError)) throw error;
    } finally {
      this.channel.close();
    }
  }

  /** Ends the conversation for a fault of the peer's, and returns the error for the caller to throw. */
  fail(error: HandshakeError): HandshakeError {
    const code = TO_PEER[error.code];
    if (code === undefined) this.channel.close();
    else this.refuse({ code, message: error.message, hint: '' });
    return error;
  }

  #failed(cause: unknown, doing: string): unknown {
    if (cause instanceof HandshakeError) {
      return this.fail(new HandshakeError(cause.code, this.#context(doing, cause), { cause }));
    }
    if (!(cause instanceof SeqpacketError)) {
      this.channel.close();
      return cause;
    }
    return this.fail(new HandshakeError(CONVERSATION_CODES[cause.code], this.#context(doing, cause), { cause }));
  }

  #context(doing: string, cause: Error): string {
    return `handshake with ${this.#peer}, ${doing}: ${cause.message}`;
  }

  #refused({ code, message, hint }: Refusal): RefusedError {
    this.channel.close();
    return new RefusedError(code, message, hint);
  }
}

const isClosed = (error: unknown) => error instanceof SeqpacketError && error.code === 'CLOSED';

function isOneOf<Type extends MessageType>(message: Message, expected: readonly Type[]): message is MessageOf<Type> {
  return (expected as readonly MessageType[]).includes(message.type);
}
