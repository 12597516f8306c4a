import type { Request } from '../session/request.js';

/** A name as its bytes, each as one character. */
const nameAt = (bytes: Uint8Array, offset: number, length: number): string => Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');

export const firstName = ({ bytes, nameOffset, nameLength }: Request): string => nameAt(bytes, nameOffset, nameLength);
export const secondName = ({ bytes, secondNameOffset, secondNameLength }: Request): string => nameAt(bytes, secondNameOffset, secondNameLength);
