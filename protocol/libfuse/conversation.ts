/** What both ends do alike: one packet at a time, and one way to fail, which closes the channel. */
import type { Channel } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { CONVERSATION_CODES, SeqpacketError } from '../seqpacket/errors.js';
import { LibfuseError } from './errors.js';
import { decode, encode, type Packet, type PacketOf, type PacketType } from './packets.js';

/** The largest request to open a file: its head, the longest path, and the NUL. */
const LARGEST_OPEN = 20 + 4096 + 1;
/** For the peer to take a packet off our hands. */
const SEND_PATIENCE = 15_000;

export const FOR_EVER = Number.POSITIVE_INFINITY;

/** A packet and what came with it; the descriptors are the receiver's. */
export interface Received<Of extends Packet = Packet> {
  readonly packet: Of;
  readonly descriptors: readonly number[];
}

export class Conversation {
  readonly channel: Channel;
  /** The other end, as this end's messages call it. */
  readonly #peer: string;

  constructor(channel: Channel, peer: string) {
    this.channel = channel;
    this.#peer = peer;
    const { sendBuffer } = channel;
    if (sendBuffer !== undefined && sendBuffer < LARGEST_OPEN) {
      throw this.fail(new LibfuseError('SYSTEM', `the socket takes ${sendBuffer} bytes at once, ${LARGEST_OPEN} are needed`));
    }
  }

  /** The descriptors stay the caller's, whatever happens. */
  send(packet: Packet, descriptors: readonly number[] = []): void {
    const bytes = encode(packet);
    this.#guarded(`sending ${packet.type}`, () => this.channel.send(bytes, descriptors, SEND_PATIENCE));
  }

  /** The bytes of any packet; an empty one is how the dialect sees a peer that has left. */
  receiveBytes(awaited: string, milliseconds: number): { readonly bytes: Uint8Array; readonly descriptors: readonly number[] } {
    return this.#guarded(`waiting for ${awaited}`, () => {
      const received = this.channel.receive(milliseconds);
      if (received.bytes.length > 0) return received;
      closeDescriptors(received.descriptors);
      throw new LibfuseError('CLOSED', 'an empty packet came');
    });
  }

  receive<Type extends PacketType>(type: Type, milliseconds: number): Received<PacketOf<Type>> {
    const { bytes, descriptors } = this.receiveBytes(type, milliseconds);
    return this.#guarded(`waiting for ${type}`, () => {
      try {
        const packet = decode(bytes);
        if (isOfType(packet, type)) return { packet, descriptors };
        throw new LibfuseError('UNEXPECTED', `${packet.type} came instead`);
      } catch (error) {
        closeDescriptors(descriptors);
        throw error;
      }
    });
  }

  /** Ends the conversation, and returns the error for the caller to throw. */
  fail<Failure extends Error>(error: Failure): Failure {
    this.channel.close();
    return error;
  }

  #guarded<Result>(doing: string, act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      // What is wrong inside a structure is told with its place, which a wrapper would hide.
      if (error instanceof LibfuseError && error.code === 'MALFORMED') throw this.fail(error);
      const context = `${this.#peer}, ${doing}: ${error instanceof Error ? error.message : String(error)}`;
      if (error instanceof LibfuseError) throw this.fail(new LibfuseError(error.code, context, { cause: error }));
      if (error instanceof SeqpacketError) throw this.fail(new LibfuseError(CONVERSATION_CODES[error.code], context, { cause: error }));
      this.channel.close();
      throw error;
    }
  }
}

function isOfType<Type extends PacketType>(packet: Packet, type: Type): packet is PacketOf<Type> {
  return packet.type === type;
}
