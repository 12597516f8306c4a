/** Packets to messages and back. `decode` closes the packet's descriptors when it throws; `encode` never closes any. */
import type { z } from 'zod';
import { MAX_PACKET, type Packet } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { HandshakeError } from '../service/errors.js';
import { carryIn, placeIn, type Placed, type Slot } from '../service/roles.js';
import { fuse4fs } from './generated/broker.js';
import { schemas, type Message, type MessageType } from './messages.js';

const wire = fuse4fs.broker;

const SLOTS: Record<MessageType, readonly Slot[]> = {
  mountRequest: [
    { place: 'source', role: 'SOURCE', min: 1, max: 1 },
    { place: 'mountPoint', role: 'MOUNT_POINT', min: 0, max: 1 },
    { place: 'mountNamespace', role: 'MOUNT_NAMESPACE', min: 1, max: 1 },
    { place: 'journal', role: 'JOURNAL', min: 0, max: 1 },
  ],
  unmountRequest: [
    { place: 'parent', role: 'PARENT', min: 1, max: 1 },
    { place: 'mountNamespace', role: 'MOUNT_NAMESPACE', min: 1, max: 1 },
  ],
  mounted: [{ place: 'mount', role: 'MOUNT', min: 0, max: 1 }],
  unmounted: [],
  refusal: [],
};

export function encode(message: Message): Packet {
  const { type, ...fields } = validate(message.type, message);
  const { roles, descriptors } = carryIn(SLOTS[type], placedIn(message));
  const bytes = wire.Packet.encode(wire.Packet.fromObject({ [type]: { ...fields, descriptors: roles } })).finish();
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

/** Every descriptor that came with a message. */
export const descriptorsOf = (message: Message): readonly number[] => carryIn(SLOTS[message.type], placedIn(message)).descriptors;

const placedIn = (message: Message): Partial<Placed> => ('descriptors' in message ? (message.descriptors as Partial<Placed>) : {});

function parse(bytes: Uint8Array, received: readonly number[]): Message {
  const [only] = Object.entries(read(bytes));
  if (only === undefined) throw new HandshakeError('MALFORMED', 'a packet contains no message that this version knows');
  const [type, body] = only as [MessageType, Record<string, unknown>];
  const { descriptors: roles = [], ...fields } = body;
  const descriptors = placeIn(SLOTS[type], type, roles as readonly unknown[], received);
  return validate(type, { type, ...fields, ...(descriptors && { descriptors }) });
}

function read(bytes: Uint8Array): Record<string, unknown> {
  try {
    return wire.Packet.toObject(wire.Packet.decode(bytes), { defaults: true, arrays: true, enums: String, longs: Number });
  } catch (cause) {
    throw new HandshakeError('MALFORMED', 'a packet is not protobuf', { cause });
  }
}

function validate(type: MessageType, message: object): Message {
  const schema: z.ZodType<Message> = schemas[type];
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const complaints = result.error.issues.slice(0, 3).map(({ path, message: what }) => `${[type, ...path].join('.')}: ${what}`);
  throw new HandshakeError('MALFORMED', complaints.join('; '));
}
