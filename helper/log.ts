/** One line for each event, on standard error, where the journal takes it from. */
import { writeSync } from 'node:fs';
import { printable } from '../protocol/packets/fields.js';

const LONGEST_TEXT = 4096;
const priorities = { warning: 4, notice: 5, info: 6 } as const;

/** The journal reads the priority from the line; people need not. */
const withPriority = process.env['JOURNAL_STREAM'] !== undefined;

export function log(priority: keyof typeof priorities, text: string): void {
  try {
    writeSync(2, `${withPriority ? `<${priorities[priority]}>` : ''}${printable(text, LONGEST_TEXT)}\n`);
  } catch {
    // Nobody listens: no reason to end.
  }
}
