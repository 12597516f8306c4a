import * as z from 'zod';

/** What an option's value may be: how to name it in help, and the schema that checks and converts the text. */
export interface OptionValue {
  readonly metavar: string;
  readonly schema: z.ZodType<string | number, string>;
  /** The option may also be given without a value. */
  readonly optional?: true;
}

const unit: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

const safe = (what: string): z.ZodNumber =>
  z.number().refine(Number.isSafeInteger, { error: `${what} must be below 2^53` }) as z.ZodNumber;

/** Bytes, as losetup(8) reads them: a plain number, or one with K, M, G or T (also KiB, MiB, …) for powers of 1024. */
export const bytes: OptionValue = {
  metavar: 'BYTES',
  schema: z
    .string()
    .regex(/^\d+([KMGT](iB)?)?$/i, 'expected a number of bytes, for example 1048576 or 1M')
    .transform((text) => parseInt(text, 10) * (unit[(/[KMGT]/i.exec(text)?.[0] ?? '').toUpperCase()] ?? NaN))
    .pipe(safe('the number of bytes')),
};

export const integer = (metavar: string): OptionValue => ({
  metavar,
  schema: z.string().regex(/^\d+$/, 'expected a whole number').transform(Number).pipe(safe('the number')),
});

/** A boolean ext4 option in its numeric spelling, for example barrier=0. */
export const zeroOrOne: OptionValue = { metavar: '0|1', schema: z.enum(['0', '1']), optional: true };

export const choice = (...words: [string, ...string[]]): OptionValue => ({
  metavar: words.join('|'),
  schema: z.enum(words, { error: `expected one of ${words.join(', ')}` }),
});

export const text = (metavar: string): OptionValue => ({
  metavar,
  schema: z.string().min(1, 'expected a value').max(4096, 'too long'),
});

export const optionally = (value: OptionValue): OptionValue => ({ ...value, optional: true });
