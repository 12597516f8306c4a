/** Which descriptors a message carries, and in which place of it each role goes. */
import { HandshakeError } from './errors.js';

export interface Slot {
  readonly place: string;
  readonly role: string;
  readonly min: number;
  readonly max: number;
  /** The place holds an array. */
  readonly many?: true;
}

/** The descriptors of a message by place. */
export type Placed = Readonly<Record<string, number | readonly number[]>>;

/**
 * `roles` come from the peer: names of known roles, and numbers that no role has. Undefined for messages
 * without slots; `type` only names the message in errors.
 */
export function place(slots: readonly Slot[], type: string, roles: readonly unknown[], received: readonly number[]): Placed | undefined {
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

/** The reverse of `place`, in the order of the slots. */
export function carry(slots: readonly Slot[], placed: Partial<Placed>): Carried {
  const pairs = slots.flatMap(({ place, role }) =>
    [placed[place] ?? []].flat().map((fd) => ({ role, fd })));
  return { roles: pairs.map(({ role }) => role), descriptors: pairs.map(({ fd }) => fd) };
}
