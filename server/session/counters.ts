import { OPCODE_TABLE_LENGTH, opcodeSlot, requestShapes } from '../../protocol/fuse/opcodes.js';

/** Slots behind the one per opcode. */
const UNKNOWN_OPCODES = OPCODE_TABLE_LENGTH;
const ERRORS = OPCODE_TABLE_LENGTH + 1;
const STARTED = OPCODE_TABLE_LENGTH + 2;
const FINISHED = OPCODE_TABLE_LENGTH + 3;
const LENGTH = OPCODE_TABLE_LENGTH + 4;

/**
 * What the filesystem thread has done, in memory that the main thread can read while the other is
 * blocked. One thread writes, and a reader that is one request late does no harm, so nothing here is
 * atomic: a plain store of an aligned double does not tear on a 64-bit machine.
 */
export class Counters {
  readonly memory: SharedArrayBuffer;
  private readonly slots: Float64Array;

  constructor(memory = new SharedArrayBuffer(LENGTH * Float64Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.slots = new Float64Array(memory);
  }

  /** @param isRepeated it came before, and was postponed */
  begin(opcode: number, isRepeated = false): void {
    const { slots } = this;
    const slot = opcodeSlot(opcode);
    if (!isRepeated) slots[slot] = (slots[slot] ?? 0) + 1;
    slots[STARTED] = (slots[STARTED] ?? 0) + 1;
  }

  end(): void {
    const { slots } = this;
    slots[FINISHED] = (slots[FINISHED] ?? 0) + 1;
  }

  /** Damage, a failing device, a defect: not what a caller may be told in the course of things. */
  fail(count = 1): void {
    const { slots } = this;
    slots[ERRORS] = (slots[ERRORS] ?? 0) + count;
  }

  get errors(): number {
    return this.slots[ERRORS] ?? 0;
  }

  get finished(): number {
    return this.slots[FINISHED] ?? 0;
  }

  /** A request has been begun and not ended. */
  get busy(): boolean {
    return this.slots[STARTED] !== this.slots[FINISHED];
  }

  /** How many requests of each opcode came, those that came at all. */
  byOpcode(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const shape of requestShapes) {
      const count = shape === undefined ? 0 : (this.slots[opcodeSlot(shape.opcode)] ?? 0);
      if (shape !== undefined && count > 0) counts[shape.name] = count;
    }
    const unknown = this.slots[UNKNOWN_OPCODES] ?? 0;
    if (unknown > 0) counts['unknown'] = unknown;
    return counts;
  }
}
