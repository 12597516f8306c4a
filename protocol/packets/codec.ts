/** Packets to messages and back, alike for every contract that is written in protobuf. */
import type { IConversionOptions } from 'protobufjs';
import type * as z from 'zod';
import { MAX_PACKET, type Packet } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { HandshakeError } from './errors.js';
import { carry, place, type Placed, type Slot } from './slots.js';

interface AnyMessage {
  readonly type: string;
  readonly descriptors?: Partial<Placed>;
}

/** What protobufjs generates for the message that is a packet: one oneof of all messages. */
interface GeneratedPacket<Wire> {
  fromObject(fields: Record<string, unknown>): Wire;
  toObject(packet: Wire, options: IConversionOptions): Record<string, unknown>;
  encode(packet: Wire): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Wire;
}

export interface Contract<Message extends AnyMessage, Wire> {
  readonly packet: GeneratedPacket<Wire>;
  readonly schemas: Readonly<Record<Message['type'], z.ZodType<Message>>>;
  /** Of the messages that carry descriptors. */
  readonly slots: Partial<Readonly<Record<Message['type'], readonly Slot[]>>>;
}

export interface Codec<Message extends AnyMessage> {
  /** Closes no descriptor. */
  encode(message: Message): Packet;
  /** Closes the packet's descriptors when it throws. */
  decode(packet: Packet): Message;
  /** Every descriptor of a message, in the order in which a packet carries them. */
  descriptorsOf(message: Message): readonly number[];
}

export function codecOf<Message extends AnyMessage, Wire>({ packet: wire, schemas, slots }: Contract<Message, Wire>): Codec<Message> {
  type Type = Message['type'];
  const slotsOf = (type: Type): readonly Slot[] => slots[type] ?? [];

  function encode(message: Message): Packet {
    const { type, ...fields } = validate(message.type, message);
    const { roles, descriptors } = carry(slotsOf(type), message.descriptors ?? {});
    const bytes = wire.encode(wire.fromObject({ [type]: { ...fields, descriptors: roles } })).finish();
    if (bytes.length > MAX_PACKET) throw new HandshakeError('TOO_LONG', `${type} of ${bytes.length} bytes exceeds a packet`);
    return { bytes, descriptors };
  }

  function decode({ bytes, descriptors }: Packet): Message {
    try {
      return parse(bytes, descriptors);
    } catch (error) {
      closeDescriptors(descriptors);
      throw error;
    }
  }

  const descriptorsOf = (message: Message): readonly number[] => carry(slotsOf(message.type), message.descriptors ?? {}).descriptors;

  function parse(bytes: Uint8Array, received: readonly number[]): Message {
    const [type, body] = onlyMessage(read(bytes));
    const { descriptors: roles = [], ...fields } = body;
    const descriptors = place(slotsOf(type), type, roles as readonly unknown[], received);
    return validate(type, { type, ...fields, ...(descriptors && { descriptors }) });
  }

  function read(bytes: Uint8Array): Record<string, unknown> {
    try {
      return wire.toObject(wire.decode(bytes), { defaults: true, arrays: true, enums: String, longs: Number });
    } catch (cause) {
      throw new HandshakeError('MALFORMED', 'a packet is not protobuf', { cause });
    }
  }

  /** The one member of the oneof that is set: of several the last, as protobuf has it. */
  function onlyMessage(packet: Record<string, unknown>): [Type, Record<string, unknown>] {
    const [only] = Object.entries(packet);
    if (only === undefined) throw new HandshakeError('MALFORMED', 'a packet contains no message that this version knows');
    return only as [Type, Record<string, unknown>];
  }

  function validate(type: Type, message: object): Message {
    const schema: z.ZodType<Message> = schemas[type];
    const result = schema.safeParse(message);
    if (result.success) return result.data;
    const complaints = result.error.issues.slice(0, 3).map(({ path, message: what }) => `${[type, ...path].join('.')}: ${what}`);
    throw new HandshakeError('MALFORMED', complaints.join('; '));
  }

  return { encode, decode, descriptorsOf };
}
