import type { Name } from '../ext4/namespace/name.js';
import type { Request } from '../session/request.js';

/** The names of a request, where they lie in its buffer. */
export const firstName = ({ bytes, nameOffset, nameLength }: Request): Name => ({ bytes, offset: nameOffset, length: nameLength });
export const secondName = ({ bytes, secondNameOffset, secondNameLength }: Request): Name => ({ bytes, offset: secondNameOffset, length: secondNameLength });
