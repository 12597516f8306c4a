import type { OpcodeName } from '../../protocol/fuse/opcodes.js';
import type { Reply } from './reply.js';
import type { Request } from './request.js';

/**
 * Handles one request to its end. Returns the length of the body that it wrote at `reply.body`, or a
 * negative errno, or NO_REPLY, DEFERRED, POSTPONED or UNREAD. What it throws becomes an errno too (see Dispatcher).
 */
export type Handler = (request: Request, reply: Reply) => number;

/** What a filesystem answers; what is not in it is answered ENOSYS, which the kernel remembers for most opcodes. */
export type OperationTable = Readonly<Partial<Record<OpcodeName, Handler>>>;

/** The kernel expects no reply (FORGET, BATCH_FORGET). */
export const NO_REPLY = -0x10000;

/** The reply comes later, by the unique that the handler has kept. */
export const DEFERRED = -0x10001;

/**
 * What the kernel has sent already and was not read yet may change the answer. The request comes again, as a
 * repeated one, after others.
 */
export const POSTPONED = -0x10002;

/** The device has begun to read what it takes. The request comes again, however often, when that may be there. */
export const UNREAD = -0x10003;

/** FORGET and BATCH_FORGET where nothing is kept per lookup. */
export const forgetNothing: Handler = () => NO_REPLY;
