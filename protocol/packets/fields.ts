/** Fields that messages of every contract have. */
import * as z from 'zod';

/**
 * What a volume label or a message from the other end could do to a terminal or a log: C0, DEL, C1, line and
 * direction controls. Half a surrogate pair, as cutting a text leaves it, is not UTF-8 on the wire.
 */
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\p{Surrogate}]/gu;

export const printable = (value: string, most: number): string => value.slice(0, most).replace(CONTROLS, '\ufffd');

/** A text for people. */
export const textOfAtMost = (most: number): z.ZodType<string> => z.string().transform((value) => printable(value, most));

export const descriptor = z.int().min(0);
/** "major:minor" as in mountinfo. */
export const deviceNumber = z.string().regex(/^\d{1,10}:\d{1,10}$/u, 'is not a device number');
export const code = z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/u, 'is not a code');
