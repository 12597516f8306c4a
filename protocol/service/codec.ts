/** Packets to messages and back. `decode` closes the packet's descriptors when it throws; `encode` never closes any. */
import type { z } from 'zod';
import { MAX_PACKET, type Packet } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { HandshakeError } from './errors.js';
import { fuse4fs } from './generated/service.js';
import { schemas, type Message, type MessageType } from './messages.js';
import { carry, place } from './roles.js';

const wire = fuse4fs.service;

export function encode(message: Message): Packet {
  const { type, ...fields } = validate(message.type, message);
  const { roles, descriptors } = carry(message);
  const packet = wire.Packet.fromObject({ [type]: { ...fields, descriptors: roles } });
  const bytes = wire.Packet.encode(packet).finish();
  if (bytes.length > MAX_PACKET) throw new HandshakeError('TOO_LONG', `${type} of ${bytes.length} bytes exceeds a packet`);
  return { bytes, descriptors };
}

export function decode({ bytes, descriptors }: Packet): Message {
  try {
    return parse(bytes, descriptors);
  } catch (error) {
    closeDescriptors(descriptors);
    throw error;
  }
}

function parse(bytes: Uint8Array, received: readonly number[]): Message {
  const [type, body] = onlyMessage(read(bytes));
  const { descriptors: roles = [], ...fields } = body;
  const descriptors = place(type, roles as readonly unknown[], received);
  return validate(type, { type, ...fields, ...(descriptors && { descriptors }) });
}

function read(bytes: Uint8Array): Record<string, unknown> {
  try {
    return wire.Packet.toObject(wire.Packet.decode(bytes), { defaults: true, arrays: true, enums: String, longs: Number });
  } catch (cause) {
    throw new HandshakeError('MALFORMED', 'a packet is not protobuf', { cause });
  }
}

/** The one member of the oneof that is set: of several the last, as protobuf has it. */
function onlyMessage(packet: Record<string, unknown>): [MessageType, Record<string, unknown>] {
  const [only] = Object.entries(packet);
  if (only === undefined) throw new HandshakeError('MALFORMED', 'a packet contains no message that this version knows');
  return only as [MessageType, Record<string, unknown>];
}

function validate(type: MessageType, message: object): Message {
  const schema: z.ZodType<Message> = schemas[type];
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const complaints = result.error.issues.slice(0, 3).map(({ path, message: what }) => `${[type, ...path].join('.')}: ${what}`);
  throw new HandshakeError('MALFORMED', complaints.join('; '));
}
