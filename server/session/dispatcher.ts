import { constants } from 'node:os';
import { MAXIMUM_ERRNO } from '../../protocol/fuse/header.js';
import { OPCODE_TABLE_LENGTH, Opcode, opcodeSlot, requestShapes, type OpcodeName } from '../../protocol/fuse/opcodes.js';
import type { Counters } from './counters.js';
import { isExpected, toErrno } from './failure.js';
import { DEFERRED, NO_REPLY, POSTPONED, UNREAD, type Handler, type OperationTable } from './handler.js';
import type { Reply } from './reply.js';
import type { Request } from './request.js';

const { EINVAL, ENOSYS } = constants.errno;

/** Told of every exception that a handler let through and that is no ordinary answer, before the kernel is answered. */
export type FailureListener = (opcode: OpcodeName, nodeid: number, error: unknown) => void;

/** Told of every request that is to be handled again, and what for, while it is in the buffer. */
export type PostponementListener = (request: Request, outcome: typeof POSTPONED | typeof UNREAD) => void;

/** Nothing to send. */
export const NOTHING = 0;

/**
 * From a request to its reply, without a device: finds the handler, guarantees that the fixed part
 * and the names of the request are there before the handler looks at them, and turns whatever comes
 * of it into exactly one well-formed reply.
 */
export class Dispatcher {
  private readonly handlers: (Handler | undefined)[] = new Array<Handler | undefined>(OPCODE_TABLE_LENGTH).fill(
    undefined,
  );
  private readonly counters: Counters;
  private readonly failed: FailureListener;
  private readonly postponed: PostponementListener;

  constructor(operations: OperationTable, counters: Counters, failed: FailureListener, postponed: PostponementListener) {
    this.counters = counters;
    this.failed = failed;
    this.postponed = postponed;
    for (const [name, handler] of Object.entries(operations) as [OpcodeName, Handler][]) {
      this.handlers[opcodeSlot(Opcode[name])] = handler;
    }
  }

  /**
   * @param length of what was read at `request.start`
   * @returns how many bytes to send from `reply.start` on, or NOTHING
   */
  handle(request: Request, length: number, reply: Reply): number {
    const wellFormed = request.decode(length);
    this.counters.begin(request.opcode, request.isRepeated);
    const outcome = wellFormed ? this.run(request, reply) : -EINVAL;
    this.counters.end();
    return this.toReply(request, reply, outcome);
  }

  private run(request: Request, reply: Reply): number {
    const { opcode } = request;
    const slot = opcodeSlot(opcode);
    const shape = slot < OPCODE_TABLE_LENGTH ? requestShapes[slot] : undefined;
    const handler = slot < OPCODE_TABLE_LENGTH ? this.handlers[slot] : undefined;
    if (shape === undefined || handler === undefined) return withoutReply(opcode) ? NO_REPLY : -ENOSYS;
    if (request.bodyLength < shape.fixedSize || !request.locateNames(shape.fixedSize, shape.names)) {
      return withoutReply(opcode) ? NO_REPLY : -EINVAL;
    }
    try {
      const outcome = handler(request, reply);
      if (!isOutcome(outcome, request, reply)) throw new RangeError(`the handler of ${shape.name} returned ${outcome}`);
      return outcome;
    } catch (error) {
      if (!isExpected(error)) {
        this.counters.fail();
        this.failed(shape.name, request.nodeid, error);
      }
      return withoutReply(opcode) ? NO_REPLY : toErrno(error);
    }
  }

  private toReply(request: Request, reply: Reply, outcome: number): number {
    const { uniqueLow, uniqueHigh } = request;
    if (outcome === NO_REPLY || outcome === DEFERRED) return NOTHING;
    if (outcome === POSTPONED || outcome === UNREAD) {
      this.postponed(request, outcome);
      return NOTHING;
    }
    if (outcome < 0) return reply.fail(uniqueLow, uniqueHigh, outcome);
    return reply.finish(uniqueLow, uniqueHigh, outcome);
  }
}

/** Whether it can become a reply that the kernel accepts. */
function isOutcome(outcome: number, { isRepeated }: Request, reply: Reply): boolean {
  if (outcome >= 0) return Number.isInteger(outcome) && outcome <= reply.capacity;
  return outcome >= -MAXIMUM_ERRNO || outcome === NO_REPLY || outcome === DEFERRED || outcome === UNREAD || (outcome === POSTPONED && !isRepeated);
}

/** Requests that the kernel does not wait for: a reply to one would be refused. */
export function withoutReply(opcode: number): boolean {
  return opcode === Opcode.FORGET || opcode === Opcode.BATCH_FORGET || opcode === Opcode.NOTIFY_REPLY;
}
