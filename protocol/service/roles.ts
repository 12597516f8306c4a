/** Which descriptors a message carries, and in which place of it each role goes. */
import { HandshakeError } from './errors.js';
import { MAX_CLONES, type Message, type MessageType } from './messages.js';

export interface Slot {
  readonly place: string;
  readonly role: string;
  readonly min: number;
  readonly max: number;
  /** The place holds an array. */
  readonly many?: true;
}

const SLOTS: Partial<Record<MessageType, readonly Slot[]>> = {
  source: [
    { place: 'device', role: 'DEVICE', min: 1, max: 1 },
    { place: 'fuse', role: 'FUSE', min: 1, max: 1 },
  ],
  journal: [{ place: 'device', role: 'JOURNAL_DEVICE', min: 1, max: 1 }],
  mounted: [
    { place: 'fuseClones', role: 'FUSE_CLONE', min: 0, max: MAX_CLONES, many: true },
    { place: 'statusListener', role: 'STATUS_LISTENER', min: 0, max: 1 },
  ],
};

/** The descriptors of a message by place; undefined for messages that have none. */
export type Placed = Readonly<Record<string, number | readonly number[]>>;

/** `roles` come from the peer: names of known roles, and numbers that no role has. */
export const place = (type: MessageType, roles: readonly unknown[], received: readonly number[]): Placed | undefined =>
  placeIn(SLOTS[type] ?? [], type, roles, received);

/** The same for messages of any contract: `slots` are those of the message, which `type` names. */
export function placeIn(slots: readonly Slot[], type: string, roles: readonly unknown[], received: readonly number[]): Placed | undefined {
  if (roles.length !== received.length) {
    throw new HandshakeError('DESCRIPTORS', `${type} names ${roles.length} descriptors and carries ${received.length}`);
  }
  const stranger = roles.find((role) => !slots.some((slot) => slot.role === role));
  if (stranger !== undefined) throw new HandshakeError('DESCRIPTORS', `${type} may not carry a descriptor as ${String(stranger)}`);
  if (slots.length === 0) return undefined;
  return Object.fromEntries(slots.flatMap((slot) => {
    const found = received.filter((_, index) => roles[index] === slot.role);
    if (found.length < slot.min || found.length > slot.max) {
      throw new HandshakeError('DESCRIPTORS', `${type} carries ${found.length} descriptors as ${slot.role}`);
    }
    return slot.many ? [entry(slot.place, found)] : found.map((fd) => entry(slot.place, fd));
  }));
}

const entry = (place: string, value: number | readonly number[]): [string, number | readonly number[]] => [place, value];

export interface Carried {
  readonly roles: readonly string[];
  readonly descriptors: readonly number[];
}

/** The reverse of `place`, in the order of the table. */
export function carry(message: Message): Carried {
  return carryIn(SLOTS[message.type] ?? [], 'descriptors' in message ? message.descriptors : {});
}

export function carryIn(slots: readonly Slot[], placed: Partial<Placed>): Carried {
  const pairs = slots.flatMap(({ place, role }) =>
    [placed[place] ?? []].flat().map((fd) => ({ role, fd })));
  return { roles: pairs.map(({ role }) => role), descriptors: pairs.map(({ fd }) => fd) };
}
